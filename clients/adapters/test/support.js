// What the tests share: a gate, its agent and tools, and what must hold after each test.
import assert from 'node:assert/strict';

import { Gate } from 'agentcore';
import { admin, endAdmin, gates } from './database.js';

export { admin };

const SCHEMA = JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false });

/** A gate for the agent of the framework, which may use add and fail, and may not use secret. */
export async function opened(framework) {
	await admin('SELECT agentcore.policy_set($1)', [framework]);
	for (const tool of ['add', 'fail', 'secret']) await admin('SELECT agentcore.tool_set($1, $2::jsonb, coerce => true)', [`${framework}_${tool}`, SCHEMA]);
	for (const tool of ['add', 'fail']) await admin('SELECT agentcore.policy_allow_tool($1, $2)', [framework, `${framework}_${tool}`]);
	await admin('SELECT agentcore.agent_set($1, $1)', [framework]);
	const { connection, close } = gates.pg();
	const gate = new Gate(connection, { agent: framework, maxWait: 0, log: () => undefined });
	return { gate, close: async () => { await close(); await endAdmin(); } };
}

/** The states of the agent's calls, by tool; none is open. */
export async function settled(framework) {
	const rows = await admin(`SELECT tool, state, count(*)::integer AS n FROM agentcore.permits WHERE agent = $1 GROUP BY 1, 2 ORDER BY 1, 2`, [framework]);
	assert.ok(rows.every(({ state }) => state !== 'open' && state !== 'held'), JSON.stringify(rows));
	return rows.map(({ tool, state, n }) => `${tool.replace(`${framework}_`, '')} ${state} ${n}`);
}

/** A gate for an agent whose budget pays for the framework's model m: 10000 tokens, and no more. */
export async function openedModels(framework) {
	const all = await opened(framework);
	await admin('SELECT agentcore.model_price_set($1, 1, 2)', [`${framework}_m`]);
	await admin('SELECT agentcore.budget_set($1, max_tokens => 10000), agentcore.agent_set($1, budget => $1)', [framework]);
	return all;
}

/** [state, charged tokens] of the agent's calls, in their order. */
export async function charged(framework) {
	const rows = await admin('SELECT state, charged_tokens::integer AS tokens FROM agentcore.permits WHERE agent = $1 ORDER BY created_at, permit', [framework]);
	return rows.map(({ state, tokens }) => [state, tokens]);
}
