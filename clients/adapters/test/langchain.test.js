// gateMiddleware() in an agent of LangChain, with the fake model of its core.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { AIMessage, ToolMessage } from '@langchain/core/messages';
import { fakeModel } from '@langchain/core/testing';
import { createAgent, tool } from 'langchain';
import { z } from 'zod';
import { gateMiddleware } from '../dist/langchain/index.js';
import { opened, settled } from './support.js';

const NAME = 'lc';
const call = (name, args, id) => ({ name: `${NAME}_${name}`, args, id });

describe('LangChain', () => {
	let gate, close, ran;
	before(async () => { ({ gate, close } = await opened(NAME)); });
	after(() => close());

	/** What the model read of the tools: [status, content]. */
	async function run(...calls) {
		ran = [];
		const of = (name, execute) => tool((args, config) => { ran.push(args); return execute(args, config); }, { name: `${NAME}_${name}`, description: name, schema: z.object({ n: z.number() }) });
		const tools = [of('add', ({ n }) => String(n + 1)), of('secret', () => 'told'), of('fail', ({ n }, { toolCall }) => {
			if (n === 2) return new ToolMessage({ content: 'no such thing', tool_call_id: toolCall.id, status: 'error' });
			throw new Error('no such thing');
		})];
		const model = fakeModel().respondWithTools(calls).respond(new AIMessage('done'));
		const { messages } = await createAgent({ model, tools, middleware: [gateMiddleware(gate)] }).invoke({ messages: [{ role: 'user', content: 'go' }] });
		assert.equal(messages.at(-1).content, 'done');
		return messages.filter((message) => ToolMessage.isInstance(message)).map(({ status, content }) => [status ?? 'success', content]);
	}

	it('runs with the arguments that the gate returned', async () => {
		assert.deepEqual([await run(call('add', { n: '4' }, 'l1')), ran], [[['success', '5']], [{ n: 4 }]]);
	});
	it('refuses in words', async () => {
		const [[status, words]] = await run(call('secret', { n: 1 }, 'l2'));
		assert.deepEqual([status, /secret/.test(words), ran], ['error', true, []]);
	});
	it('settles a tool that fails', async () => {
		await run(call('fail', { n: 1 }, 'l3')).then(([[status, words]]) => assert.match(`${status} ${words}`, /error .*no such thing/s), (error) => assert.match(error.message, /no such thing/));
	});
	it('settles a tool that says that it failed', async () => {
		assert.deepEqual(await run(call('fail', { n: 2 }, 'l4')), [['error', 'no such thing']]);
	});
	it('runs one call once', async () => {
		assert.deepEqual([await run(call('add', { n: 4 }, 'l1')), ran], [[['success', '5']], []]);
	});
	it('leaves none open', async () => {
		assert.deepEqual(await settled(NAME), ['add committed 1', 'fail unknown 2']);
	});
});
