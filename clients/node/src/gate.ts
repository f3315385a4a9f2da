// The gate: asks before a tool runs, and settles afterwards.
import { randomUUID } from 'node:crypto';
import { Approvals } from './approvals.js';
import { driverOf, type Connection, type Driver } from './drivers.js';
import { GateUnavailable } from './errors.js';
import { Loop } from './loop.js';
import { ModelRequest, Request, RULES, type CallOptions, type ModelOptions, type Rules, type ToolFunction } from './request.js';
import { Result } from './result.js';
import * as sql from './statements.js';
import { Stream } from './stream.js';
import { callsOf, type Asked } from './turn.js';
import { ofArgs, ofJson, plain, words } from './values.js';

export interface GateOptions extends Partial<Rules> {
	/** Of calls that name none. */
	agent?: string;
	tenant?: string;
	task?: string;
	/** Something that listens over a direct connection: postgres.js, or a Driver with listen(). */
	listen?: Connection;
}

/** A function that runs through a gate. */
export interface GatedTool<Args> {
	(args: Args, options?: CallOptions): Promise<Result>;
	readonly tool: string;
	readonly fn: ToolFunction;
}

const MANY = 128; // calls that call_begin_many() takes at once

export class Gate {
	readonly rules: Rules;
	private readonly loop: Loop;
	private readonly driver: Driver;
	private readonly approvals: Approvals;
	private readonly defaults: { agent?: string; tenant?: string; task?: string };

	constructor(connection: Connection, { agent, tenant, task, listen, ...rules }: GateOptions = {}) {
		this.rules = { ...RULES, ...rules };
		this.defaults = { agent, tenant, task };
		this.driver = driverOf(connection, this.rules.answerWait);
		this.approvals = new Approvals(listen && driverOf(listen, this.rules.answerWait), this.rules.log);
		this.loop = new Loop(this.driver, this.rules, this.approvals);
	}

	/** What became of calls, by verdict, and what went wrong: failed, unavailable, fail_open, lost, unsettled, conflict. */
	get counts(): Readonly<Record<string, number>> {
		return this.loop.counts;
	}

	/** Asks for the call, runs fn(args, running) with the arguments that the gate returned, and settles it. */
	async call(agent: string | null, tool: string, args: unknown, fn: ToolFunction, options: CallOptions = {}): Promise<Result> {
		return this.loop.call(this.request(agent, tool, args, fn, options));
	}

	/** The function, run through the gate: it takes the arguments and gives a Result. */
	tool<Args = any>(name: string, fn: (args: Args, running: any) => unknown, options: CallOptions & { agent?: string } = {}): GatedTool<Args> {
		const { agent, ...more } = options;
		const gated = (args: Args, own: CallOptions = {}): Promise<Result> => this.call(agent ?? null, name, args, fn, { ...more, ...own });
		return Object.assign(gated, { tool: name, fn });
	}

	/** A call of a model: fn(request) gives the provider's response, whose usage is charged. */
	async model(agent: string | null, model: string, request: unknown, fn: ToolFunction, options: ModelOptions = {}): Promise<Result> {
		return this.loop.call(this.request(agent, model, request, fn, options, ModelRequest));
	}

	/** The same for a response that comes as events: fn(request) gives an iterable of them, and so does this. */
	async stream(agent: string | null, model: string, request: unknown, fn: ToolFunction, options: ModelOptions = {}): Promise<Stream> {
		const asked = this.request(agent, model, request, Stream.begun(fn), options, ModelRequest) as ModelRequest;
		return new Stream(this.loop, asked, await this.loop.call(asked, undefined, true));
	}

