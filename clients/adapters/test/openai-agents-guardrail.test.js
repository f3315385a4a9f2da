// toolGuardrail() at tools of the OpenAI Agents SDK, with a model that is made up.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Agent, Runner, setTracingDisabled, tool, Usage } from '@openai/agents-core';
import { z } from 'zod';
import { gatedTool, toolGuardrail } from '../dist/openai-agents/index.js';
import { admin, opened, settled } from './support.js';

setTracingDisabled(true);
const NAME = 'oaig';
const call = (tool, args, callId) => ({ type: 'function_call', callId, name: `${NAME}_${tool}`, arguments: JSON.stringify(args), status: 'completed' });
const done = [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'done' }] }];

describe('a guardrail of the OpenAI Agents SDK', () => {
	let gate, close, ran, guardrail;
	before(async () => {
		({ gate, close } = await opened(NAME));
		guardrail = toolGuardrail(gate, NAME);
	});
	after(() => close());

	/** What the model read of the tools; each is a plain one, or one that asks for the call too. */
	async function run(make, ...calls) {
		ran = [];
		const parameters = z.object({ n: z.union([z.number(), z.string()]) });
		const tools = ['add', 'secret'].map((name) => make({ name: `${NAME}_${name}`, description: name, parameters, inputGuardrails: [guardrail], execute: (args) => { ran.push(args); return 'ran'; } }));
		const turns = [calls, done];
		let sent;
		const model = { async getResponse({ input }) { sent = input; return { usage: new Usage(), output: turns.shift() }; } };
		await new Runner({ model }).run(new Agent({ name: 'a', tools }), 'go');
		return sent.filter(({ type }) => type === 'function_call_result').map(({ output }) => output.text ?? output);
	}
	const gated = (options) => gatedTool(gate, options);

	it('lets pass what would run, and takes nothing', async () => {
		assert.deepEqual([await run(tool, call('add', { n: 1 }, 'g1')), ran, await settled(NAME)], [['ran'], [{ n: 1 }], []]);
	});
	it('rejects in words what the policy refuses', async () => {
		const [words] = await run(tool, call('secret', { n: 1 }, 'g2'));
		assert.match(words, /"oaig_secret" may not be called: not_in_allowlist/);
		assert.deepEqual([ran, await settled(NAME)], [[], []]);
	});
	it('rejects arguments with what is wrong with them', async () => {
		const [words] = await run(tool, call('add', { n: 'four' }, 'g3'));
		assert.deepEqual([/integer/.test(words), /four/.test(words), ran], [true, true, []]);
	});
	it('lets pass what only has to wait', async () => {
		await admin('SELECT agentcore.policy_ask_tool($1, $2, "when" => $3::jsonb, name => $4)', [NAME, `${NAME}_add`, JSON.stringify({ '/args/n': { const: 9 } }), 'nine']);
		assert.deepEqual([await run(tool, call('add', { n: 9 }, 'g4')), ran], [['ran'], [{ n: 9 }]]);
	});
	it('stands before a tool that asks for the call, which alone is settled', async () => {
		await run(gated, call('add', { n: '4' }, 'g5'), call('secret', { n: 1 }, 'g6'));
		assert.deepEqual([ran, await settled(NAME)], [[{ n: 4 }], ['add committed 1']]);
		assert.deepEqual([(await run(gated, call('add', { n: 4 }, 'g5'))).length, ran], [1, []]);
	});
	it('lets pass what a policy in audit mode would refuse', async () => {
		await admin(`SELECT agentcore.policy_set($1, mode => 'audit')`, [NAME]);
		assert.deepEqual([await run(tool, call('secret', { n: 1 }, 'g7')), ran.length], [['ran'], 1]);
	});
});
