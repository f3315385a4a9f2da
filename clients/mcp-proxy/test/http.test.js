// Streamable HTTP on both sides, and what passes beside the tools.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, before, it } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { serve } from '../dist/index.js';
import { admin, as, call, endAdmin, fake, proxied, settled, text, until } from './support.js';

const AGENT = 'remote';
const seen = { calls: () => log };
const log = [];
let upstream, config;

/** A server of the SDK's own: each request a server of its own, without sessions. */
async function answers(incoming, response) {
	const server = new McpServer({ name: 'sums', version: '1' });
	server.registerTool('sum', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }, { _meta, requestInfo }) => {
		log.push({ tool: 'sum', call: _meta['agentcore/call'], by: requestInfo.headers['x-who'] });
		return { content: [{ type: 'text', text: String(a + b) }], structuredContent: { sum: a + b } };
	});
	const transport = new StreamableHTTPServerTransport({});
	response.on('close', () => server.close());
	await server.connect(transport);
	await transport.handleRequest(incoming, response);
}

before(async () => {
	upstream = createServer((incoming, response) => void answers(incoming, response));
	await new Promise((ready) => upstream.listen(0, '127.0.0.1', ready));
	await admin(`SELECT agentcore.policy_set('far'), agentcore.policy_allow_tool('far', '*'), agentcore.agent_set('${AGENT}', 'far')`);
	config = { agent: AGENT, database: await as('agent'), importer: { database: await as('admin') }, task: 'mcp {session}',
		upstreams: { sums: { url: `http://127.0.0.1:${upstream.address().port}/mcp`, headers: { 'x-who': 'proxy' }, prefix: 'sums__', tellCall: true } } };
});
after(async () => { upstream.closeAllConnections(); upstream.close(); await endAdmin(); });

async function served(http, work) {
	await proxied(config, async ({ proxy }) => {
		const { url, close } = await serve(proxy, { host: '127.0.0.1', port: 0, path: '/mcp', allowedHosts: [], allowedOrigins: [], maxSessions: 2, idle: 3_600_000, ...http });
		try {
			await work({ url, proxy });
		} finally {
			await close();
		}
	});
}
const reached = async (url, headers = {}) => {
	const client = new Client({ name: 'test', version: '1' });
	const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
	await client.connect(transport);
	return { client, end: async () => { await transport.terminateSession(); await client.close(); } };
};
/** fetch() does not let a test name another host. */
const status = (url, headers) => new Promise((resolve, reject) => request(url, { method: 'POST', headers }, (response) => resolve(response.resume().statusCode)).on('error', reject).end('{}'));

it('serves sessions, each with calls of its own', () => served({}, async ({ url, proxy }) => {
	const [one, two] = [await reached(url), await reached(url)];
	assert.equal(text(await call(one.client, 'sums__sum', { a: 1, b: 2 })), '3');
	const result = await call(two.client, 'sums__sum', { a: 2, b: 2 });
	assert.deepEqual([text(result), result.structuredContent], ['4', { sum: 4 }]);
	assert.equal(log.at(-1).by, 'proxy');
	assert.equal((await admin(`SELECT DISTINCT task FROM agentcore.permits WHERE agent = '${AGENT}'`)).length, 2);
	await assert.rejects(reached(url), /too many sessions/);
	await one.end();
	const three = await reached(url);
	await two.end();
	await three.end();
	await until(() => proxy.sessions.size === 1); // the one that proxied() itself has
}));

it('lets in whom it should', async () => {
	process.env.PROXY_TOKEN = 'open sesame';
	await served({ tokenVariable: 'PROXY_TOKEN', allowedOrigins: ['https://app.example.com'] }, async ({ url }) => {
		await assert.rejects(reached(url), /401|refused/);
		const right = { authorization: 'Bearer open sesame' };
		const { client, end } = await reached(url, right);
		assert.equal(text(await call(client, 'sums__sum', { a: 1, b: 1 })), '2');
		await end();
		for (const [headers, answer] of [[{ ...right, host: 'evil.example.com' }, 421], [{ ...right, origin: 'https://evil.example.com' }, 403],
			[{ ...right, origin: 'https://app.example.com' }, 406], [{ authorization: 'Bearer open' }, 401], [{ ...right, 'mcp-session-id': 'guessed' }, 404]])
			assert.equal(await status(url, headers), answer, JSON.stringify(headers));
		assert.equal(await status(url.replace('/mcp', '/other'), right), 404);
	});
});

it('passes nothing but tools, unless it is configured', async () => {
	const one = fake('passing', { prefix: 'pass__' });
	await proxied({ ...config, upstreams: { passing: one.config } }, async ({ client }) => {
		for (const work of [() => client.listResources(), () => client.listPrompts(), () => client.setLoggingLevel('debug'), () => client.readResource({ uri: 'test://one' })])
			await assert.rejects(work(), /does not support|Method not found/);
		assert.deepEqual(await client.ping(), {});
	});
	await proxied({ ...config, upstreams: { passing: { ...one.config, pass: ['resources'] } } }, async ({ client }) => {
		assert.equal((await client.listResources()).resources[0].uri, 'test://one');
		await assert.rejects(client.listPrompts(), /does not support|Method not found/);
	});
});

it('leaves nothing open and nothing wrong behind', () => settled(AGENT, [seen]));
