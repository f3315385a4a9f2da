// The rules of a call: begin, run, settle.
// A call is settled on every way out of here: committed, failed, or released where it never ran.  What can be lost is an answer: then
// the same is asked again, which the gate answers as before (same key and holder, same call id).
import { setTimeout as pause } from 'node:timers/promises';
import type { Approvals } from './approvals.js';
import type { Driver } from './drivers.js';
import { Away, GateUnavailable, mayAgain } from './errors.js';
import type { Ask, Request, Rules, Running } from './request.js';
import { Result } from './result.js';
import type { Row } from './statements.js';
import { failure, ofJson, words, type Failure } from './values.js';

export class Loop {
	readonly counts: Record<string, number> = {};

	constructor(readonly driver: Driver, readonly rules: Rules, readonly approvals: Approvals) {}

	count(what: string): void {
		this.counts[what] = (this.counts[what] ?? 0) + 1;
	}

	opens(tool: string): boolean {
		return this.rules.failOpen.some((name) => name === tool || (name.endsWith('*') && tool.startsWith(name.slice(0, -1))));
	}

	private between(tries: number): Promise<void> {
		return pause(Math.min(50 * 2 ** Math.min(tries, 5), 1000) * (0.5 + Math.random() / 2));
	}

	/** The rows of a question that may be repeated, for as long as the database may be away. */
	async asked(ask: Ask, what: string, signal?: AbortSignal): Promise<Row[]> {
		const deadline = performance.now() + this.rules.reconnect;
		for (let tries = 0; ; tries++) {
			signal?.throwIfAborted();
			try {
				return await this.driver.ask(ask.sql, ask.parameters);
			} catch (error) {
				if (!mayAgain(error)) throw error;
				if (performance.now() >= deadline) {
					if (!(error instanceof Away)) throw error;
					this.count('unavailable');
					throw new GateUnavailable(`the gate could not be asked about ${what}: ${error.message}`);
				}
			}
			await this.between(tries);
		}
	}

	/** The gate's row.  Where the answer is lost, key and holder get the same one: run, detail "yours". */
	private async begin(request: Request): Promise<Row> {
		const { signal } = request.options;
		signal?.throwIfAborted();
		let row: Row;
		try {
			row = (await this.asked(request.begin(), request.name, signal))[0]!;
		} catch (error) {
			if (signal?.aborted) await this.giveBackUnseen(request);
			throw error;
		}
		if (signal?.aborted && row['verdict'] === 'run') await this.settle(request.release(row['call_id']), row['call_id']);
		signal?.throwIfAborted();
		return row;
	}

	/** The caller gave up while the gate was asked: what it began nobody is going to run. */
	private async giveBackUnseen(request: Request): Promise<void> {
		try {
			const row = (await this.driver.ask(request.begin().sql, request.begin().parameters))[0]!;
			if (row['verdict'] === 'run') await this.settle(request.release(row['call_id']), row['call_id']);
		} catch (error) {
			this.rules.log('warning', `call ${request.key} of ${request.name} may stay open until its lease ends: ${error}`);
		}
	}

	/** The row of a settlement; undefined where the gate could not be told: then the end of the lease ends the call. */
	async settle(ask: Ask, callId: string): Promise<Row | undefined> {
		const deadline = performance.now() + this.rules.settleWait;
		for (let tries = 0; ; tries++) {
			try {
				return { ...(await this.driver.ask(ask.sql, ask.parameters))[0]!, tries };
			} catch (error) {
				if (!mayAgain(error) || performance.now() >= deadline) {
					this.count('unsettled');
					this.rules.log('error', `call ${callId} could not be settled: ${error}`);
					return undefined;
				}
			}
			await this.between(tries);
		}
	}

	/** Extends the lease while the tool runs; closed() where the gate has closed the call.  The answer ends it. */
	heartbeat(request: Request, callId: string, closed: () => void): () => void {
		let timer: NodeJS.Timeout;
		let stopped = false;
		const beat = async (tries: number): Promise<void> => {
			let next = request.lease / 3;
			try {
				const ask = request.extend(callId);
				const row = (await this.driver.ask(ask.sql, ask.parameters))[0]!;
				tries = 0;
				if (row['outcome'] === 'closed' && !stopped) {
					this.count('lost');
					this.rules.log('warning', `the gate has closed call ${callId} of ${request.name} while it ran`);
					return closed();
				}
			} catch (error) {
				// the lease may end meanwhile; the gate takes a late answer too, so the tool goes on
				this.rules.log('warning', `no heartbeat of call ${callId}: ${error}`);
				next = Math.min(50 * 2 ** Math.min(tries++, 5), 1000);
			}
			if (!stopped) timer = setTimeout(() => void beat(tries), next).unref();
		};
		timer = setTimeout(() => void beat(0), request.lease / 3).unref();
		return () => {
			stopped = true;
			clearTimeout(timer);
		};
	}

