// gatedTools() in a run of the AI SDK, with its mock model.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { generateText, jsonSchema, stepCountIs, tool } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { gatedTools, Refused } from '../dist/vercel-ai/index.js';
import { opened, settled } from './support.js';

const NAME = 'ais';
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
const call = (name, args, toolCallId) => ({ type: 'tool-call', toolCallId, toolName: `${NAME}_${name}`, input: JSON.stringify(args) });

describe('the AI SDK', () => {
	let gate, close, ran;
	before(async () => { ({ gate, close } = await opened(NAME)); });
	after(() => close());

	/** What the model read of the tools: [type, value]. */
	async function run(...calls) {
		ran = [];
		const of = (execute) => tool({ description: 'x', inputSchema: jsonSchema({ type: 'object' }), execute: (args) => { ran.push(args); return execute(args); } });
		const tools = gatedTools(gate, {
			[`${NAME}_add`]: of(({ n }) => n + 1), [`${NAME}_secret`]: of(() => 'told'), [`${NAME}_fail`]: of(() => { throw new Error('no such thing'); }),
			elsewhere: tool({ description: 'x', inputSchema: jsonSchema({ type: 'object' }) }),
		});
		assert.equal(tools.elsewhere.execute, undefined);
		const model = new MockLanguageModelV3({ doGenerate: [
			{ content: calls, finishReason: { unified: 'tool-calls' }, usage, warnings: [] }, { content: [{ type: 'text', text: 'done' }], finishReason: { unified: 'stop' }, usage, warnings: [] },
		] });
		const { text } = await generateText({ model, tools, prompt: 'go', stopWhen: stepCountIs(3) });
		assert.equal(text, 'done');
		return model.doGenerateCalls[1].prompt.at(-1).content.map(({ output }) => [output.type, output.value]);
	}

	it('runs with the arguments that the gate returned', async () => {
		assert.deepEqual([await run(call('add', { n: '4' }, 'a1')), ran], [[['json', 5]], [{ n: 4 }]]);
	});
	it('refuses in words', async () => {
		const [[type, words]] = await run(call('secret', { n: 1 }, 'a2'));
		assert.deepEqual([type, /secret/.test(words), ran], ['error-text', true, []]);
	});
	it('settles a tool that fails', async () => {
		assert.deepEqual(await run(call('fail', { n: 1 }, 'a3')), [['error-text', 'no such thing']]);
	});
	it('runs one call once', async () => {
		assert.deepEqual([(await run(call('add', { n: 4 }, 'a1'))).length, ran], [1, []]);
	});
	it('keeps what a tool gave last', async () => {
		const tools = gatedTools(gate, { [`${NAME}_add`]: { execute: async function* () { yield 1; yield 2; } } });
		assert.equal(await tools[`${NAME}_add`].execute({ n: 7 }, { toolCallId: 'a4', messages: [] }), 2);
		await assert.rejects(tools[`${NAME}_add`].execute({}, { toolCallId: 'a5', messages: [] }), (error) => error instanceof Refused && error.result.reason === 'invalid_args');
	});
	it('leaves none open', async () => {
		assert.deepEqual(await settled(NAME), ['add committed 2', 'fail unknown 1']);
	});
});
