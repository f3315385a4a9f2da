// Drivers: one statement in autocommit, on a connection that goes back before the answer is looked at.
import { translated } from './errors.js';
import { numbered, type Parameters, type Row } from './statements.js';

export interface Driver {
	/** Rejects with Away or GateError. */
	ask(sql: string, parameters: Parameters): Promise<Row[]>;
	/** Calls heard with each payload of the channel; a connection of its own.  The answer ends it. */
	listen?(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>;
}

/** What is used of a Pool of node-postgres. */
export interface PgPool {
	connect(): Promise<PgClient>;
}
interface PgClient {
	query(query: { text: string; values: unknown[] }): Promise<{ rows: Row[] }>;
	release(destroy?: Error | boolean): void;
	on(event: 'error', heard: (error: Error) => void): unknown;
	removeListener(event: 'error', heard: (error: Error) => void): unknown;
}

/** A connection that ends while it is in use is told of twice: by the query that fails, and by an event that must not be left alone. */
const heard = (): void => undefined;


/** What is used of postgres.js. */
export interface PostgresJs {
	unsafe(text: string, values: any[], options: { prepare: boolean }): PromiseLike<Row[]> & { cancel?(): void };
	listen?(channel: string, heard: (payload: string) => void): Promise<{ unlisten(): Promise<void> }>;
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error('the database does not answer')), milliseconds);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
		work.catch(() => undefined);
	}
}

class OverPg implements Driver {
	constructor(private readonly pool: PgPool, private readonly answerWait: number) {}

	async ask(sql: string, parameters: Parameters): Promise<Row[]> {
		const [text, values] = numbered(sql, parameters);
		let sent = false;
		try {
			const connecting = this.pool.connect();
			const client = await within(this.answerWait, connecting).catch((error) => {
				connecting.then((late) => late.release(), () => undefined);
				throw error;
			});
			let broken: Error | undefined;
			client.on('error', heard);
			try {
				sent = true;
				return (await within(this.answerWait, client.query({ text, values }))).rows;
			} catch (error) {
				broken = (error as { severity?: unknown }).severity === undefined ? (error as Error) : undefined;
				throw error;
			} finally {
				client.removeListener('error', heard);
				client.release(broken);
			}
		} catch (error) {
			throw translated(error, sent);
		}
	}
}

class OverPostgresJs implements Driver {
	readonly listen?: Driver['listen'];

	constructor(private readonly sql: PostgresJs, private readonly answerWait: number) {
		const listen = sql.listen?.bind(sql);
		if (listen) this.listen = async (channel, heard) => (await listen(channel, heard)).unlisten;
	}

	async ask(sql: string, parameters: Parameters): Promise<Row[]> {
		const [text, values] = numbered(sql, parameters);
		const query = this.sql.unsafe(text, values, { prepare: false });
		try {
			return [...(await within(this.answerWait, Promise.resolve(query)))];
		} catch (error) {
			query.cancel?.(); // it must not wait for a connection and run later
			throw translated(error, true);
		}
	}
}

export type Connection = Driver | PgPool | PostgresJs;

/** The driver of what a program has: a Pool of node-postgres, postgres.js, or a Driver. */
export function driverOf(connection: Connection, answerWait: number): Driver {
	if ('ask' in connection) return connection;
	if ('unsafe' in connection) return new OverPostgresJs(connection, answerWait);
	return new OverPg(connection, answerWait);
}