	/** A whole call.  row: the gate's answer where it was asked already.  keep: the caller settles what succeeded, see Opened. */
	async call(request: Request, row?: Row, keep = false): Promise<Result> {
		const { rules } = this;
		const { signal } = request.options;
		const waits: Record<string, number> = {};
		let [left, people, look] = [rules.maxWait, rules.approvalWait, rules.firstLook];
		let attempts = 0;
		let failed: Result | undefined;
		let held: string | undefined = row?.['verdict'] === 'run' ? row['call_id'] : undefined;
		try {
			for (;;) {
				if (row === undefined) {
					try {
						row = await this.begin(request);
					} catch (error) {
						if (!(error instanceof GateUnavailable) || !this.opens(request.name) || !request.fn) throw error;
						return await this.runOpen(request);
					}
				}
				let delay: number;
				let patient: boolean;
				let approval: string | undefined;
				if (row['verdict'] === 'run') {
					held = row['call_id'] as string;
					if (!request.fn)
						return this.finish(request, new Result(false, { verdict: 'deny', reason: 'unknown_tool', callId: held, settled: 'released',
							feedback: `There is no tool "${request.name}" here.` }), 0, waits);
					attempts++;
					const [result, again] = await this.attempt(request, row, keep, () => { held = undefined; });
					if (again === undefined) return this.finish(request, result, attempts, waits);
					held = result.callId!;
					failed = result;
					delay = again;
					patient = (left -= delay) >= 0;
				} else if (row['verdict'] === 'wait') {
					waits[row['reason']] = (waits[row['reason']] ?? 0) + 1;
					if (row['approval'] && row['reason'] === 'approval_required') {
						approval = row['approval'] as string;
						delay = Math.max(Math.min(look, people), 0);
						look = Math.max(look, Math.min(look * 1.6, 15_000));
						people -= delay;
						patient = delay > 0;
					} else {
						delay = Math.max((row['retry_after_ms'] ?? 100) * (1 + Math.random() / 5), 5);
						patient = (left -= delay) >= 0;
					}
				} else return this.finish(request, ofRow(row), attempts, waits);
				if (!patient) return this.finish(request, failed ?? ofRow(row), attempts, waits);
				request.options.onWait?.(row['verdict'] === 'wait' ? ofRow(row) : failed!, delay);
				row = undefined;
				if (approval !== undefined) await this.approvals.wait(approval, delay, signal);
				else await pause(delay, undefined, signal ? { signal } : {});
			}
		} catch (error) {
			throw signal?.aborted ? signal.reason : error;
		} finally {
			if (held !== undefined) await this.settle(request.release(held), held);
		}
	}

	/** (result, milliseconds until the next attempt): runs the tool once and settles; settled() as soon as the call is nobody's to give back. */
	private async attempt(request: Request, row: Row, keep: boolean, settled: () => void): Promise<[Result, number | undefined]> {
		const callId = row['call_id'] as string;
		const argument = request.argument(row);
		const run = new Run(this.rules, request, callId, row['attempt'] ?? 1);
		const stopBeating = this.heartbeat(request, callId, () => run.lose());
		const result = new Result(true, { callId, args: argument, approval: row['approval'], model: row['model'], enforced: Boolean(row['enforced']),
			detail: row['detail'], feedback: row['feedback'] });
		let kept = false;
		try {
			const value = await run.of(argument);
			settled();
			if (keep && !run.givenUp) {
				kept = true;
				result.value = new Opened(value, stopBeating);
				return [result, undefined];
			}
			result.value = value;
			result.settled = await this.commit(request, callId, value);
			if (run.givenUp) throw request.options.signal!.reason;
			return [result, undefined];
		} catch (error) {
			if (run.succeeded) throw error;
			settled();
			return await this.attemptFailed(request, result, error, run);
		} finally {
			if (!kept) stopBeating();
		}
	}

	async commit(request: Request, callId: string, value: unknown): Promise<string | null> {
		const row = await this.settle(request.commit(callId, value), callId);
		if (row?.['outcome'] === 'conflict') {
			this.count('conflict');
			this.rules.log('error', `call ${callId} of ${request.name} was settled otherwise meanwhile: its work may have been done twice`);
		}
		return row?.['outcome'] ?? null;
	}

