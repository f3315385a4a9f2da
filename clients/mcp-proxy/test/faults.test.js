// Servers, databases and clients that fail in the middle: nothing without a permit, no permit left open, nothing twice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { admin, as, Breaker, call, endAdmin, fake, proxied, settled, text, until } from './support.js';

let database, importer;
const AGENT = 'faulty';
const fakes = [];
let count = 0;

before(async () => {
	await admin(`SELECT agentcore.policy_set('all'), agentcore.policy_allow_tool('all', '*'), agentcore.agent_set('${AGENT}', 'all')`);
	await admin(`SELECT agentcore.retry_policy_set('default', base => '1 ms', cap => '1 ms', max_attempts => 3, method => 'none')`);
	await admin(`SELECT agentcore.access_grant('${(database = await as('agent')).user}', 'agent')`);
	importer = { database: await as('admin') };
});
after(endAdmin);

/** A proxy before a fake server of its own that does what `script` says. */
async function faulty(script, work, { over, upstream = {}, ...more } = {}) {
	const one = fake(`faulty${++count}`, { prefix: `f${count}__`, ...upstream });
	const tool = `f${count}__work`;
	fakes.push(one);
	one.does(script);
	const config = { agent: AGENT, database: over ? { ...database, host: '127.0.0.1', port: over.port } : database, importer, upstreams: { [`faulty${count}`]: one.config }, ...more };
	return proxied(config, (proxy) => work({ ...proxy, one, tool, call: (args, options) => call(proxy.client, tool, args, options) }));
}
const stateOf = async (one) => (await admin('SELECT state FROM agentcore.permits WHERE permit = $1', [one.calls()[0].call]))[0].state;

describe('a server', () => {
	it('whose result is an error: the client gets it, and the call has failed', () => faulty({ call: 'error' }, async ({ call, one }) => {
		const result = await call();
		assert.deepEqual([text(result), result.isError, await stateOf(one)], ['no such thing', true, 'unknown']);
	}));

	it('gets the arguments that the gate returned', () => faulty({}, async ({ client, call, tool }) => {
		await client.listTools();
		await admin('SELECT agentcore.tool_set($1, coerce => true)', [tool]);
		assert.equal(text(await call({ n: '5' })), '{"n":5}');
	}));

	it('that refuses by an error of the protocol: in words for the model', () => faulty({ call: 'refuse' }, async ({ call }) => {
		const result = await call();
		assert.equal(result.isError, true);
		assert.match(text(result), /wrong arguments/);
	}));

	it('that dies: the call has failed, and the next one finds it started again', () => faulty({ call: 'die' }, async ({ call, one }) => {
		const result = await call();
		assert.equal(result.isError, true);
		assert.match(text(result), /may have been executed/);
		one.does({ call: 'echo' });
		assert.equal(text(await call({ n: 2 })), '{"n":2}');
	}));

	it('that hangs: it is told to stop, and the call has failed', () => faulty({ call: 'hang' }, async ({ call, one }) => {
		assert.match(text(await call()), /timed out/i);
		await until(() => one.calls().some(({ cancelled }) => cancelled !== undefined));
	}, { upstream: { timeout: 300 } }));

	it('that answers twice, or with garbage between: one answer', async () => {
		await faulty({ call: 'twice' }, async ({ call }) => {
			assert.equal(text(await call()), 'first');
			assert.equal(text(await call()), 'first');
		});
		await faulty({ call: 'garbage' }, async ({ call }) => assert.equal(text(await call()), 'after garbage'));
	});

	it('whose answer is no result: refused, and not taken for done', () => faulty({ call: 'invalid' }, async ({ call, one }) => {
		assert.match(text(await call()), /no result of a tool/);
		assert.equal(await stateOf(one), 'unknown');
	}));

	it('whose result is huge: the client gets it, the gate keeps none of it', () => faulty({ call: 'huge' }, async ({ call, one }) => {
		assert.equal(text(await call()).length, 3 << 20);
		assert.equal(await stateOf(one), 'committed');
	}));

	it('that never ends a line: it is cut off', () => faulty({ call: 'endless' }, async ({ call, one }) => {
		assert.equal((await call()).isError, true);
		one.does({ call: 'echo' });
		assert.equal(text(await call()), '{}');
	}));

	it('that is busy: tried again where the tool may be', () => faulty({ call: 'busy' }, async ({ call, one, tool }) => {
		await admin('SELECT agentcore.tool_set($1, idempotent => true)', [tool]);
		assert.equal(text(await call()), 'at last');
		assert.equal(one.calls().length, 3);
		one.retries = true;
	}));

	it('that cannot be started, or sends no list: its tools are not there, and nothing is asked', () => faulty({ list: 'endless' }, async ({ client, call, one }) => {
		assert.deepEqual((await client.listTools()).tools, []);
		assert.equal((await call()).isError, true);
		assert.deepEqual(one.calls(), []);
	}));

	it('that asks the client for something: refused', () => faulty({ call: 'asks' }, async ({ call }) => {
		assert.equal(text(await call()), 'refused -32601');
	}));

	it('that tells of progress: to the client that wants to hear of it', () => faulty({ call: 'progress' }, async ({ call, one }) => {
		const heard = [];
		const answer = call({}, { onprogress: ({ progress, total, message }) => heard.push([progress, total, message]) });
		await until(() => heard.length === 3);
		one.does({ call: 'progress', release: true });
		assert.equal(text(await answer), 'token number');
		assert.equal(text(await call()), 'token undefined');
		assert.deepEqual(heard, [[0.5, 2, 'step 0.5'], [1, 2, 'step 1'], [2, 2, 'step 2']]);
	}));
});

