// What the tests share (with those of the Node client, whose support.js is database.js here): a client before the proxy, and a comparison of what servers did with what the gate knows.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { checked, Proxy } from '../dist/index.js';
import { admin } from './database.js';

export { admin, endAdmin, Proxy as Breaker, stateOf, until } from './database.js';

const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database } = process.env;
export const here = (name) => fileURLToPath(new URL(name, import.meta.url));
export const scratch = mkdtempSync(join(process.env.SCRATCH ?? tmpdir(), 'mcp-'));
const require = createRequire(import.meta.url);
/** The program of a server from npm. */
export const server = (name) => join(require.resolve(`@modelcontextprotocol/${name}/package.json`), '..', 'dist', 'index.js');

let roles = 0;
/** A role of the level, and how to connect as it. */
export async function as(level, more = '') {
	const role = `mcp_${level}_${process.pid}_${++roles}`;
	await admin(`CREATE ROLE ${role} LOGIN`);
	await admin(`SELECT agentcore.access_grant('${role}', '${level}'${more})`);
	return { host, port: Number(port), user: role, database };
}

export const fake = (name, more = {}) => {
	const state = { script: join(scratch, `${name}.json`), log: join(scratch, `${name}.log`) };
	writeFileSync(state.script, '{}');
	writeFileSync(state.log, '');
	return {
		...state,
		config: { command: process.execPath, args: [here('./fake.js'), state.script, state.log], tellCall: true, ...more },
		/** What the server does from now on. */
		does(what) { writeFileSync(state.script, JSON.stringify(what)); },
		calls: () => readFileSync(state.log, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)),
	};
};

/** A proxy in this process, and how to reach it as a client. */
export async function proxied(config, work) {
	const lines = [];
	const proxy = new Proxy(checked(config), (line) => lines.push(line));
	await proxy.start();
	const clients = [];
	const connect = async (capabilities = {}, prepare = () => undefined) => {
		const client = new Client({ name: 'test', version: '1' }, { capabilities });
		prepare(client);
		const [mine, theirs] = InMemoryTransport.createLinkedPair();
		await proxy.session().connect(theirs);
		await client.connect(mine);
		clients.push(client);
		return client;
	};
	try {
		return await work({ proxy, connect, lines, client: await connect() });
	} finally {
		await Promise.allSettled(clients.map((client) => client.close()));
		await proxy.close();
	}
}

export const text = (result) => result.content.map((part) => part.text ?? '').join('\n');
export const call = (client, name, args = {}, options) => client.callTool({ name, arguments: args }, undefined, options);

/** No call without a permit, no permit left open, none committed that was not done, nothing done twice. */
export async function settled(agent, fakes) { // without fakes nobody knows what was done
	const permits = new Map((await admin('SELECT permit::text AS id, tool, state FROM agentcore.permits WHERE agent = $1', [agent])).map((row) => [row.id, row]));
	const done = new Map();
	for (const one of fakes ?? [])
		for (const { call, tool } of one.calls().filter((line) => line.tool)) {
			assert.ok(permits.has(call), `${tool} was called without a permit: ${call}`);
			assert.ok(permits.get(call).tool.endsWith(tool), `${tool} was called with the permit of ${permits.get(call).tool}`);
			done.set(call, one.retries ? 1 : (done.get(call) ?? 0) + 1);
		}
	for (const [id, { tool, state }] of permits) {
		assert.ok(!['open', 'lapsed', 'retry'].includes(state), `the call ${id} of ${tool} is still ${state}`);
		if (fakes && ['committed', 'late'].includes(state)) assert.equal(done.get(id), 1, `the call ${id} of ${tool} is ${state}`);
		if (state === 'released') assert.equal(done.get(id), undefined, `the call ${id} of ${tool} was done and given back`);
	}
	assert.deepEqual(await admin('SELECT * FROM agentcore.budget_verify()'), []);
}
