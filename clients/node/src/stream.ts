// The events of a model's response.  Read to its end, or leave it: its call is settled either way.
import { Opened, type Loop } from './loop.js';
import { STREAMED, type ModelRequest, type Running, type ToolFunction } from './request.js';
import type { Result } from './result.js';
import { failure } from './values.js';

interface Begun {
	source: AsyncIterator<unknown> | Iterator<unknown>;
	first: IteratorResult<unknown>;
	/** Tells fn's signal. */
	stop: (reason: unknown) => void;
}

/** `result` says what became of the call; where it is not ok from the beginning there are no events. */
export class Stream implements AsyncIterable<any> {
	private begun: Begun | undefined;
	private stopBeating: () => void = () => undefined;
	private open = false;

	constructor(private readonly loop: Loop, private readonly request: ModelRequest, readonly result: Result) {
		if (!(result.value instanceof Opened)) return;
		this.begun = result.value.value as Begun;
		this.stopBeating = result.value.stopBeating;
		this.open = true;
		result.value = null;
	}

	/** fn whose stream has begun: what is wrong with a request comes with the first event, while it can be tried again. */
	static begun(fn: ToolFunction): ToolFunction {
		return async (argument: any, running: Running): Promise<Begun> => {
			const controller = new AbortController();
			const stop = (reason: unknown): void => controller.abort(reason);
			running.signal.addEventListener('abort', () => stop(running.signal.reason), { once: true });
			const events = (await fn(argument, { ...running, signal: controller.signal })) as AsyncIterable<unknown> & Iterable<unknown>;
			const source = events[Symbol.asyncIterator]?.() ?? events[Symbol.iterator]();
			return { source, first: await source.next(), stop };
		};
	}

	async *[Symbol.asyncIterator](): AsyncIterator<any> {
		if (!this.begun) return;
		const { source, stop } = this.begun;
		const { signal } = this.request.options;
		const giveUp = (): void => stop(signal!.reason);
		signal?.addEventListener('abort', giveUp, { once: true });
		let step = this.begun.first;
		this.begun = undefined;
		try {
			for (; !step.done; step = await untilGivenUp(source, signal)) {
				signal?.throwIfAborted();
				this.request.collected.add(step.value);
				yield step.value;
			}
		} catch (error) {
			await this.cut(error);
			throw error;
		} finally {
			signal?.removeEventListener('abort', giveUp);
			const left = step.done ? undefined : Promise.resolve(source.return?.()).catch(() => undefined);
			// a generator that still waits for its provider would return only then
			if (!signal?.aborted) await left;
			if (this.open && step.done) await this.ended();
			else await this.close();
		}
	}

	private async ended(): Promise<void> {
		this.open = false;
		this.stopBeating();
		this.result.settled = await this.loop.commit(this.request, this.result.callId!, STREAMED);
	}

	/** The rest is not wanted: charged is what the events told. */
	async close(): Promise<void> {
		await this.cut(undefined);
	}

	private async cut(error: unknown): Promise<void> {
		if (!this.open) return;
		this.open = false;
		this.stopBeating();
		const { request, result } = this;
		const gone = error === undefined || request.options.signal?.aborted;
		const told = gone ? { status: 499, error: 'cancelled by the caller', retryAfter: null } : failure(error);
		const advice = await this.loop.settle(request.fail(result.callId!, told), result.callId!);
		Object.assign(result, { ok: false, error });
		if (!advice) return;
		Object.assign(result, { settled: 'failed', advice: advice['action'], reason: advice['reason'] });
		// what was read already cannot be read again
		if (advice['action'] === 'retry') await this.loop.settle(request.release(result.callId!), result.callId!);
	}
}

/** The next event; where the caller gives up meanwhile nobody waits for it. */
function untilGivenUp(source: Begun['source'], signal: AbortSignal | undefined): Promise<IteratorResult<unknown>> {
	const next = Promise.resolve(source.next());
	if (!signal) return next;
	return new Promise((resolve, reject) => {
		const giveUp = (): void => reject(signal.reason);
		signal.addEventListener('abort', giveUp, { once: true });
		next.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
	});
}
