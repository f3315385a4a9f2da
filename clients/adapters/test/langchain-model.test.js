// modelMiddleware() in an agent of LangChain, with the fake model of its core.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { AIMessage } from '@langchain/core/messages';
import { fakeModel } from '@langchain/core/testing';
import { createAgent, tool } from 'langchain';
import { z } from 'zod';
import { gateMiddleware, modelMiddleware, ModelRefused } from '../dist/langchain/index.js';
import { charged, openedModels } from './support.js';

const NAME = 'lcm';
const used = (input_tokens, output_tokens) => ({ input_tokens, output_tokens, total_tokens: input_tokens + output_tokens, input_token_details: { cache_read: 2 } });
const add = tool(({ n }) => String(n + 1), { name: `${NAME}_add`, description: 'adds', schema: z.object({ n: z.number() }) });

describe('the model of a LangChain agent', () => {
	let gate, close;
	before(async () => { ({ gate, close } = await openedModels(NAME)); });
	after(() => close());

	async function run(model, maxOutputTokens = 50) {
		const middleware = [modelMiddleware(gate, NAME, { model: `${NAME}_m`, maxOutputTokens }), gateMiddleware(gate)];
		const { messages } = await createAgent({ model, tools: [add], middleware }).invoke({ messages: [{ role: 'user', content: 'go' }] });
		return messages.at(-1).content;
	}
	const newest = async () => (await charged(NAME)).at(-1);

	it('is charged what each answer says, beside the tools', async () => {
		const calls = new AIMessage({ content: '', tool_calls: [{ name: `${NAME}_add`, args: { n: 4 }, id: 'm1' }], usage_metadata: used(11, 5) });
		assert.equal(await run(fakeModel().respond(calls).respond(new AIMessage({ content: 'done', usage_metadata: used(7, 6) }))), 'done');
		const rows = await charged(NAME);
		assert.deepEqual([rows[0], rows[1][0], rows[2]], [['committed', 16], 'committed', ['committed', 13]]);
	});
	it('is charged what was held where its answer says nothing', async () => {
		await run(fakeModel().respond(new AIMessage('done')));
		const [state, tokens] = await newest();
		assert.deepEqual([state, tokens > 50], ['committed', true]);
	});
	it('is refused in words, and not called', async () => {
		const model = fakeModel().respond(new AIMessage('done'));
		await assert.rejects(run(model, 20000), ({ message, cause }) => cause instanceof ModelRefused && cause.result.reason === 'budget_exceeded' && message === cause.result.feedback);
		assert.equal(model.callCount, 0);
	});
	it('is settled when it fails', async () => {
		await assert.rejects(run(fakeModel().respond(Object.assign(new Error('no such model'), { status: 404 }))), /no such model/);
		assert.equal((await newest())[0], 'failed');
	});
	it('leaves none open', async () => {
		assert.deepEqual((await charged(NAME)).map(([state]) => state), ['committed', 'committed', 'committed', 'committed', 'failed']);
	});
});
