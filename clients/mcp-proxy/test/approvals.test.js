// Calls that a person must allow: by the person at the client, as a task, with progress, or called again.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { admin, as, call, endAdmin, fake, proxied, settled, text, until } from './support.js';

const AGENT = 'careful';
const one = fake('careful', { prefix: 'care__' });
const tool = 'care__work';
let config;

before(async () => {
	await admin(`SELECT agentcore.policy_set('asking'), agentcore.agent_set('${AGENT}', 'asking')`);
	await admin(`SELECT agentcore.policy_ask_tool('asking', 'care__*', name => 'ask')`);
	config = { agent: AGENT, upstreams: { careful: one.config }, database: await as('agent'), importer: { database: await as('admin') } };
});
after(endAdmin);
beforeEach(() => one.does({}));

const decide = async (n, approve) => until(async () => (await admin(
	`SELECT agentcore.call_approve(id, $3) FROM agentcore.approvals WHERE state = 'pending' AND agent = $1 AND args @> jsonb_build_object('n', $2::integer)`,
	[AGENT, n, approve])).length > 0);
const asTask = (client, args) => client.experimental.tasks.callToolStream({ name: tool, arguments: args }, CallToolResultSchema, { task: { ttl: 600_000 } });

describe('a call that waits for people', () => {
	it('tells a plain client to call again, and runs then', () => proxied({ ...config, plainApprovalWait: 50 }, async ({ client }) => {
		const first = await call(client, tool, { n: 1 });
		assert.deepEqual([first.isError, first._meta['agentcore/reason']], [true, 'approval_required']);
		assert.match(text(first), new RegExp(`approval ${first._meta['agentcore/approval']}.*again`));
		await decide(1, true);
		assert.equal(text(await call(client, tool, { n: 1 })), '{"n":1}');
	}));

	it('tells of the wait by progress, and runs', () => proxied(config, async ({ client }) => {
		const heard = [];
		const answer = call(client, tool, { n: 2 }, { onprogress: (progress) => heard.push(progress) });
		await until(() => heard.length > 1);
		await decide(2, true);
		assert.equal(text(await answer), '{"n":2}');
		assert.ok(heard.every(({ progress, message }, place) => message && (place === 0 || progress > heard[place - 1].progress)));
	}));

	it('is refused by a person: in words', () => proxied(config, async ({ client }) => {
		const answer = call(client, tool, { n: 3 }, { onprogress: () => undefined });
		await decide(3, false);
		assert.equal((await answer).isError, true);
	}));

	it('is a task: the client gets a handle, and the result later', () => proxied(config, async ({ client }) => {
		assert.equal((await client.listTools()).tools[0].execution.taskSupport, 'optional');
		const seen = [];
		for await (const message of asTask(client, { n: 4 })) {
			seen.push(message.type);
			if (message.type === 'taskCreated') await decide(4, true);
			if (message.type === 'result') assert.equal(text(message.result), '{"n":4}');
			assert.notEqual(message.type, 'error');
		}
		assert.deepEqual([seen[0], seen.at(-1)], ['taskCreated', 'result']);
	}));

	it('is a task that the client cancels: nothing runs', () => proxied(config, async ({ client }) => {
		const stream = asTask(client, { n: 5 });
		const { value } = await stream.next();
		const { taskId } = value.task;
		await until(async () => (await client.experimental.tasks.getTask(taskId)).statusMessage);
		assert.equal((await client.experimental.tasks.cancelTask(taskId)).status, 'cancelled');
		await stream.return();
		await assert.rejects(client.experimental.tasks.cancelTask(taskId), /terminal|Cannot cancel/);
		assert.ok(!one.calls().some(({ args }) => args?.n === 5));
	}));

	it('is a running task that the client cancels: settled', () => proxied(config, async ({ client }) => {
		one.does({ call: 'hang' });
		const stream = asTask(client, { n: 6 });
		const { value } = await stream.next();
		await decide(6, true);
		await until(() => one.calls().some(({ args }) => args?.n === 6));
		await client.experimental.tasks.cancelTask(value.task.taskId);
		await stream.return();
	}));
});

describe('the person at the client', () => {
	const asked = (answers, seen = []) => (client) => client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
		seen.push(params);
		return answers.shift();
	});
	const able = { elicitation: {} };
	let voting;
	before(async () => { voting = { ...config, voter: { database: await as('approver'), name: undefined } }; });

	it('allows it', () => proxied(voting, async ({ connect }) => {
		const seen = [];
		const client = await connect(able, asked([{ action: 'accept', content: { decision: 'allow', note: 'fine' } }], seen));
		assert.equal(text(await call(client, tool, { n: 11 })), '{"n":11}');
		assert.match(seen[0].message, /careful wants to call care__work with \{"n": 11\}/);
		assert.deepEqual([seen.length, seen[0].requestedSchema.required], [1, ['decision']]);
	}));

	it('refuses it', () => proxied(voting, async ({ connect }) => {
		const client = await connect(able, asked([{ action: 'accept', content: { decision: 'refuse' } }, { action: 'decline' }]));
		assert.equal((await call(client, tool, { n: 12 })).isError, true);
		assert.equal((await call(client, tool, { n: 13 })).isError, true);
		assert.ok(!one.calls().some(({ args }) => [12, 13].includes(args?.n)));
	}));

	it('leaves it to others, who allow it', () => proxied(voting, async ({ connect }) => {
		const client = await connect(able, asked([{ action: 'cancel' }, { action: 'accept', content: { decision: 'leave it to others' } }]));
		for (const n of [14, 15]) {
			const answer = call(client, tool, { n });
			await decide(n, true);
			assert.equal(text(await answer), `{"n":${n}}`);
		}
	}));

	it('is asked within a task', () => proxied(voting, async ({ connect }) => {
		const seen = [];
		const client = await connect(able, asked([{ action: 'accept', content: { decision: 'allow' } }], seen));
		await client.listTools();
		const messages = [];
		for await (const message of asTask(client, { n: 16 })) messages.push(message);
		assert.deepEqual([messages.at(-1).type, seen.length], ['result', 1]);
		assert.equal(text(messages.at(-1).result), '{"n":16}');
	}));

	it('is not asked by a client that cannot, or where nobody is configured to vote', async () => {
		await proxied({ ...voting, plainApprovalWait: 50 }, async ({ client }) => assert.equal((await call(client, tool, { n: 17 })).isError, true));
		await proxied({ ...config, plainApprovalWait: 50 }, async ({ connect }) => {
			const seen = [];
			const client = await connect(able, asked([], seen));
			assert.equal((await call(client, tool, { n: 18 })).isError, true);
			assert.deepEqual(seen, []);
		});
	});
});

it('leaves nothing open and nothing wrong behind', () => settled(AGENT, [one]));
