// The thread that asks the database, so that the program's own can wait for the answer (see ask.ts).
import { workerData, type MessagePort } from 'node:worker_threads';
import { driverOf, type Connection } from '../drivers.js';
import { Away, GateError } from '../errors.js';
import type { Parameters, Row } from '../statements.js';

export interface Asked {
	id: number;
	sql: string;
	parameters: Parameters;
	/** Somebody waits for this to become 1. */
	flag?: Int32Array;
}

export interface Answer {
	id: number;
	rows?: Row[];
	error?: { message: string; sqlstate?: string; away: boolean };
}

const { port, config } = workerData as { port: MessagePort; config: string | Record<string, unknown> };

const given = typeof config === 'string' ? { connectionString: config } : config;

/** node-postgres, or postgres.js where only that is installed. */
async function connection(): Promise<Connection> {
	try {
		const pool = new (await import('pg')).default.Pool({ max: 4, ...given });
		pool.on('error', () => undefined); // an idle connection that ends; the next question opens another
		return pool;
	} catch (error) {
		if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
		const { default: postgres } = await import('postgres');
		const options = { max: 4, onnotice: () => undefined };
		return typeof config === 'string' ? postgres(config, options) : postgres({ ...options, ...given });
	}
}

const ANSWER_WAIT = 20_000;
const driver = connection().then((opened) => driverOf(opened, ANSWER_WAIT));

/** All questions may be asked twice: a connection that ended meanwhile is noticed by the first. */
async function answered({ sql, parameters }: Asked): Promise<Row[]> {
	const database = await driver;
	return database.ask(sql, parameters).catch((error) => {
		if (!(error instanceof Away)) throw error;
		return database.ask(sql, parameters);
	});
}

port.on('message', async (asked: Asked) => {
	const { id, flag } = asked;
	let answer: Answer;
	try {
		answer = { id, rows: (await answered(asked)).map((row) => ({ ...row })) };
	} catch (error) {
		const { message, sqlstate } = error as GateError;
		answer = { id, error: { message, sqlstate, away: !(error instanceof GateError) } };
	}
	port.postMessage(answer);
	if (flag) {
		Atomics.store(flag, 0, 1);
		Atomics.notify(flag, 0);
	}
});