	private async attemptFailed(request: Request, begun: Result, error: unknown, run: Run): Promise<[Result, number | undefined]> {
		const stopped = run.givenUp || run.lost;
		const told: Failure = stopped ? { status: 499, error: 'cancelled by the caller', retryAfter: null } : failure(error);
		const callId = begun.callId!;
		let advice = await this.settle(request.fail(callId, told), callId);
		if (run.givenUp) throw request.options.signal!.reason;
		const result = new Result(false, { ...begun, feedback: words(error) });
		if (run.lost) {
			Object.assign(result, { reason: 'closed', feedback: `The call of "${request.name}" was ended while it ran.` });
			return [result, undefined];
		}
		result.error = error;
		if (!advice) return [result, undefined];
		if (advice['reason'] === 'already_settled' && advice['tries']) {
			// the first answer was lost: was it to try again?
			const status = await this.settle(request.status(callId), callId);
			if (status?.['status'] === 'retry') advice = { ...advice, action: 'retry', delay_ms: 0 };
		}
		Object.assign(result, { settled: 'failed', advice: advice['action'], reason: advice['reason'] });
		if (advice['action'] !== 'retry') return [result, undefined];
		// another model may go on at once; the gate says when it may not
		return [result, request.options.fallback ? 0 : advice['delay_ms']];
	}

	/** Without the gate, for a tool that may. */
	async runOpen(request: Request): Promise<Result> {
		this.count('fail_open');
		this.rules.log('warning', `the gate is away: ${request.name} runs without it`);
		const args = request.openArgument();
		try {
			const value = await new Run(this.rules, request, null, 1).of(args);
			return this.finish(request, new Result(true, { value, verdict: 'open', args }), 1, {});
		} catch (error) {
			request.options.signal?.throwIfAborted();
			const feedback = words(error);
			return this.finish(request, new Result(false, { verdict: 'open', args, error, feedback }), 1, {});
		}
	}

	private finish(request: Request, result: Result, attempts: number, waits: Record<string, number>): Result {
		Object.assign(result, { tool: request.name, attempts, waits });
		this.count(result.error === undefined ? result.verdict : 'failed');
		if (result.error !== undefined && this.rules.errors === 'raise') {
			if (typeof result.error === 'object' && result.error !== null && Object.isExtensible(result.error)) (result.error as any).agentcore = result;
			throw result.error;
		}
		return result;
	}
}

/** A stream that has begun; its call is settled when it ends. */
export class Opened {
	constructor(readonly value: any, readonly stopBeating: () => void) {}
}

/** cached, wait and deny. */
export function ofRow(row: Row): Result {
	return new Result(row['verdict'] === 'cached', {
		value: row['verdict'] === 'cached' ? ofJson(row['result']) : null, verdict: row['verdict'], reason: row['reason'], feedback: row['feedback'],
		detail: row['detail'], errors: ofJson(row['errors']), callId: row['call_id'], args: ofJson(row['args']), approval: row['approval'],
		model: row['model'], enforced: Boolean(row['enforced']),
	});
}

/** One run of a tool, which is told to stop where the caller gave up or the gate has closed the call. */
class Run {
	givenUp = false;
	lost = false;
	succeeded = false;
	private readonly controller = new AbortController();

	constructor(private readonly rules: Rules, private readonly request: Request, private readonly callId: string | null, private readonly attempt: number) {}

	lose(): void {
		this.lost = true;
		this.controller.abort(new Error('the gate has closed the call'));
	}

	/** Its value.  A tool that does not stop is left behind after cancelWait. */
	async of(argument: unknown): Promise<unknown> {
		const { signal } = this.request.options;
		const giveUp = (): void => {
			this.givenUp = true;
			this.controller.abort(signal!.reason);
		};
		let timer: NodeJS.Timeout | undefined;
		const left = new Promise<never>((_, reject) => {
			this.controller.signal.addEventListener('abort', () => {
				timer = setTimeout(() => reject(this.controller.signal.reason), this.rules.cancelWait);
			});
		});
		left.catch(() => undefined);
		if (signal?.aborted) giveUp();
		else signal?.addEventListener('abort', giveUp, { once: true });
		const running: Running = { callId: this.callId, key: this.request.key, attempt: this.attempt, signal: this.controller.signal };
		try {
			const value = await Promise.race([Promise.resolve().then(() => this.request.fn!(argument, running)), left]);
			this.succeeded = true;
			return value;
		} finally {
			clearTimeout(timer);
			signal?.removeEventListener('abort', giveUp);
		}
	}
}
