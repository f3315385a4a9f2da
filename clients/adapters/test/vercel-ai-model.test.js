// modelMiddleware() around the mock model of the AI SDK.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { AISDKError, generateText, streamText, wrapLanguageModel } from 'ai';
import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';
import { modelMiddleware, ModelRefused } from '../dist/vercel-ai/index.js';
import { charged, openedModels } from './support.js';

const NAME = 'aism';
const stop = { unified: 'stop', raw: 'stop' };
const used = (input, output) => ({ inputTokens: { total: input, noCache: input }, outputTokens: { total: output, text: output }, raw: { input_tokens: input, output_tokens: output } });
const told = { content: [{ type: 'text', text: 'done' }], finishReason: stop, usage: used(11, 5), warnings: [] };
const text = (delta) => ({ type: 'text-delta', id: '1', delta });
const opening = [{ type: 'stream-start', warnings: [] }, { type: 'text-start', id: '1' }, text('do')];
const ending = [text('ne'), { type: 'text-end', id: '1' }, { type: 'finish', finishReason: stop, usage: used(7, 6) }];

describe('a model of the AI SDK', () => {
	let gate, close;
	before(async () => { ({ gate, close } = await openedModels(NAME)); });
	after(() => close());

	const made = (how) => wrapLanguageModel({ model: new MockLanguageModelV3({ modelId: `${NAME}_m`, ...how }), middleware: modelMiddleware(gate, NAME) });
	const asking = (how, maxOutputTokens = 50) => ({ model: made(how), prompt: 'go', maxOutputTokens, maxRetries: 0 });
	const streaming = (stream) => asking({ doStream: { stream } });
	const newest = async () => (await charged(NAME)).at(-1);

	it('is charged what its answer says', async () => {
		const { text } = await generateText(asking({ doGenerate: told }));
		assert.deepEqual([text, await newest()], ['done', ['committed', 16]]);
	});
	it('is charged what was held where its answer says nothing', async () => {
		await generateText(asking({ doGenerate: { ...told, usage: { inputTokens: {}, outputTokens: {} } } }));
		const [state, tokens] = await newest();
		assert.deepEqual([state, tokens > 50], ['committed', true]);
	});
	it('is refused in an error of the SDK, and not called', async () => {
		const never = { doGenerate: () => assert.fail('called'), doStream: () => assert.fail('called') };
		const refused = (error) => error instanceof ModelRefused && AISDKError.isInstance(error) && error.message === error.result.feedback && error.result.reason === 'budget_exceeded';
		await assert.rejects(generateText(asking(never, 20000)), refused);
		let heard;
		await streamText({ ...asking(never, 20000), onError: ({ error }) => { heard = error; } }).consumeStream();
		assert.ok(refused(heard), String(heard));
	});
	it('is settled when it fails', async () => {
		const gone = Object.assign(new Error('no such model'), { statusCode: 404 });
		await assert.rejects(generateText(asking({ doGenerate: () => { throw gone; } })), gone);
		assert.equal((await newest())[0], 'failed');
	});
	it('is charged what its stream says', async () => {
		const stream = simulateReadableStream({ chunks: [...opening, ...ending] });
		assert.equal(await streamText(streaming(stream)).text, 'done');
		assert.deepEqual(await newest(), ['committed', 13]);
	});
	/** A stream that has begun, and stands still. */
	async function standing(abortSignal) {
		const provider = {};
		const stream = new ReadableStream({ start: (to) => opening.forEach((part) => to.enqueue(part)), cancel: (reason) => { provider.heard = reason.message; } });
		const reader = (await made({ doStream: { stream } }).doStream({ prompt: [], maxOutputTokens: 50, abortSignal })).stream.getReader();
		for (const part of opening) assert.deepEqual((await reader.read()).value, part);
		return { reader, provider, waits: reader.read() };
	}
	it('is charged what was held when its stream is left, and the provider hears of it', async () => {
		const { reader, provider, waits } = await standing();
		await reader.cancel(new Error('enough'));
		const [state, tokens] = await newest();
		assert.deepEqual([(await waits).done, provider.heard, state, tokens > 50], [true, 'enough', 'committed', true]);
	});
	it('is charged what was held when its stream is aborted', async () => {
		const controller = new AbortController();
		const { provider, waits } = await standing(controller.signal);
		controller.abort(new Error('enough'));
		await assert.rejects(waits, /enough/);
		const [state, tokens] = await newest();
		assert.deepEqual([provider.heard, state, tokens > 50], ['enough', 'committed', true]);
	});
	it('is charged what was held when its stream is left unread', async () => {
		const { stream } = await made({ doStream: { stream: simulateReadableStream({ chunks: [...opening, ...ending] }) } }).doStream({ prompt: [], maxOutputTokens: 50 });
		await stream.cancel();
		assert.equal((await newest())[0], 'committed');
	});
	it('is charged what its stream has said when it is left then', async () => {
		const { stream } = await made({ doStream: { stream: simulateReadableStream({ chunks: [...opening, ...ending] }) } }).doStream({ prompt: [], maxOutputTokens: 50 });
		const reader = stream.getReader();
		while ((await reader.read()).value.type !== 'finish');
		await reader.cancel();
		assert.deepEqual(await newest(), ['failed', 13]);
	});
	it('is settled when its stream breaks', async () => {
		let at = 0;
		const broken = new Error('connection lost');
		const stream = new ReadableStream({ pull: (to) => (at < opening.length ? to.enqueue(opening[at++]) : to.error(broken)) }, { highWaterMark: 0 });
		let heard;
		await streamText(streaming(stream)).consumeStream({ onError: (error) => { heard = error; } });
		assert.deepEqual([heard, await newest()], [broken, ['released', 0]]);
	});
	it('has failed where its stream tells an error', async () => {
		const errors = [];
		const stream = simulateReadableStream({ chunks: [...opening, { type: 'error', error: new Error('overloaded') }, ...ending] });
		await streamText({ ...streaming(stream), onError: ({ error }) => errors.push(error.message) }).consumeStream({ onError: (error) => errors.push(error.message) });
		assert.deepEqual([errors, await newest()], [['overloaded'], ['failed', 13]]);
	});
	it('leaves none open', async () => {
		assert.deepEqual((await charged(NAME)).map(([state]) => state), ['committed', 'committed', 'failed', 'committed', 'committed', 'committed', 'committed', 'failed', 'released', 'failed']);
	});
});
