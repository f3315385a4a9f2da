// Questions of the drop-ins to the database: awaited, or answered at once where the library's function is no promise.
//
// A thread holds the connections.  now() stops the caller's thread with Atomics.wait until the answer is there: one
// round trip, during which nothing else of the program runs.  later() stops nothing.
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { GateError, GateUnavailable } from '../errors.js';
import type { Parameters, Row } from '../statements.js';
import type { Answer } from './worker.js';

export interface Question {
	sql: string;
	parameters: Parameters;
}

/** A function that asks: yields questions, gets rows. */
export type Asking<T> = Generator<Question, T, Row[]>;

const LONGEST = 45_000; // two tries of 20 s, and what lies around them

let config: unknown = {};
let line: Line | undefined;

/** The database of all drop-ins: a connection string, or the options of the driver's pool.  Without it, the one that PGHOST and its kind name. */
export function use(database: string | Record<string, unknown>): void {
	config = database;
	line?.close();
	line = undefined;
}

function asked(): Line {
	return (line ??= new Line(config));
}

/** Runs it without waiting for anybody else: nothing of the program happens until it is done. */
export function now<T>(asking: Asking<T>): T {
	let step = asking.next();
	while (!step.done) {
		let rows: Row[];
		try {
			rows = asked().now(step.value);
		} catch (error) {
			step = asking.throw(error);
			continue;
		}
		step = asking.next(rows);
	}
	return step.value;
}

export async function later<T>(asking: Asking<T>): Promise<T> {
	let step = asking.next();
	while (!step.done) {
		let rows: Row[];
		try {
			rows = await asked().later(step.value);
		} catch (error) {
			step = asking.throw(error);
			continue;
		}
		step = asking.next(rows);
	}
	return step.value;
}

function rowsOf({ rows, error }: Answer): Row[] {
	if (!error) return rows!;
	throw error.away ? new GateUnavailable(`the database is away: ${error.message}`) : new GateError(error.message, error.sqlstate);
}

/** A thread, and the way to it. */
class Line {
	private readonly port: MessagePort;
	private readonly worker: Worker;
	private readonly waiting = new Map<number, (answer: Answer) => void>();
	private last = 0;

	constructor(config: unknown) {
		const { port1, port2 } = new MessageChannel();
		this.port = port1;
		this.worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { port: port2, config }, transferList: [port2], execArgv: [] });
		this.worker.unref();
		this.worker.on('error', (error) => this.broken(error.message));
		this.worker.on('exit', () => this.broken('the thread that asks has ended'));
		this.port.on('message', (answer: Answer) => this.heard(answer));
		this.port.unref(); // a program ends although it might ask again
	}

	now({ sql, parameters }: Question): Row[] {
		const flag = new Int32Array(new SharedArrayBuffer(4));
		const id = ++this.last;
		this.port.postMessage({ id, sql, parameters, flag });
		if (Atomics.wait(flag, 0, 0, LONGEST) === 'timed-out') throw new GateUnavailable('the database does not answer');
		for (;;) {
			const { message } = receiveMessageOnPort(this.port) as { message: Answer };
			if (message.id === id) return rowsOf(message);
			this.heard(message); // of a question that is awaited
		}
	}

	later({ sql, parameters }: Question): Promise<Row[]> {
		const id = ++this.last;
		return new Promise<Answer>((heard) => {
			this.waiting.set(id, heard);
			this.port.ref();
			this.port.postMessage({ id, sql, parameters });
		}).then(rowsOf);
	}

	close(): void {
		void this.worker.terminate();
	}

	private heard(answer: Answer): void {
		this.waiting.get(answer.id)?.(answer);
		this.waiting.delete(answer.id);
		if (this.waiting.size === 0) this.port.unref();
	}

	private broken(message: string): void {
		if (line === this) line = undefined;
		for (const id of [...this.waiting.keys()]) this.heard({ id, error: { message, away: true } });
		this.port.close();
	}
}
