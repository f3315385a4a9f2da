// Real servers by stdio: what a client sees of them, and what the gate knows of it.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { admin, as, call, endAdmin, proxied, scratch, server, settled, text } from './support.js';

const files = join(scratch, 'files');
const upstreams = {
	files: { command: process.execPath, args: [server('server-filesystem'), files], prefix: 'fs__' },
	everything: { command: process.execPath, args: [server('server-everything')], prefix: 'every__' },
};
let database, importer;

before(async () => {
	mkdirSync(files);
	writeFileSync(join(files, 'note.txt'), 'a note');
	await admin(`SELECT agentcore.policy_set('reading'), agentcore.agent_set('reader', 'reading')`);
	await admin(`SELECT agentcore.policy_allow_tool('reading', 'fs__read_*'), agentcore.policy_allow_tool('reading', 'every__*')`);
	database = await as('agent');
	importer = { database: await as('admin') };
});
after(endAdmin);

describe('two servers from npm', () => {
	const config = () => ({ agent: 'reader', upstreams, database, importer });

	it('imports them, and lists what the agent may call', () => proxied(config(), async ({ client }) => {
		const { tools } = await client.listTools();
		const names = tools.map(({ name }) => name);
		assert.ok(names.includes('fs__read_text_file') && names.includes('every__echo'), names.join());
		assert.ok(!names.includes('fs__write_file'));
		assert.equal((await admin(`SELECT origin FROM agentcore.tools WHERE name = 'fs__write_file'`))[0].origin, 'files');
	}));

	it('calls them, each call with a permit', () => proxied(config(), async ({ client }) => {
		const path = join(files, 'note.txt');
		assert.equal(text(await call(client, 'fs__read_text_file', { path })), 'a note');
		assert.match(text(await call(client, 'every__get-sum', { a: 2, b: 40 })), /42/);
		const rows = await admin(`SELECT tool, state FROM agentcore.permits WHERE agent = 'reader' ORDER BY tool`);
		assert.deepEqual(rows, [{ tool: 'every__get-sum', state: 'committed' }, { tool: 'fs__read_text_file', state: 'committed' }]);
	}));

	it('refuses what is not allowed, in words, and the file is not written', () => proxied(config(), async ({ client }) => {
		const path = join(files, 'other.txt');
		const result = await call(client, 'fs__write_file', { path, content: 'x' });
		assert.equal(result.isError, true);
		assert.match(text(result), /not allowed|may not/i);
		assert.equal(result._meta['agentcore/verdict'], 'deny');
		assert.throws(() => readFileSync(path));
		const wrong = await call(client, 'every__get-sum', { a: 'two' });
		assert.match(text(wrong), /"a"|"b"/);
		assert.equal((await call(client, 'nobody__knows')).isError, true);
	}));

	it('leaves nothing open', () => settled('reader'));
});