	/** The calls of one turn of a model, as its provider sent them; a Result each, in their order, with the provider's id.  Nothing raises. */
	async many(agent: string | null, calls: unknown, fns: Record<string, ToolFunction | GatedTool<any>>,
		{ keyPrefix = '', ...options }: CallOptions & { keyPrefix?: string } = {}): Promise<Result[]> {
		const asked = callsOf(calls);
		const holder = options.holder ?? randomUUID();
		const seen = new Set<string>();
		const requests = asked.map((one) => {
			const request = this.turnRequest(agent, one, fns, keyPrefix, { ...options, holder });
			if (!seen.has(request.key)) {
				seen.add(request.key);
				return request;
			}
			// a call that stands twice is asked for once more when the first has ended: by another holder, so that it waits
			return this.turnRequest(agent, one, fns, keyPrefix, { ...options, holder: randomUUID() });
		});
		let rows: (sql.Row | undefined)[];
		try {
			rows = await this.beginMany(asked, requests);
		} catch (error) {
			if (!(error instanceof GateUnavailable)) throw error;
			rows = requests.map(() => undefined);
		}
		return Promise.all(requests.map(async (request, place) => {
			const result = await this.loop.call(request, rows[place]).catch((error) => ofError(request, error));
			result.id = asked[place]!.id;
			return result;
		}));
	}

	private turnRequest(agent: string | null, one: Asked, fns: Record<string, ToolFunction | GatedTool<any>>, keyPrefix: string, options: CallOptions): Request {
		const name = typeof one.tool === 'string' ? one.tool : '';
		const known = Object.hasOwn(fns, name) ? fns[name]! : undefined;
		const fn = known && 'fn' in known ? known.fn : known;
		const key = one.id !== undefined && one.id !== null && (one.unique || keyPrefix) ? `${keyPrefix}${one.id}` : undefined;
		return this.request(agent, name, one.args, fn as ToolFunction | undefined, { ...options, key });
	}

	/** The gate's rows; undefined for one whose key stands before it in the turn: it is asked for by itself, and waits. */
	private async beginMany(asked: Asked[], requests: Request[]): Promise<(sql.Row | undefined)[]> {
		const rows: (sql.Row | undefined)[] = requests.map(() => undefined);
		const first = requests.map((request, place) => (requests.findIndex((other) => other.key === request.key) === place ? place : -1)).filter((place) => place >= 0);
		for (let start = 0; start < first.length; start += MANY) {
			const places = first.slice(start, start + MANY);
			const calls = places.map((place) => ({ id: requests[place]!.key, type: 'function',
				function: { name: plain(asked[place]!.tool ?? null), arguments: ofArgs(asked[place]!.args) ?? '{}' } }));
			const parameters = { ...requests[first[0]!]!.common(), calls: JSON.stringify(calls) };
			const some = await this.loop.asked({ sql: sql.CALL_BEGIN_MANY, parameters }, 'the calls of a turn', requests[0]!.options.signal);
			some.forEach((row, at) => { rows[places[at]!] = row; });
		}
		return rows;
	}

	/** The tools that the agent may call, in its provider's form: what the next request to the model takes. */
	async tools(agent: string | null = null, format = 'openai_chat', strict = false): Promise<any> {
		const name = agent ?? this.defaults.agent;
		if (!name) throw new TypeError('no agent: name one here or in new Gate(..., { agent })');
		const parameters = { agent: name, format, strict: String(strict), tenant: this.defaults.tenant ?? '' };
		return ofJson((await this.loop.asked({ sql: sql.TOOLS_FOR, parameters }, `the tools of ${name}`))[0]!['tools']);
	}

	/** One statement of agentcore's, for guards that ask more than calls: see guardedFetch(). */
	ask(statement: string, parameters: sql.Parameters): Promise<sql.Row[]> {
		return this.loop.asked({ sql: statement, parameters: { tenant: this.defaults.tenant ?? '', ...parameters } }, 'a check');
	}

	/** Stops listening.  The pool is its owner's. */
	close(): Promise<void> {
		return this.approvals.close();
	}

	private request(agent: string | null, name: string, args: unknown, fn: ToolFunction | undefined, options: ModelOptions, kind: typeof Request = Request): Request {
		const { tenant, task } = this.defaults;
		return new kind(this.rules, agent ?? this.defaults.agent ?? '', name, args, fn, { tenant, task, ...options });
	}
}

/** In a turn nothing raises: the other calls have results too. */
function ofError(request: Request, error: any): Result {
	if (error?.agentcore instanceof Result) return error.agentcore;
	if (error instanceof GateUnavailable)
		return new Result(false, { tool: request.name, verdict: 'unavailable', reason: 'unavailable', error,
			feedback: `"${request.name}" cannot be called now. Go on without it, or try again later.` });
	return new Result(false, { tool: request.name, verdict: 'deny', reason: 'error', error, feedback: words(error) });
}
