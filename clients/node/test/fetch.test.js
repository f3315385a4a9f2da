// guardedFetch against a server that tries to lead it elsewhere.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';

import { guardedFetch, Refused } from '../dist/fetch.js';
import { Gate } from '../dist/index.js';
import { admin, endAdmin, gates } from './support.js';

describe('guardedFetch', () => {
	let server, port, gate, close, resolved;
	const seen = [];
	const fetch = (url, init, options = {}) => guardedFetch(gate, { policy: 'web', resolver: async (host) => resolved[host] ?? Promise.reject(new Error('no such name')), ...options })(url, init);

	before(async () => {
		server = createServer((request, response) => {
			seen.push([request.method, request.headers.host, request.url, request.headers.authorization ?? null]);
			const to = new URL(request.url, 'http://x').searchParams.get('to');
			if (to) response.writeHead(Number(new URL(request.url, 'http://x').searchParams.get('as') ?? 302), { location: to });
			response.end(`at ${request.url}`);
		});
		await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
		port = server.address().port;
		await admin(`SELECT agentcore.policy_set('web', schemes => '{http}', methods => '{GET,POST,HEAD}')`);
		await admin(`SELECT agentcore.policy_allow('web', 'good.test', ports => ARRAY[$1::integer]), agentcore.policy_allow('web', 'other.test', ports => ARRAY[$1::integer]),
			agentcore.policy_allow('web', '127.0.0.1', ports => ARRAY[$1::integer])`, [port]);
		resolved = { 'good.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] };
		const { connection, close: end } = gates.pg();
		gate = new Gate(connection, { agent: 'bot', log: () => undefined });
		close = end;
	});
	after(async () => {
		server.close();
		await close();
		await endAdmin();
	});

	it('fetches what is allowed, by the name', async () => {
		const response = await fetch(`http://GOOD.test:${port}/a/../b`);
		assert.deepEqual([response.status, await response.text(), seen.at(-1)[1]], [200, 'at /b', `good.test:${port}`]);
	});

	it('asks at every hop', async () => {
		const before = seen.length;
		await assert.rejects(fetch(`http://good.test:${port}/?to=${encodeURIComponent('http://evil.test/')}`), Refused);
		await assert.rejects(fetch(`http://good.test:${port}/?to=${encodeURIComponent(`http://good.test:${port + 1}/`)}`), /port/);
		assert.equal(seen.length, before + 2);
		const ends = await fetch(`http://good.test:${port}/?to=/end`);
		assert.equal(await ends.text(), 'at /end');
	});

	it('connects to no address that was not judged', async () => {
		for (const addresses of [['169.254.169.254'], ['127.0.0.1', '10.0.0.7'], ['fe80::1%eth0'], []]) {
			resolved['bad.test'] = addresses;
			await admin(`SELECT agentcore.policy_allow('web', 'bad.test', ports => ARRAY[$1::integer])`, [port]);
			await assert.rejects(fetch(`http://bad.test:${port}/`), Refused);
		}
		await assert.rejects(fetch(`http://169.254.169.254:${port}/`), Refused);
		await assert.rejects(fetch(`http://unknown.test:${port}/`), Refused);
	});

	it('resolves a name once: one that changes meanwhile leads nowhere else', async () => {
		let asked = 0;
		const rebinding = async () => (asked++ === 0 ? ['127.0.0.1'] : ['10.0.0.7']);
		const response = await fetch(`http://good.test:${port}/rebound`, {}, { resolver: rebinding });
		assert.deepEqual([await response.text(), asked], ['at /rebound', 1]);
	});

	it('drops credentials on the way to another origin, and keeps them within', async () => {
		const init = { headers: { Authorization: 'Bearer x', Host: 'evil.test' } };
		await (await fetch(`http://good.test:${port}/?to=${encodeURIComponent(`http://other.test:${port}/x`)}`, init)).text();
		assert.deepEqual(seen.at(-1), ['GET', `other.test:${port}`, '/x', null]);
		await (await fetch(`http://good.test:${port}/?to=/y`, init)).text();
		assert.deepEqual(seen.at(-1), ['GET', `good.test:${port}`, '/y', 'Bearer x']);
	});

	it('changes the method as redirects say, and asks for the one of each hop', async () => {
		await (await fetch(`http://good.test:${port}/?to=/z&as=303`, { method: 'POST', body: 'text' })).text();
		assert.deepEqual(seen.at(-1).slice(0, 3), ['GET', `good.test:${port}`, '/z']);
		await (await fetch(`http://good.test:${port}/?to=/z&as=307`, { method: 'POST', body: 'text' })).text();
		assert.equal(seen.at(-1)[0], 'POST');
		await assert.rejects(fetch(`http://good.test:${port}/`, { method: 'DELETE' }), Refused);
	});

	it('ends a chain', async () => {
		await assert.rejects(fetch(`http://good.test:${port}/?to=${encodeURIComponent('?to=' + '%3Fto%3D'.repeat(3) + '/')}`, {}, { maxHops: 0 }), /more than 0 redirects/);
	});
});
