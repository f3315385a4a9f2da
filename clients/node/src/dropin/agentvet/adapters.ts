// Validators: functions of the arguments that say whether they fit.  Those of shapes and tools ask the database.
import { later, now, type Asking } from '../ask.js';
import { Named } from '../named.js';
import { ofJson, toJson } from '../../values.js';

export type ValidateResult<T = any> = { valid: true; value?: T } | { valid: false; error: string };
export interface Validator<T = any> {
	(args: any): ValidateResult<T>;
	/** The same, awaited: what a validator has that asks the database. */
	later?(args: any): Promise<ValidateResult<T>>;
}

export interface ZodLikeSchema {
	safeParse(value: any): any;
}

/** What a field of a shape may be: a type of agentvet, or an object of agentvet's dialect (doc/agentvet.md). */
export type Field = string | Record<string, unknown>;

const TYPE = /^(string|number|integer|boolean|array|object|null)\??$/;
const shapes = new Named('agentvet_', 'SELECT 1 AS known FROM agentcore.tools WHERE name = :name::text',
	"SELECT agentcore.tool_set(:name::text, :definition::text::jsonb, dialect => 'agentvet', additional => true)");
const VALIDATE = 'SELECT agentcore.args_validate(:tool::text, :args::text::jsonb)::text AS errors';
const COERCE = 'SELECT args::text, errors::text FROM agentcore.args_coerce(:tool::text, :args::text::jsonb)';

interface Fault {
	path: string;
	keyword: string;
	message: string;
	params: { property?: string };
}

const worded = ({ path, keyword, message, params }: Fault): string =>
	keyword === 'required' && params.property !== undefined ? `missing required field '${path ? `${path}/` : ''}${params.property}'` : `${path || 'arguments'}: ${message}`;

function* judged(tool: string, shape: unknown, coerce: boolean, args: unknown): Asking<ValidateResult> {
	const row = (yield* shapes.ask(tool, shape, coerce ? COERCE : VALIDATE, { tool, args: toJson(args) }))[0]!;
	const faults: Fault[] = ofJson(row['errors']);
	if (faults.length) return { valid: false, error: faults.map(worded).join('; ') };
	return { valid: true, value: coerce ? ofJson(row['args']) : args };
}

function asking(tool: string, shape: unknown, coerce: boolean): Validator {
	return Object.assign((args: any) => now(judged(tool, shape, coerce, args)), { later: (args: any) => later(judged(tool, shape, coerce, args)) });
}

export const adapters = {
	/** Of zod, and of whatever has safeParse(). */
	zod<T = any>(schema: ZodLikeSchema): Validator<T> {
		if (typeof schema?.safeParse !== 'function') throw new TypeError('adapters.zod: the schema has no safeParse()');
		return (args) => {
			const { success, data, error } = schema.safeParse(args);
			if (success) return { valid: true, value: data };
			const issues: { path?: unknown[]; message: string }[] = error?.issues ?? error?.errors ?? [{ message: String(error) }];
			return { valid: false, error: issues.map(({ path, message }) => `${path?.length ? path.join('.') : '<args>'}: ${message}`).join('; ') };
		};
	},

	/** Of a function that says yes or no, and of words for no. */
	fn<T = any>(predicate: (args: any) => boolean, words: string | ((args: any) => string) = 'the arguments were not accepted'): Validator<T> {
		if (typeof predicate !== 'function') throw new TypeError('adapters.fn: a function is wanted');
		return (args) => (predicate(args) ? { valid: true, value: args } : { valid: false, error: typeof words === 'function' ? words(args) : words });
	},

	/** Of fields and their types, judged by the database.  coerce: with the safe repairs of args_coerce(). */
	shape<T = any>(fields: Record<string, Field>, { coerce = false } = {}): Validator<T> {
		if (!fields || typeof fields !== 'object') throw new TypeError('adapters.shape: an object is wanted');
		for (const [name, type] of Object.entries(fields))
			if (typeof type === 'string' ? !TYPE.test(type) : typeof type !== 'object' || type === null)
				throw new TypeError(`adapters.shape: ${name}: ${JSON.stringify(type)} is no type`);
		return asking(shapes.nameOf(fields), fields, coerce);
	},

	/** Of a tool that the database knows, whatever its schema is written in. */
	tool<T = any>(name: string, { coerce = false } = {}): Validator<T> {
		return asking(name, null, coerce);
	},
};
