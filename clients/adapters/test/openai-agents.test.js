// gatedTool() in a run of the OpenAI Agents SDK, with a model that is made up.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Agent, Runner, setTracingDisabled, Usage } from '@openai/agents-core';
import { z } from 'zod';
import { gatedTool } from '../dist/openai-agents/index.js';
import { opened, settled } from './support.js';

setTracingDisabled(true);
const NAME = 'oai';

/** Says what it is told to, turn by turn, and keeps what it was sent. */
class Model {
	sent = [];
	constructor(turns) { this.turns = turns; }
	async getResponse({ input }) {
		this.sent.push(input);
		return { usage: new Usage(), output: this.turns.shift() };
	}
	async *getStreamedResponse() { throw new Error('not used'); }
}
const call = (tool, args, callId) => ({ type: 'function_call', callId, name: `${NAME}_${tool}`, arguments: JSON.stringify(args), status: 'completed' });
const done = [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'done' }] }];

describe('the OpenAI Agents SDK', () => {
	let gate, close, ran;
	before(async () => { ({ gate, close } = await opened(NAME)); });
	after(() => close());

	/** The outputs of the tools that the model read. */
	async function run(...calls) {
		ran = [];
		const of = (name, execute) => gatedTool(gate, { name: `${NAME}_${name}`, description: name, parameters: z.object({ n: z.union([z.number(), z.string()]) }), execute: (args) => { ran.push(args); return execute(args); } });
		const tools = [of('add', ({ n }) => n + 1), of('secret', () => 'told'), of('fail', () => { throw new Error('no such thing'); })];
		const model = new Model([calls, done]);
		const result = await new Runner({ model }).run(new Agent({ name: 'a', tools }), 'go');
		assert.equal(result.finalOutput, 'done');
		return model.sent[1].filter(({ type }) => type === 'function_call_result').map(({ output }) => output.text ?? output);
	}

	it('runs with the arguments that the gate returned', async () => {
		assert.deepEqual([await run(call('add', { n: '4' }, 'o1')), ran], [['5'], [{ n: 4 }]]);
	});
	it('refuses in words', async () => {
		const [words] = await run(call('secret', { n: 1 }, 'o2'));
		assert.deepEqual([/secret/.test(words), ran], [true, []]);
	});
	it('settles a tool that fails', async () => {
		const [words] = await run(call('fail', { n: 1 }, 'o3'));
		assert.match(words, /error occurred while running the tool/); // the SDK's own words
	});
	it('runs one call once', async () => {
		assert.deepEqual([(await run(call('add', { n: 4 }, 'o1'))).length, ran], [1, []]);
	});
	it('leaves none open', async () => {
		assert.deepEqual(await settled(NAME), ['add committed 1', 'fail unknown 1']);
	});
});
