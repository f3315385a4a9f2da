// A whole agent, with a model that follows a script, before the program as a client starts it: two servers from npm, and one that fails.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { admin, as, endAdmin, fake, here, scratch, server, settled, stateOf, text, until } from './support.js';

const AGENT = 'assistant';
const files = join(scratch, 'agent');
const one = fake('agent', { prefix: 'work__' });
const config = join(scratch, 'agent.config.json');

before(async () => {
	mkdirSync(files);
	writeFileSync(join(files, 'sums.txt'), '40 and 2');
	await admin(`SELECT agentcore.policy_set('assisting'), agentcore.agent_set('${AGENT}', 'assisting')`);
	await admin(`SELECT agentcore.policy_allow_tool('assisting', tool) FROM unnest('{fs__read_*,every__get-sum,work__*}'::text[]) AS tool`);
	await admin(`SELECT agentcore.policy_ask_tool('assisting', 'fs__write_file', name => 'writing')`);
	const database = await as('agent');
	await admin(`SELECT agentcore.budget_set('mcp', max_calls => 100), agentcore.agent_set('${AGENT}', budget => 'mcp')`);
	writeFileSync(config, JSON.stringify({
		agent: AGENT, database, importer: { database: await as('admin') }, lease: 2_000, plainApprovalWait: 50,
		upstreams: {
			files: { command: process.execPath, args: [server('server-filesystem'), files], prefix: 'fs__' },
			everything: { command: process.execPath, args: [server('server-everything')], prefix: 'every__' },
			work: one.config,
		},
	}));
});
after(endAdmin);

async function started(work) {
	const client = new Client({ name: 'agent', version: '1' });
	const transport = new StdioClientTransport({ command: process.execPath, args: [here('../dist/main.js'), 'run', config], stderr: 'ignore' });
	await client.connect(transport, { timeout: 300_000 });
	try {
		return await work({ client, pid: transport.pid });
	} finally {
		await client.close();
	}
}

/** The loop of an agent: the model says what to call, and reads what came of it. */
async function agent(client, model) {
	const tools = (await client.listTools()).tools;
	const turns = [];
	for (let said = model(tools, turns); said; said = model(tools, turns)) {
		const result = await client.callTool({ name: said.name, arguments: said.args });
		turns.push({ ...said, text: text(result), isError: result.isError === true });
	}
	return turns;
}

it('an agent reads, reckons, is refused, asks a person, and goes on after a server died', () => started(async ({ client }) => {
	const path = join(files, 'sums.txt');
	const written = join(files, 'answer.txt');
	const script = [
		() => ({ name: 'fs__read_text_file', args: { path } }),
		([{ text: words }]) => { const [a, b] = words.match(/\d+/g).map(Number); return { name: 'every__get-sum', args: { a, b } }; },
		() => ({ name: 'fs__move_file', args: { source: path, destination: written } }),
		() => ({ name: 'work__work', args: { n: 1 } }),
		() => { one.does({}); return { name: 'work__work', args: { n: 2 } }; },
		() => ({ name: 'work__work', args: { n: 'three' } }),
		(turns) => ({ name: 'fs__write_file', args: { path: written, content: turns[1].text } }),
	];
	one.does({ call: 'die' });
	const turns = await agent(client, (tools, turns) => {
		assert.ok(tools.every(({ name }) => /^(fs__read_|fs__write_file|every__get-sum|work__)/.test(name)), tools.map(({ name }) => name).join());
		return script[turns.length]?.(turns);
	});
	assert.deepEqual(turns.map(({ isError }) => isError), [false, false, true, true, false, true, true]);
	assert.match(turns[1].text, /42/);
	assert.match(turns[6].text, /again/);
	assert.throws(() => readFileSync(written));
	await admin(`SELECT agentcore.call_approve(id) FROM agentcore.approvals WHERE state = 'pending' AND agent = '${AGENT}'`);
	const again = await agent(client, (_, later) => (later.length ? undefined : script[6](turns)));
	assert.equal(again[0].isError, false);
	assert.match(readFileSync(written, 'utf8'), /42/);
}));

it('a client that ends leaves nothing running', async () => {
	one.does({ call: 'hang' });
	const calls = () => one.calls().filter(({ tool }) => tool);
	const before = calls().length;
	await started(async ({ client }) => {
		client.callTool({ name: 'work__work', arguments: { n: 5 } }).catch(() => undefined);
		await until(() => calls().length > before);
	});
	await until(async () => (await stateOf(calls().at(-1).call)) !== 'open');
	assert.equal(await stateOf(calls().at(-1).call), 'unknown');
});

it('a proxy that is killed leaves its call to the end of its lease', async () => {
	one.does({ call: 'hang' });
	const calls = () => one.calls().filter(({ tool }) => tool);
	const before = calls().length;
	await started(async ({ client, pid }) => {
		const lost = assert.rejects(client.callTool({ name: 'work__work', arguments: { n: 6 } }));
		await until(() => calls().length > before);
		process.kill(pid, 'SIGKILL');
		await lost;
	});
	await until(async () => (await admin('SELECT agentcore.budget_reap()')) && !['open', 'lapsed'].includes(await stateOf(calls().at(-1).call)));
});

it('leaves nothing open and nothing wrong behind', async () => {
	await settled(AGENT);
	const permits = (await admin(`SELECT permit::text AS id FROM agentcore.permits WHERE agent = '${AGENT}'`)).map(({ id }) => id);
	const [{ spent }] = await admin(`SELECT sum(charged_calls)::integer AS spent FROM agentcore.permits WHERE agent = '${AGENT}'`);
	assert.equal(spent, permits.length);
	for (const { call } of one.calls().filter(({ tool }) => tool)) assert.ok(permits.includes(call));
});
