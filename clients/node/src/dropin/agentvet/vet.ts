// vet() and validate(): arguments are judged before a tool runs.
import type { ValidateResult, Validator } from './adapters.js';
import { ToolArgError } from './errors.js';

export interface VetSpec<TArgs = any, TReturn = any> {
	name: string;
	schema: Validator<TArgs>;
	fn: (args: TArgs) => TReturn | Promise<TReturn>;
	/** What the tool returns in place of the error; undefined: it is thrown. */
	onError?: (error: ToolArgError, args: any) => any;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';

function named(name: unknown, of: string): void {
	if (typeof name !== 'string' || !name) throw new TypeError(`${of}: a name is wanted`);
}

function judged<T>(name: string, result: ValidateResult<T>, args: any): { valid: true; value: T } | { valid: false; error: ToolArgError } {
	if (!result || typeof result !== 'object') throw new TypeError(`the validator of '${name}' gave no object: { valid: true, value } or { valid: false, error } is wanted`);
	if (result.valid === true) return { valid: true, value: result.value === undefined ? args : result.value };
	return { valid: false, error: new ToolArgError(name, typeof result.error === 'string' ? result.error : 'they do not fit', args) };
}

/** The tool, run only with arguments that fit.  It awaits the database. */
export function vet<TArgs = any, TReturn = any>(spec: VetSpec<TArgs, TReturn>): (args: any) => Promise<TReturn> {
	if (!spec || typeof spec !== 'object') throw new TypeError('vet: an object is wanted');
	const { name, schema, fn, onError } = spec;
	named(name, 'vet');
	if (!isFunction(schema)) throw new TypeError('vet: schema is a validator, such as adapters.shape({...})');
	if (!isFunction(fn)) throw new TypeError('vet: fn is a function');
	if (onError !== undefined && onError !== null && !isFunction(onError)) throw new TypeError('vet: onError is a function');
	return async (args) => {
		const found = judged(name, await (schema.later ? schema.later(args) : schema(args)), args);
		if (found.valid) return fn(found.value);
		const instead = onError?.(found.error, args);
		if (instead !== undefined) return instead;
		throw found.error;
	};
}

/** Whether the arguments fit.  It waits for the database where the validator asks it: nothing else of the program runs meanwhile. */
export function validate<T = any>(name: string, schema: Validator<T>, args: any): { valid: true; value: T } | { valid: false; error: ToolArgError } {
	named(name, 'validate');
	if (!isFunction(schema)) throw new TypeError('validate: schema is a validator, such as adapters.shape({...})');
	return judged(name, schema(args), args);
}
