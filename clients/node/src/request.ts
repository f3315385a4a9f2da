// One logical call, however often it is asked and tried, and how a gate behaves.
import { randomUUID } from 'node:crypto';
import type { Result } from './result.js';
import * as sql from './statements.js';
import * as usage from './usage.js';
import { clean, ofArgs, ofJson, ofResult, toJson, words, type Failure } from './values.js';

/** How a gate behaves; times in milliseconds. */
export interface Rules {
	/** Tools that run although the database is away; "read_*" means all that begin so. */
	failOpen: readonly string[];
	/** Bytes of a result that is kept. */
	maxResult: number;
	/** All waits of one call, for time and for retries; and for people. */
	maxWait: number;
	approvalWait: number;
	/** Pause before the first look for a decision; they grow to 15 s. */
	firstLook: number;
	/** A begin, a settlement whose database is away; a tool that was told to stop; one statement. */
	reconnect: number;
	settleWait: number;
	cancelWait: number;
	answerWait: number;
	/** Without a heartbeat for so long, the worker counts as dead. */
	lease: number;
	/** What a tool's exception becomes. */
	errors: 'raise' | 'result';
	log: (level: 'warning' | 'error', message: string) => void;
}

export const RULES: Rules = {
	failOpen: [], maxResult: 1 << 20, maxWait: 30_000, approvalWait: 300_000, firstLook: 500, reconnect: 5_000, settleWait: 30_000,
	cancelWait: 5_000, answerWait: 20_000, lease: 60_000, errors: 'raise', log: (level, message) => console.warn(`agentcore: ${level}: ${message}`),
};

/** The call that runs, for its tool: key for a provider that knows such keys; signal: the call was given up, or the gate has closed it. */
export interface Running {
	callId: string | null;
	key: string;
	attempt: number;
	signal: AbortSignal;
}

export type ToolFunction = (args: any, running: Running) => unknown;

/** What a call may say of itself.  The same key is the same call; without one it gets its own. */
export interface CallOptions {
	key?: string;
	holder?: string;
	task?: string;
	subject?: string;
	budgets?: readonly string[];
	labels?: Record<string, string>;
	/** A W3C traceparent, for the log of calls. */
	trace?: string;
	lease?: number;
	tenant?: string;
	estTokens?: number;
	estUsd?: number | string;
	/** Tokens and dollars of a value. */
	cost?: (value: any) => { tokens?: number; usd?: number | string };
	signal?: AbortSignal;
	/** Hears of each pause before it begins: what the gate, or the failed attempt, said, and for how many milliseconds. */
	onWait?: (why: Result, milliseconds: number) => void;
}

export interface ModelOptions extends CallOptions {
	/** Absent: estimated from the request, too many rather than too few. */
	inputTokens?: number;
	/** Absent: what the request says. */
	maxOutputTokens?: number;
	fallback?: readonly string[];
	serviceTier?: string;
	fees?: Record<string, number>;
}

export interface Ask {
	sql: string;
	parameters: sql.Parameters;
}

const text = (value: unknown): string | null => (value === undefined || value === null ? null : String(value));

export class Request {
	/** A model may have named both: without what PostgreSQL cannot hold. */
	readonly name: string;
	readonly key: string;
	readonly ownKey: boolean;
	readonly holder: string;
	readonly lease: number;

	constructor(readonly rules: Rules, readonly agent: string, name: string, readonly args: unknown, readonly fn: ToolFunction | undefined,
		readonly options: ModelOptions) {
		if (!agent) throw new TypeError('no agent: name one here or in new Gate(..., { agent })');
		this.lease = options.lease ?? rules.lease;
		this.ownKey = !options.key;
		this.name = clean(name);
		this.key = options.key ? clean(String(options.key)) : randomUUID();
		this.holder = options.holder ?? randomUUID();
	}

	common(): sql.Parameters {
		const { task, subject, budgets, labels, trace, tenant } = this.options;
		return {
			agent: this.agent, key: this.key, holder: this.holder, task: text(task), subject: text(subject), budgets: sql.array(budgets),
			lease: `${this.lease} ms`, labels: labels ? toJson(labels) : null, trace: trace ? clean(String(trace)) : null, tenant: tenant ?? '',
		};
	}

