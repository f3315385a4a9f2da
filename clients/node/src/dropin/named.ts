// What a program defines, as objects of the database: made once, under a name made of their digest.
import { createHash } from 'node:crypto';
import { GateError } from '../errors.js';
import type { Parameters, Row } from '../statements.js';
import type { Asking } from './ask.js';

const sorted = (value: any): any => {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
	return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
};

const UNKNOWN = '42704';

/** One kind of them.  is: a query that has a row where :name is there.  make: what makes it; that takes the level admin, and asking does not. */
export class Named {
	private readonly known = new Set<string>();

	constructor(private readonly prefix: string, private readonly is: string, private readonly make: string) {}

	nameOf(definition: unknown): string {
		return this.prefix + createHash('sha256').update(JSON.stringify(sorted(definition))).digest('hex').slice(0, 40);
	}

	/** Asks about the object; once more where it was dropped meanwhile. */
	*ask(name: string, definition: unknown, sql: string, parameters: Parameters): Asking<Row[]> {
		for (let tries = 0; ; tries++) {
			if (definition !== null) yield* this.made(name, definition);
			try {
				return yield { sql, parameters };
			} catch (error) {
				if (tries || definition === null || !(error instanceof GateError) || error.sqlstate !== UNKNOWN) throw error;
				this.known.delete(name);
			}
		}
	}

	private *made(name: string, definition: unknown): Asking<void> {
		if (this.known.has(name)) return;
		if ((yield { sql: this.is, parameters: { name } }).length === 0)
			yield { sql: this.make, parameters: { name, definition: JSON.stringify(definition) } };
		this.known.add(name);
	}
}