describe('the database', () => {
	let breaker;
	before(async () => { breaker = await Breaker.start(); });
	after(() => breaker.close());
	const over = (script, work, more = {}) => faulty(script, work, { over: breaker, listen: false, reconnect: 10_000, ...more }).finally(() => breaker.heal());

	for (const word of ['call_begin', 'call_commit'])
		for (const when of ['cutBefore', 'cutAfter'])
			it(`is lost, ${when} ${word}: the call is done once`, () => over({}, async ({ call, one }) => {
				breaker[when](word);
				assert.equal(text(await call({ n: 1 })), '{"n":1}');
				assert.deepEqual([breaker.cuts, one.calls().length, await stateOf(one)], [1, 1, 'committed']);
			}));

	it('is lost after a failure', () => over({ call: 'error' }, async ({ call, one }) => {
		breaker.cutAfter('call_fail');
		assert.equal((await call()).isError, true);
		assert.equal(await stateOf(one), 'unknown');
	}));

	it('is away: nothing runs, and a model can read why', () => over({}, async ({ call, client, one, tool }) => {
		breaker.away();
		const result = await call();
		assert.deepEqual([result.isError, result._meta['agentcore/verdict']], [true, 'unavailable']);
		assert.match(text(result), new RegExp(`"${tool}" cannot be called now.*Nothing was run`));
		await assert.rejects(client.listTools(), /the gate cannot be asked/);
		assert.deepEqual(one.calls(), []);
		breaker.heal();
		assert.equal(text(await call()), '{}');
	}, { reconnect: 200 }));

	it('is away while the tool runs: its answer arrives, and is settled', () => over({ call: 'later' }, async ({ call, one }) => {
		const answer = call();
		await until(() => one.calls().length === 1);
		breaker.away();
		one.does({ call: 'later', release: true });
		setTimeout(() => breaker.heal(), 300);
		assert.equal(text(await answer), 'at last');
		assert.equal(await stateOf(one), 'committed');
	}));

	it('restarts while the tool runs', { skip: !process.env.CLUSTER }, () => faulty({ call: 'later' }, async ({ call, one }) => {
		const answer = call();
		await until(() => one.calls().length === 1);
		execFileSync(join(process.env.TOP, 'tools', 'cluster'), ['restart', process.env.CLUSTER]);
		one.does({ call: 'later', release: true });
		assert.equal(text(await answer), 'at last');
		assert.equal(await stateOf(one), 'committed');
		assert.equal(text(await call({ n: 3 })), 'at last');
	}));
});

describe('the client', () => {
	it('gives up: the server is told, and the call settled', () => faulty({ call: 'hang' }, async ({ call, one }) => {
		const controller = new AbortController();
		const giving = call({}, { signal: controller.signal });
		await until(() => one.calls().length === 1);
		controller.abort('enough');
		await assert.rejects(giving, /enough/);
		await until(() => one.calls().some(({ cancelled }) => cancelled !== undefined));
		await until(async () => (await stateOf(one)) !== 'open');
	}));

	it('goes: its call is settled', () => faulty({ call: 'hang' }, async ({ call, one, client, proxy }) => {
		const going = assert.rejects(call());
		await until(() => one.calls().length === 1);
		await client.close();
		await going;
		await until(async () => (await stateOf(one)) !== 'open');
		assert.equal(proxy.sessions.size, 0);
	}));

	it('is left by the proxy: its call is settled before the proxy has closed', async () => {
		let left;
		await faulty({ call: 'hang' }, async ({ call, one, proxy }) => {
			const going = assert.rejects(call());
			await until(() => one.calls().length === 1);
			await proxy.close();
			await going;
			left = await stateOf(one);
		});
		assert.notEqual(left, 'open');
	});

	it('sends a call twice under its key: it is done once', () => faulty({}, async ({ client, one, tool }) => {
		const params = { name: tool, arguments: { n: 7 }, _meta: { 'agentcore/key': 'seven', other: 'not for the server' } };
		const first = await client.callTool(params);
		assert.deepEqual((await client.callTool(params)).content, first.content);
		assert.equal(one.calls().length, 1);
		const other = await client.callTool({ ...params, arguments: { n: 8 } });
		assert.deepEqual([other.isError, other._meta['agentcore/reason']], [true, 'key_conflict']);
	}));
});

it('leaves nothing open and nothing wrong behind', () => settled(AGENT, fakes));