	begin(): Ask {
		const { estTokens, estUsd } = this.options;
		return { sql: sql.CALL_BEGIN, parameters: { ...this.common(), tool: this.name, args: ofArgs(this.args), est_tokens: text(estTokens), est_usd: text(estUsd) } };
	}

	commit(callId: string, value: unknown): Ask {
		const { tokens, usd } = this.costs(callId, value);
		return this.ask(sql.CALL_COMMIT, callId, { result: this.kept(callId, value), tokens: text(tokens), usd: text(usd) });
	}

	/** Tokens and dollars, as the program says; what was held where it cannot. */
	private costs(callId: string, value: unknown): { tokens?: number; usd?: number | string } {
		try {
			return this.options.cost?.(value) ?? {};
		} catch (error) {
			this.rules.log('error', `the costs of call ${callId} of ${this.name} cannot be told, what was held is charged: ${words(error)}`);
			return {};
		}
	}

	/** The work is done, so its call is committed in any case: without a result that nobody can keep. */
	protected kept(callId: string, value: unknown): string | null {
		let why = `is larger than ${this.rules.maxResult} bytes`;
		try {
			const result = ofResult(value, this.rules.maxResult);
			if (result !== null) return result;
		} catch (error) {
			why = `cannot be put into JSON (${words(error)})`;
		}
		this.rules.log('warning', `the result of call ${callId} of ${this.name} ${why}: it is not kept`);
		return null;
	}

	fail(callId: string, failure: Failure): Ask {
		return this.ask(sql.CALL_FAIL, callId, { status: text(failure.status), error: failure.error, retry_after: failure.retryAfter, usage: this.usage() });
	}

	protected usage(): string | null {
		return null;
	}

	release = (callId: string): Ask => this.ask(sql.CALL_RELEASE, callId);
	extend = (callId: string): Ask => this.ask(sql.CALL_EXTEND, callId, { lease: `${this.lease} ms` });
	status = (callId: string): Ask => this.ask(sql.CALL_STATUS, callId);

	protected ask(statement: string, callId: string, parameters: sql.Parameters = {}): Ask {
		return { sql: statement, parameters: { call_id: callId, tenant: this.options.tenant ?? '', ...parameters } };
	}

	/** What the tool runs with: the arguments that the gate returned, for it may have converted them. */
	argument(row: sql.Row): unknown {
		return ofJson(row['args']);
	}

	/** The same without the gate. */
	openArgument(): unknown {
		return typeof this.args === 'string' ? JSON.parse(this.args || '{}') : this.args ?? {};
	}
}

/** In place of a response: the events were collected. */
export const STREAMED: unique symbol = Symbol('streamed');

/** A call of a model: `name` is the model and `args` the request for its provider. */
export class ModelRequest extends Request {
	readonly collected = new usage.Collector();

	override begin(): Ask {
		const { inputTokens, maxOutputTokens, fallback, serviceTier, fees } = this.options;
		const most = maxOutputTokens ?? usage.mostOutput(this.args);
		if (most === undefined) throw new TypeError('maxOutputTokens: the request does not say how many tokens may come at most');
		return {
			sql: sql.LLM_BEGIN,
			parameters: {
				...this.common(), model: this.name, input_tokens: text(inputTokens ?? usage.inputEstimate(this.args)), max_output_tokens: text(most),
				service_tier: text(serviceTier), fees: fees ? toJson(fees) : null, fallback: sql.array(fallback),
			},
		};
	}

	override commit(callId: string, value: unknown): Ask {
		const streamed = value === STREAMED;
		// only who names a key can ask for the answer again
		const result = this.ownKey || streamed ? null : this.kept(callId, value);
		return this.ask(sql.LLM_COMMIT, callId, { usage: streamed ? this.collected.told() : usage.ofResponse(value), result });
	}

	protected override usage(): string | null {
		return this.collected.told();
	}

	/** The request, for the model that the gate chose. */
	override argument(row: sql.Row): unknown {
		return row['model'] && typeof this.args === 'object' && this.args !== null ? { ...this.args, model: row['model'] } : this.args;
	}

	override openArgument(): unknown {
		return this.args;
	}
}
