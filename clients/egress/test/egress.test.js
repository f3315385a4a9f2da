// Processes behind the proxy: they reach what the policy allows, and nothing else.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { Gate } from 'agentcore';
import pg from 'pg';

import { Egress } from '../dist/egress.js';
import { nameServer } from './dns.js';

const run = promisify(execFile);
const pool = new pg.Pool({ max: 4 });
const admin = async (sql, values = []) => (await pool.query(sql, values)).rows;

describe('a process behind the proxy', () => {
	let web, port, names, egress, proxy;
	const seen = [], log = [];
	const addresses = { 'good.test': ['127.0.0.1'], 'path.test': ['127.0.0.1'], 'both.test': ['127.0.0.1', '169.254.169.254'] };
	const rebinding = ['127.0.0.1'];

	before(async () => {
		web = createServer((request, response) => {
			seen.push([request.method, request.headers.host, request.url]);
			const to = new URL(request.url, 'http://x').searchParams.get('to');
			if (to) response.writeHead(302, { location: to });
			response.end(`at ${request.url}`);
		});
		await new Promise((ready) => web.listen(0, '127.0.0.1', ready));
		({ port } = web.address());
		names = await nameServer((name) => (name === 'rebind.test' ? [rebinding.length > 1 ? rebinding.shift() : rebinding[0]] : addresses[name] ?? []));
		await admin(`SELECT agentcore.policy_set('web', schemes => '{http,https}', methods => '{GET,HEAD,POST}')`);
		await admin(`SELECT agentcore.policy_allow('web', host, ports => ARRAY[$1::integer]) FROM unnest(ARRAY['good.test', 'both.test', 'rebind.test', '127.0.0.1']) AS host`, [port]);
		await admin(`SELECT agentcore.policy_allow('web', 'path.test', path_prefix => '/open', ports => ARRAY[$1::integer])`, [port]);
		egress = new Egress(new Gate(pool, { log: () => undefined }), { policy: 'web', dns: [names.address], tunnelMethods: ['GET', 'POST'], log: (line) => log.push(line) });
		proxy = `http://127.0.0.1:${await egress.listen()}`;
	});
	after(async () => {
		await egress.close();
		names.close();
		web.close();
		await pool.end();
	});

	/** curl's answer: status and body. */
	async function curl(url, ...options) {
		const { stdout } = await run('curl', ['-sS', '--max-time', '60', '-x', proxy, '-w', '\n%{http_code}', ...options, url], { env: { PATH: process.env.PATH } })
			.catch((error) => error);
		const lines = stdout.split('\n');
		return [Number(lines.pop()), lines.join('\n').trim()];
	}

	it('reaches what is allowed with curl, python and node', async () => {
		assert.deepEqual(await curl(`http://good.test:${port}/curl`), [200, 'at /curl']);
		const python = `import urllib.request as u; print(u.build_opener(u.ProxyHandler({'http': '${proxy}'})).open('http://good.test:${port}/python').read().decode())`;
		assert.equal((await run('/usr/bin/python3', ['-c', python])).stdout.trim(), 'at /python');
		const node = `import { fetch, ProxyAgent } from 'undici';
			console.log(await (await fetch('http://good.test:${port}/node', { dispatcher: new ProxyAgent('${proxy}') })).text());`;
		assert.equal((await run(process.execPath, ['--input-type=module', '-e', node])).stdout.trim(), 'at /node');
	});

	it('reaches nothing else', async () => {
		const before = seen.length;
		for (const url of [`http://evil.test:${port}/`, `http://good.test:${port + 1}/`, `http://path.test:${port}/closed`, `http://path.test:${port}/open/%2e%2e/closed`,
			`http://169.254.169.254:${port}/`, `http://0x7f000002:${port}/`, `http://[::1]:${port}/`])
			assert.equal((await curl(url, '--path-as-is', '-g'))[0], 403, url);
		assert.equal((await curl(`http://good.test:${port}/`, '-X', 'DELETE'))[0], 403);
		assert.equal(seen.length, before);
		assert.deepEqual(await curl(`http://path.test:${port}/open/x`), [200, 'at /open/x']);
	});

	it('is asked again at each redirect that it follows', async () => {
		assert.equal((await curl(`http://good.test:${port}/?to=${encodeURIComponent('http://evil.test/')}`, '-L'))[0], 403);
		assert.deepEqual(await curl(`http://good.test:${port}/?to=/end`, '-L'), [200, 'at /end']);
	});

	it('tells a server no other host than the one that was judged', async () => {
		await curl(`http://good.test:${port}/vhost`, '-H', 'Host: evil.test');
		assert.deepEqual(seen.at(-1), ['GET', `good.test:${port}`, '/vhost']);
	});

	it('opens tunnels to what is allowed on every path, and to nothing else', async () => {
		assert.deepEqual(await curl(`http://good.test:${port}/tunnel`, '-p'), [200, 'at /tunnel']);
		for (const host of ['evil.test', 'path.test', '169.254.169.254']) {
			const { stderr } = await run('curl', ['-sS', '-p', '-x', proxy, `http://${host}:${port}/`]).catch((error) => error);
			assert.match(stderr, /403/, host);
		}
		await admin(`SELECT agentcore.policy_deny('web', 'good.test', path_prefix => '/private')`);
		const { stderr } = await run('curl', ['-sS', '-p', '-x', proxy, `http://good.test:${port}/`]).catch((error) => error);
		assert.match(stderr, /403/);
		assert.equal((await curl(`http://good.test:${port}/private/x`))[0], 403);
		await admin(`SELECT agentcore.policy_rule_drop('web', rule) FROM agentcore.policy_rules WHERE policy = 'web' AND path_prefix = '/private'`);
	});

	it('connects to no address that was not judged, however the name changes', async () => {
		assert.equal((await curl(`http://both.test:${port}/`))[0], 403);
		rebinding.splice(0, 9, '127.0.0.1', '169.254.169.254');
		assert.deepEqual(await curl(`http://rebind.test:${port}/rebound`), [200, 'at /rebound']);
		assert.equal((await curl(`http://rebind.test:${port}/rebound`))[0], 403);
		rebinding.splice(0, 9, '127.0.0.1', '169.254.169.254');
		assert.deepEqual(await curl(`http://rebind.test:${port}/tunnel`, '-p'), [200, 'at /tunnel']);
		assert.equal(log.at(-1).addresses.join(), '127.0.0.1');
	});

	it('judges every request of a connection that is kept', async () => {
		const answer = await new Promise((resolve, reject) => {
			const socket = connect(new URL(proxy).port, '127.0.0.1');
			let text = '';
			socket.on('data', (data) => {
				text += data;
				if ((text.match(/HTTP\/1\.1/g) ?? []).length === 2 && text.includes('refuses')) socket.end();
			}).on('close', () => resolve(text)).on('error', reject);
			socket.write(`GET http://good.test:${port}/first HTTP/1.1\r\nHost: good.test\r\n\r\nGET http://evil.test/second HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n`);
		});
		assert.match(answer, /at \/first[\s\S]*403/);
	});

	it('forwards no body without its length: a server could read a second request in it', async () => {
		const hidden = `GET /closed HTTP/1.1\r\nHost: path.test:${port}\r\n\r\n`;
		const answer = (method) => new Promise((resolve, reject) => {
			const socket = connect(new URL(proxy).port, '127.0.0.1');
			let text = '';
			socket.on('data', (data) => { text += data; }).on('close', () => resolve(text.split('\r\n')[0])).on('error', reject);
			socket.write(`${method} http://path.test:${port}/open HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
				+ `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`);
		});
		const before = seen.length;
		for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) assert.match(await answer(method), /^HTTP\/1.1 411 /, method);
		assert.equal(seen.length, before);
		assert.equal(await answer('POST'), 'HTTP/1.1 200 OK');
		assert.deepEqual(seen.slice(before), [['POST', `path.test:${port}`, '/open']]);
	});

	it('refuses everything while the database is away', async () => {
		const dead = createTcpServer((socket) => socket.destroy());
		await new Promise((ready) => dead.listen(0, '127.0.0.1', ready));
		const away = new pg.Pool({ host: '127.0.0.1', port: dead.address().port });
		const closed = new Egress(new Gate(away, { reconnect: 100, log: () => undefined }), { policy: 'web', log: () => undefined });
		const { stdout } = await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-x', `http://127.0.0.1:${await closed.listen()}`, `http://good.test:${port}/`]);
		assert.equal(stdout, '503');
		await closed.close();
		await away.end();
		dead.close();
	});

	it('is a program, which asks for a name and a password if it was told one', async () => {
		const child = spawn(process.execPath, ['dist/cli.js', '--policy', 'web', '--listen', '127.0.0.1:0', '--dns', names.address], { env: { ...process.env, EGRESS_AUTH: 'bot:secret' } });
		const { listening } = JSON.parse(String(await new Promise((ready) => child.stdout.once('data', ready))));
		const status = async (...options) => (await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-x', `http://127.0.0.1:${listening}`, ...options, `http://good.test:${port}/`])).stdout;
		assert.deepEqual([await status(), await status('-U', 'bot:secret'), await status('-U', 'bot:wrong')], ['407', '200', '407']);
		const ended = new Promise((gone) => child.once('exit', gone));
		child.kill('SIGTERM');
		assert.equal(await ended, 0);
		await assert.rejects(run(process.execPath, ['dist/cli.js']), /--policy NAME/);
	});
});
