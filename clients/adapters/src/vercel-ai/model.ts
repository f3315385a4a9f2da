// A model of the AI SDK, asked for at the gate: a middleware.
import { AISDKError, type LanguageModelMiddleware } from 'ai';
import type { Gate, ModelOptions, Result, Running } from 'agentcore';

type Wrap = Parameters<NonNullable<LanguageModelMiddleware['wrapStream']>>[0];
type Streamed = Awaited<ReturnType<Wrap['doStream']>>;

/** The gate refused the call of the model, or had it wait for longer than may be waited here; the message is its feedback. */
export class ModelRefused extends AISDKError {
	constructor(readonly result: Result) {
		super({ name: 'AI_ModelRefused', message: result.content() });
	}
}

const COMMIT = 'SELECT agentcore.llm_commit(:call_id::text::uuid, tenant => :tenant::text)';

/** For wrapLanguageModel({ model, middleware: modelMiddleware(gate, agent) }).  The gate tries again itself: give maxRetries 0 to the SDK. */
export function modelMiddleware(gate: Gate, agent: string | null, options: Omit<ModelOptions, 'key' | 'fallback'> = {}): LanguageModelMiddleware {
	return {
		specificationVersion: 'v3',
		wrapGenerate: async ({ doGenerate, params, model }) => {
			const result = await gate.model(agent, model.modelId, params, () => doGenerate(), { signal: params.abortSignal, ...options });
			if (!result.ok) throw new ModelRefused(result);
			return result.value;
		},
		wrapStream: async ({ doStream, params, model }) => {
			const left = new AbortController();
			const given = options.signal ?? params.abortSignal;
			const signal = given ? AbortSignal.any([given, left.signal]) : left.signal;
			let begun: Streamed | undefined;
			const events = async (_: unknown, running: Running) => partsOf((begun = await doStream()).stream, running.signal);
			const stream = await gate.stream(agent, model.modelId, params, events, { ...options, signal });
			const { ok, callId: call_id } = stream.result;
			if (!ok) throw new ModelRefused(stream.result);
			// one that was left stays open for its usage, which only its end would have told: it is charged what was held; an ended one is not changed
			const { tenant } = options;
			const charge = () => gate.ask(COMMIT, { call_id, ...(tenant === undefined ? {} : { tenant }) }).catch(() => undefined);
			const parts = stream[Symbol.asyncIterator]();
			return { ...begun!, stream: new ReadableStream({
				pull: async (to) => {
					try {
						const { done, value } = await parts.next();
						if (done) to.close();
						else to.enqueue(value);
					} catch (error) {
						if (signal.aborted) await charge();
						if (!(error instanceof Told)) throw error;
						to.close();
					}
				},
				cancel: async (reason) => {
					left.abort(reason ?? new Error('the stream was left'));
					await parts.return?.();
					await stream.close();
					await charge();
				},
			}, { highWaterMark: 0 }) };
		},
	};
}

/** An error that stands among the parts has been told: the reader is not told again, but the call has failed. */
class Told extends Error {}

async function* partsOf(stream: Streamed['stream'], signal: AbortSignal) {
	const reader = stream.getReader();
	signal.addEventListener('abort', () => void reader.cancel(signal.reason).catch(() => undefined), { once: true });
	let told: Told | undefined;
	try {
		for (let step = await reader.read(); !step.done; step = await reader.read()) {
			if (step.value.type === 'error') told = new Told('the stream told an error', { cause: step.value.error });
			yield step.value;
		}
		signal.throwIfAborted(); // cancel() ends it as if it were whole
	} finally {
		await reader.cancel().catch(() => undefined);
	}
	if (told) throw told;
}
