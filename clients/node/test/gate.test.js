// The gate over both drivers, from begin to settlement.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Gate, GateError, GateUnavailable } from '../dist/index.js';
import { admin, endAdmin, gates, Proxy, stateOf, until } from './support.js';

before(async () => {
	await admin(`SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('bot', 'p')`);
	await admin(`SELECT agentcore.tool_set('add', '{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 1}},
		"required": ["a"]}', coerce => true)`);
	await admin(`SELECT agentcore.tool_set('ask', '{"type": "object"}', needs_approval => true)`);
	await admin(`SELECT agentcore.tool_set('once', '{"type": "object"}', idempotent => false)`);
	await admin(`SELECT agentcore.retry_policy_set('default', base => '1 ms', cap => '1 ms', max_attempts => 3, method => 'none')`);
	await admin(`SELECT agentcore.model_price_set('m', 1, 2)`);
});
after(endAdmin);
const quiet = { log: () => undefined };
const fails = () => assert.fail('it must not run');

for (const [driver, open] of Object.entries(gates)) {
	describe(driver, () => {
		const { connection, close } = open();
		const gate = new Gate(connection, { agent: 'bot', ...quiet });
		after(async () => { await gate.close(); await close(); });

		it('runs with what the gate returned, and answers the same key from what was kept', async () => {
			const key = `${driver} first`;
			const result = await gate.call(null, 'add', { a: '41' }, ({ a, b }) => a + b, { key });
			assert.deepEqual([result.ok, result.value, result.args, result.settled], [true, 42, { a: 41, b: 1 }, 'committed']);
			const again = await gate.call(null, 'add', { a: '41' }, fails, { key });
			assert.deepEqual([again.ok, again.value, again.cached], [true, 42, true]);
		});

		it('has the trace logged', async () => {
			const traced = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
			for (const [trace, logged] of [[traced, traced], ['no\0ne\ud800', null]]) {
				const result = await gate.call(null, 'add', { a: 1 }, () => 1, { trace });
				const rows = await admin(`SELECT trace FROM agentcore.call_log WHERE event = 'begin' AND call_id = $1`, [result.callId]);
				assert.deepEqual([result.settled, rows], ['committed', [{ trace: logged }]]);
			}
		});

		it('commits a value that nobody can put into words, without it', async () => {
			const crowd = Array.from({ length: 30 }, () => []);
			for (const one of crowd) one.push(...crowd);
			for (const value of [{ get x() { throw new Error('no words'); } }, Object.assign(Object.create(null), { f: { toJSON() { throw new Error('no words'); } } }), crowd]) {
				const result = await gate.call(null, 'add', { a: 1 }, () => value);
				assert.deepEqual([result.ok, result.value === value, result.settled, await stateOf(result.callId)], [true, true, 'committed', 'committed']);
				assert.match(result.content(), /cannot be put into words/);
			}
			const parent = { name: 'parent' };
			parent.children = [{ up: parent }, { up: parent }];
			assert.equal((await gate.call(null, 'add', { a: 1 }, () => parent)).content(), '{"name":"parent","children":[{"up":"..."},{"up":"..."}]}');
			const result = await gate.call(null, 'add', { a: 1 }, () => 1, { cost: (value) => ({ tokens: value.usage.tokens }) });
			assert.equal(await stateOf(result.callId), 'committed');
		});

		it('settles an exception that nobody can put into words', async () => {
			const mute = Object.assign(Object.create(null), { body: { get x() { throw new Error('no words'); } } });
			await assert.rejects(gate.call(null, 'add', { a: 1 }, () => { throw mute; }), (error) => {
				assert.deepEqual([error === mute, error.agentcore.settled], [true, 'failed']);
				return true;
			});
		});

		it('gives the model a refusal as a result', async () => {
			const result = await gate.call(null, 'add', '{}', fails);
			assert.equal(result.ok, false);
			assert.match(result.content(), /required property "a"/);
		});

		it('follows the advice to try again, and settles what failed for good', async () => {
			let runs = 0;
			const heard = [];
			const result = await gate.call(null, 'add', { a: 1 }, () => {
				if (++runs < 3) throw Object.assign(new Error('overloaded'), { status: 503 });
				return 'third';
			}, { onWait: ({ advice }) => heard.push(advice) });
			assert.deepEqual([result.value, result.attempts, heard], ['third', 3, ['retry', 'retry']]);
			const fatal = Object.assign(new Error('no such page'), { status: 404 });
			await assert.rejects(gate.call(null, 'add', { a: 1 }, () => { throw fatal; }), (error) => {
				assert.equal(error, fatal);
				assert.deepEqual([error.agentcore.advice, error.agentcore.settled], ['fail', 'failed']);
				return true;
			});
		});

		it('never repeats what may have been done', async () => {
			let runs = 0;
			const mild = new Gate(connection, { agent: 'bot', errors: 'result', ...quiet });
			const result = await mild.call(null, 'once', {}, () => { runs++; throw Object.assign(new Error('bad gateway'), { status: 502 }); });
			assert.deepEqual([result.ok, result.reason, runs], [false, 'possibly_executed', 1]);
		});

		it('waits for people, and runs once they agree', async () => {
			const { connection: direct, close: closeDirect } = gates.postgres();
			const patient = new Gate(connection, { agent: 'bot', listen: direct, firstLook: 50, ...quiet });
			const key = `${driver} approved`;
			const heard = [];
			const onWait = ({ verdict, reason, approval }, delay) => heard.push([verdict, reason, typeof approval, delay > 0]);
			const waiting = patient.call(null, 'ask', {}, () => 'done', { key, onWait });
			const approve = () => admin(`SELECT agentcore.call_approve(id, true) FROM agentcore.approvals WHERE state = 'pending' AND tool = 'ask'`);
			await until(async () => (await approve()).length > 0);
			const result = await waiting;
			assert.deepEqual([result.value, result.approval !== null, result.waits.approval_required >= 1], ['done', true, true]);
			assert.deepEqual(heard[0], ['wait', 'approval_required', 'string', true]);
			await patient.close();
			await closeDirect();
		});

		it('stops a tool whose caller gives up, and settles its call', async () => {
			const controller = new AbortController();
			let id;
			const giving = gate.call(null, 'add', { a: 1 }, (_, { callId, signal }) => {
				id = callId;
				setImmediate(() => controller.abort(new Error('enough')));
				return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
			}, { signal: controller.signal });
			await assert.rejects(giving, /enough/);
			assert.notEqual(await stateOf(id), 'open');
		});

		it('keeps the lease of a long tool', async () => {
			const result = await gate.call(null, 'add', { a: 1 }, async (_, { callId }) => {
				const ends = async () => (await admin('SELECT lease_until AS t FROM agentcore.permit WHERE id = $1', [callId]))[0].t.getTime();
				const first = await ends();
				await until(async () => (await ends()) > first);
				return 'kept';
			}, { lease: 300 });
			assert.deepEqual([result.value, result.settled], ['kept', 'committed']);
		});

		it('charges a model what its response, or its stream, says', async () => {
			const request = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] };
			const usage = { input_tokens: 1000, output_tokens: 50 };
			const result = await gate.model(null, 'm', request, () => ({ type: 'message', usage }), { key: `${driver} model` });
			const charged = async (id) => (await admin('SELECT spent_tokens AS n FROM agentcore.permit WHERE id = $1', [id]))[0].n;
			assert.equal(result.settled, 'committed');
			const stream = await gate.stream(null, 'm', request, async function* () {
				yield { type: 'message_start', message: { usage: { input_tokens: 1000, output_tokens: 1 } } };
				yield { type: 'content_block_delta' };
				yield { type: 'message_delta', usage: { output_tokens: 50 } };
			});
			const seen = [];
			for await (const event of stream) seen.push(event.type);
			assert.deepEqual([seen.length, stream.result.settled], [3, 'committed']);
			assert.equal(await charged(stream.result.callId), await charged(result.callId));
			const cut = await gate.stream(null, 'm', request, async function* () {
				yield { type: 'message_start', message: { usage: { input_tokens: 1000, output_tokens: 1 } } };
				yield { type: 'never read' };
			});
			for await (const _ of cut) break;
			assert.deepEqual([cut.result.ok, cut.result.settled], [false, 'failed']);
			assert.notEqual(await stateOf(cut.result.callId), 'open');
		});

		it('leaves a stream that stands still when its caller gives up', async () => {
			const controller = new AbortController();
			let told;
			const stream = await gate.stream(null, 'm', { model: 'm', max_tokens: 100, messages: [] }, async function* (_, { signal }) {
				signal.addEventListener('abort', () => { told = signal.reason; });
				yield { type: 'message_start', message: { usage: { input_tokens: 1000, output_tokens: 1 } } };
				setImmediate(() => controller.abort(new Error('enough')));
				await new Promise(() => undefined);
			}, { signal: controller.signal });
			await assert.rejects(async () => { for await (const _ of stream); }, /enough/);
			assert.deepEqual([told?.message, stream.result.settled, await stateOf(stream.result.callId)], ['enough', 'failed', 'failed']);
		});

		it('runs the calls of a turn, each with a result', async () => {
			const turn = { role: 'assistant', content: [
				{ type: 'text', text: 'two things' },
				{ type: 'tool_use', id: `${driver} 1`, name: 'add', input: { a: 2 } },
				{ type: 'tool_use', id: `${driver} 2`, name: 'add', input: {} },
				{ type: 'tool_use', id: `${driver} 3`, name: 'toString', input: {} },
				{ type: 'tool_use', id: `${driver}\0\uD800`, name: 'add\0\uDFFF', input: { a: 2 } },
				{ type: 'tool_use', id: `${driver} 1`, name: 'add', input: { a: 2 } },
			] };
			let runs = 0;
			const results = await gate.many(null, turn, { add: ({ a, b }) => { runs++; return a + b; } });
			assert.deepEqual(results.map(({ id, ok, value }) => [id, ok, ok ? value : null]),
				[[`${driver} 1`, true, 3], [`${driver} 2`, false, null], [`${driver} 3`, false, null],
					[`${driver}\0\uD800`, false, null], [`${driver} 1`, true, 3]]);
			assert.equal(runs, 1);
		});

		it('lists the tools that the agent may call', async () => {
			const tools = await gate.tools(null, 'anthropic');
			assert.ok(tools.some((tool) => tool.name === 'add' && tool.input_schema));
		});

		it('drops what JSON cannot say, and what is too large', async () => {
			const small = new Gate(connection, { agent: 'bot', maxResult: 100, ...quiet });
			const odd = await small.call(null, 'add', { a: 1 }, () => ({ text: 'a\0b\uD800', not: NaN, big: 2n ** 70n, none: undefined }), { key: `${driver} odd` });
			assert.equal(odd.settled, 'committed');
			const again = await small.call(null, 'add', { a: 1 }, fails, { key: `${driver} odd` });
			assert.deepEqual(again.value, { text: 'a\uFFFDb\uFFFD', not: null, big: String(2n ** 70n) });
			const large = await small.call(null, 'add', { a: 1 }, () => 'x'.repeat(1000), { key: `${driver} large` });
			assert.deepEqual([large.value.length, large.settled], [1000, 'committed']);
			assert.match((await small.call(null, 'add', { a: 1 }, fails, { key: `${driver} large` })).content(), /was not kept/);
		});

		it('tells a program what it did wrong', async () => {
			await assert.rejects(new Gate(connection, quiet).call(null, 'add', {}, fails), TypeError);
			await assert.rejects(gate.call(null, 'add', { a: 1 }, fails, { lease: -5 }), GateError);
		});
	});

	describe(`${driver}, with faults`, () => {
		let proxy;
		before(async () => { proxy = await Proxy.start(); });
		after(() => proxy.close());

		/** A gate behind the proxy. */
		async function faulty(rules, work) {
			const { connection, close } = open(proxy.port);
			const gate = new Gate(connection, { agent: 'bot', reconnect: 10_000, ...quiet, ...rules });
			try {
				return await work(gate);
			} finally {
				proxy.heal();
				await close();
			}
		}

		it('asks again where the answer to its begin was lost, and runs once', async () => {
			let runs = 0;
			const result = await faulty({}, (gate) => {
				proxy.cutAfter('call_begin');
				return gate.call(null, 'add', { a: 1 }, () => { runs++; return 'ran'; });
			});
			assert.deepEqual([result.value, result.detail, runs, proxy.cuts], ['ran', 'yours', 1, 1]);
		});

		it('repeats a settlement whose answer was lost', async () => {
			const result = await faulty({}, (gate) => {
				proxy.cutAfter('call_commit');
				return gate.call(null, 'add', { a: 1 }, () => 'ran');
			});
			assert.deepEqual([result.value, result.settled], ['ran', 'replayed']);
		});

		it('repeats a settlement that never arrived', async () => {
			const result = await faulty({}, (gate) => {
				proxy.cutBefore('call_commit');
				return gate.call(null, 'add', { a: 1 }, () => 'ran');
			});
			assert.deepEqual([result.value, result.settled], ['ran', 'committed']);
		});

		it('tries again after a failure whose advice was lost', async () => {
			let runs = 0;
			const result = await faulty({}, (gate) => {
				proxy.cutAfter('call_fail');
				return gate.call(null, 'add', { a: 1 }, () => {
					if (++runs === 1) throw Object.assign(new Error('busy'), { status: 503 });
					return 'ran';
				});
			});
			assert.deepEqual([result.value, runs], ['ran', 2]);
		});

		it('runs nothing while the database is away, but what may', async () => {
			await faulty({ reconnect: 300, answerWait: 500, failOpen: ['read_*'] }, async (gate) => {
				proxy.away();
				await assert.rejects(gate.call(null, 'add', { a: 1 }, fails), GateUnavailable);
				const open = await gate.call(null, 'read_file', { path: 'x' }, ({ path }) => path);
				assert.deepEqual([open.verdict, open.value, gate.counts.fail_open, gate.counts.unavailable >= 2], ['open', 'x', 1, true]);
				const [result] = await gate.many(null, [{ type: 'tool_use', id: 'x', name: 'add', input: { a: 1 } }], { add: fails });
				assert.equal(result.verdict, 'unavailable');
			});
		});
	});
}

it('leaves nothing open and nothing wrong behind', async () => {
	assert.deepEqual(await admin(`SELECT permit FROM agentcore.permits WHERE state = 'open'`), []);
	assert.deepEqual(await admin('SELECT * FROM agentcore.budget_verify()'), []);
});
