// The drop-ins for agentguard and agentvet: their whole surface, and where they go past the libraries.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';

import { GateError, GateUnavailable, use } from '../dist/dropin/index.js';
import * as guard from '../dist/dropin/agentguard/index.js';
import { main as guardMain } from '../dist/dropin/agentguard/cli.js';
import * as vetting from '../dist/dropin/agentvet/index.js';
import { main as vetMain } from '../dist/dropin/agentvet/cli.js';
import { admin, endAdmin, Proxy } from './support.js';

const { adapters, ToolArgError, validate, vet } = vetting;
const { check, checkLater, firewall, policy, PolicyViolation, wrapFetch } = guard;
const dist = new URL('../dist/', import.meta.url);

/** What another process prints. */
const elsewhere = (program, env = {}) => execFileSync(process.execPath, ['--input-type=module', '-e', program.replaceAll('DIST/', dist.href)],
	{ env: { ...process.env, ...env }, encoding: 'utf8', timeout: 120_000 }).trim();

const decided = (by, url, method) => {
	const { action, reason } = check(by, url, { method });
	return reason ?? action;
};

after(endAdmin);

describe('the database of the drop-ins', () => {
	after(async () => {
		use({});
		await admin('DROP OWNED BY dropin_agent');
		await admin('DROP ROLE dropin_agent');
	});
	const by = policy({ network: { allow: ['way.test'] } });

	it('is asked in one order by those who wait and those who await', { timeout: 120_000 }, async () => {
		const slow = checkLater(by, 'https://way.test/');
		assert.equal(check(by, 'https://other.test/').action, 'deny');
		assert.equal(validate('t', adapters.shape({ q: 'string' }), { q: 'x' }).valid, true);
		assert.equal((await slow).action, 'allow');
	});

	it('may lose its connections', async () => {
		check(by, 'https://way.test/');
		const ended = await admin(`SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'url_check|args_validate|agentcore.(tools|policies)'`);
		assert.ok(ended.length > 0);
		assert.equal(check(by, 'https://way.test/').action, 'allow');
		const proxy = await Proxy.start();
		const { PGUSER: user, PGDATABASE: database } = process.env;
		use({ host: '127.0.0.1', port: proxy.port, user, database });
		for (const cut of ['cutBefore', 'cutAfter']) {
			proxy[cut]('url_check');
			assert.deepEqual([(await checkLater(by, 'https://way.test/')).action, proxy.cuts], ['allow', 1]);
		}
		use({});
		await proxy.close();
	});

	it('is not guessed for where it is away', async () => {
		use({ host: '127.0.0.1', port: 1 });
		assert.throws(() => check(by, 'https://way.test/'), GateUnavailable);
		await assert.rejects(checkLater(by, 'https://way.test/'), GateUnavailable);
		await assert.rejects(wrapFetch(by)('https://way.test/'), GateUnavailable);
		await assert.rejects(vet({ name: 't', schema: adapters.shape({ a: 'null' }), fn: () => assert.fail('it ran') })({ a: null }), GateUnavailable);
		const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database } = process.env;
		use({ host, port: Number(port), user, database });
		assert.equal(check(by, 'https://way.test/').action, 'allow');
	});

	it('holds up no program that has ended', () => {
		const program = `import { check, checkLater, policy } from 'DIST/dropin/agentguard/index.js';
			const by = policy({ network: { allow: ['way.test'] } });
			checkLater(by, 'https://way.test/').then(({ action }) => console.log(action));
			console.log(check(by, 'https://other.test/').reason);`;
		assert.equal(elsewhere(program), 'not_in_allowlist\nallow');
	});

	it('takes a definition once, from who may define, and answers who may not', async () => {
		const spec = { network: { allow: ['level.test'] } };
		await admin('CREATE ROLE dropin_agent LOGIN');
		await admin(`SELECT agentcore.access_grant('dropin_agent', 'agent')`);
		const program = `import { check, policy } from 'DIST/dropin/agentguard/index.js';
			import { adapters } from 'DIST/dropin/agentvet/index.js';
			for (const asked of [() => check(policy(${JSON.stringify(spec)}), 'https://level.test/').action, () => adapters.shape({ level: 'string' })({ level: 'x' }).valid])
				try { console.log(asked()); } catch (error) { console.log(error.sqlstate); }`;
		assert.equal(elsewhere(program, { PGUSER: 'dropin_agent' }), '42501\n42501');
		for (let twice = 0; twice < 2; twice++) assert.deepEqual([check(policy(spec), 'https://level.test/').action, adapters.shape({ level: 'string' })({ level: 'x' }).valid], ['allow', true]);
		assert.equal(elsewhere(program, { PGUSER: 'dropin_agent' }), 'allow\ntrue');
		const made = await admin(`SELECT count(*)::integer AS n FROM agentcore.policy_rules WHERE policy ~ '^agentguard_' AND pattern = 'level.test'`);
		assert.equal(made[0].n, 1);
	});
});

describe('policy() and check()', () => {
	it('reads a spec as the library does', () => {
		const by = policy({ network: { allow: ['API.test'], deny: null, methods: ['get', 'Post'] }, budget: { maxRequests: 3 }, violations: 'block' });
		assert.deepEqual(by, { network: { allow: ['api.test'], deny: null, methods: ['GET', 'POST'] }, budget: { maxRequests: 3 }, violations: 'block' });
		assert.ok(Object.isFrozen(by) && Object.isFrozen(by.network) && Object.isFrozen(by.budget));
		assert.deepEqual(policy({ budget: {} }), { network: null, budget: {}, violations: 'throw' });
	});

	it('refuses what is none', () => {
		for (const spec of [null, undefined, '', 7, { network: 'x' }, { network: { allow: 'x' } }, { network: { deny: [''] } }, { network: { methods: 'GET' } }, { budget: 3 },
			{ budget: { maxRequests: -1 } }, { budget: { maxRequests: NaN } }, { budget: { maxRequests: '3' } }, { violations: 'audit' }])
			assert.throws(() => policy(spec), TypeError, JSON.stringify(spec));
		for (const by of [null, undefined, 'web']) assert.throws(() => check(by, 'https://x.test/'), TypeError);
	});

	it('has the five words', () => {
		const by = policy({ network: { allow: ['*.good.test', '127.0.0.1'], deny: ['bad.good.test'], methods: ['GET'] } });
		assert.deepEqual(['https://good.test/', 'https://a.b.good.test:99/', 'http://127.0.0.1/', 'https://bad.good.test/', 'https://other.test/', 'no URL', 'https://good.test/\0']
			.map((url) => decided(by, url)), ['allow', 'allow', 'allow', 'denylist_match', 'not_in_allowlist', 'invalid_url', 'invalid_url']);
		assert.deepEqual(['get', 'POST', 'HEAD'].map((method) => decided(by, 'https://good.test/', method)), ['allow', 'method_blocked', 'method_blocked']);
		assert.deepEqual(check(by, new URL('https://good.test/x')), { action: 'allow' });
		assert.match(check(by, 'https://bad.good.test/').detail, /bad\.good\.test/);
		assert.equal(decided(policy({ network: { methods: [] } }), 'https://good.test/'), 'method_blocked');
		assert.equal(decided(policy({ network: { allow: [] } }), 'https://good.test/'), 'not_in_allowlist');
		assert.equal(decided(policy({ network: { deny: ['*'] } }), 'https://good.test/'), 'denylist_match');
	});

	it('differs: what is special is refused unless a rule names it', () => {
		for (const spec of [{}, { network: { allow: ['*'] } }, { network: { deny: ['x.test'] } }])
			assert.deepEqual(['http://169.254.169.254/', 'http://localhost/', 'http://10.0.0.1/', 'https://public.example.org/'].map((url) => decided(policy(spec), url)),
				['not_in_allowlist', 'not_in_allowlist', 'not_in_allowlist', 'allow']);
		assert.equal(decided(policy({ network: { allow: ['10.0.0.1'] } }), 'http://10.0.0.1/'), 'allow');
	});

	it('differs: URLs that readers take differently, and schemes that are not the web', () => {
		const by = policy({ network: { allow: ['good.test'] } });
		assert.deepEqual(['https://good.test@evil.test/', 'https://evil.test\\@good.test/', ' https://good.test/', 'ftp://good.test/', 'http://2130706433/'].map((url) => decided(by, url)), Array(5).fill('invalid_url'));
	});

	it('differs: a pattern that the database refuses raises when it is asked', () => {
		const by = policy({ network: { allow: ['https://good.test/path'] } });
		assert.throws(() => check(by, 'https://good.test/'), (error) => error instanceof GateError && error.sqlstate === '22023');
	});

	it('asks the policy of a name, as it stands', async () => {
		await admin(`SELECT agentcore.policy_set('dropin_web')`);
		const by = policy('dropin_web', { violations: 'block' });
		assert.deepEqual([by.name, by.violations, decided(by, 'https://named.test/')], ['dropin_web', 'block', 'not_in_allowlist']);
		await admin(`SELECT agentcore.policy_allow('dropin_web', 'named.test')`);
		assert.equal(decided(by, 'https://named.test/'), 'allow');
		assert.throws(() => check(policy('dropin_none'), 'https://x.test/'), (error) => error.sqlstate === '42704');
	});

	it('makes a policy again that was dropped', async () => {
		const by = policy({ network: { allow: ['again.test'] } });
		assert.equal(decided(by, 'https://again.test/'), 'allow');
		await admin(`SELECT agentcore.policy_drop(policy) FROM agentcore.policy_rules WHERE pattern = 'again.test'`);
		assert.equal(decided(by, 'https://again.test/'), 'allow');
	});

	it('differs: what an administrator adds to the policy holds', async () => {
		const by = policy({ network: { allow: ['added.test'] } });
		assert.equal(decided(by, 'https://added.test/'), 'allow');
		await admin(`SELECT agentcore.policy_deny(policy, 'added.test') FROM agentcore.policy_rules WHERE pattern = 'added.test' AND policy ~ '^agentguard_'`);
		assert.equal(decided(by, 'https://added.test/'), 'denylist_match');
	});
});

describe('firewall() and wrapFetch()', () => {
	const original = globalThis.fetch;
	let seen;
	let answer;
	beforeEach(() => {
		seen = [];
		answer = () => new Response('ok');
		globalThis.fetch = async (url, init = {}) => {
			seen.push([String(url), init.method ?? 'GET', Object.fromEntries(new Headers(init.headers)), init.body ?? null]);
			return answer(String(url));
		};
	});
	after(() => { globalThis.fetch = original; });
	const good = { network: { allow: ['good.test', 'other.test'] } };
	const to = (location, status = 302) => new Response(null, { status, headers: location === null ? {} : { location } });
	const reason = (word) => (error) => error instanceof PolicyViolation && error.reason === word;

	it('lets through what is allowed, as it was written', async () => {
		const value = await firewall(good, async () => (await fetch('https://good.test', { method: 'POST', headers: { a: 'b' }, body: 'text' })).text());
		assert.deepEqual([value, seen], ['ok', [['https://good.test', 'POST', { a: 'b' }, 'text']]]);
	});

	it('throws, or answers 403', async () => {
		await assert.rejects(firewall(good, () => fetch('https://evil.test/')), (error) => reason('not_in_allowlist')(error) && error.url === 'https://evil.test/' && error.method === 'GET');
		const response = await firewall({ ...good, violations: 'block' }, () => fetch('https://evil.test/', { method: 'put' }));
		assert.deepEqual([response.status, response.headers.get('x-agentguard-block'), response.headers.get('x-agentguard-reason')], [403, '1', 'not_in_allowlist']);
		const { error, method, url } = await response.json();
		assert.deepEqual([error, method, url, seen], ['PolicyViolation', 'PUT', 'https://evil.test/', []]);
	});

	it('keeps blocks apart, and gives the fetch back', async () => {
		const mine = globalThis.fetch;
		await Promise.all([
			assert.rejects(firewall({ network: { allow: ['a.test'] } }, async () => { await fetch('https://a.test/'); await fetch('https://b.test/'); }), PolicyViolation),
			firewall({ network: { allow: ['b.test'] } }, async () => { await fetch('https://b.test/'); }),
		]);
		assert.equal(await firewall(good, () => 'a value'), 'a value');
		await assert.rejects(firewall(good, () => { throw new Error('boom'); }), /boom/);
		assert.equal(globalThis.fetch, mine);
		let escaped;
		await firewall(good, () => { escaped = fetch; });
		await escaped('https://anywhere.test/');
		assert.equal(seen.at(-1)[0], 'https://anywhere.test/');
	});

	it('counts the requests of a block, and of a wrapped fetch', async () => {
		const two = { ...good, budget: { maxRequests: 2 } };
		const three = async (get) => { for (let n = 0; n < 3; n++) await get('https://good.test/'); };
		await assert.rejects(firewall(two, () => three(fetch)), (error) => reason('budget_exceeded')(error) && error.detail === '3/2');
		const [one, other] = [wrapFetch(two), wrapFetch(policy(two))];
		await one('https://good.test/');
		await assert.rejects(one('https://evil.test/'), reason('not_in_allowlist')); // not counted
		await one('https://good.test/');
		await assert.rejects(one('https://good.test/'), reason('budget_exceeded'));
		await other('https://good.test/');
		assert.equal(seen.length, 5);
	});

	it('differs: it asks at every redirect', async () => {
		answer = (url) => (url.endsWith('/away') ? to('https://evil.test/') : url.endsWith('/on') ? to('https://other.test/end', 303) : new Response('end'));
		const get = wrapFetch(good);
		await assert.rejects(get('https://good.test/away'), (error) => reason('not_in_allowlist')(error) && error.url === 'https://evil.test/');
		const response = await get('https://good.test/on', { method: 'POST', body: 'text', headers: { authorization: 'x', cookie: 'y', 'content-type': 'text/plain', kept: 'z' } });
		assert.deepEqual([await response.text(), seen.at(-1)], ['end', ['https://other.test/end', 'GET', { kept: 'z' }, null]]);
		assert.equal((await get('https://good.test/away', { redirect: 'manual' })).status, 302);
		answer = () => to('http://[');
		await assert.rejects(get('https://good.test/'), reason('invalid_url'));
		answer = () => to(null);
		assert.equal((await get('https://good.test/')).status, 302);
		answer = () => to('/again');
		seen = [];
		await assert.rejects(get('https://good.test/'), /more than 20 redirects/);
		assert.equal(seen.length, 21);
	});

	it('differs: a Request is read, and a URL is fetched as it was judged', async () => {
		const get = wrapFetch(good);
		await get(new Request('https://good.test/r', { method: 'POST', body: 'text', headers: { a: 'b' } }));
		const [url, method, { a }, body] = seen.at(-1);
		assert.deepEqual([url, method, a, Buffer.from(body).toString()], ['https://good.test/r', 'POST', 'b', 'text']);
		await assert.rejects(get(new Request('https://evil.test/')), reason('not_in_allowlist'));
		await get('https://good.test/a/../b?q=1#part');
		assert.equal(new URL(seen.at(-1)[0]).pathname, '/b');
	});

	it('follows redirects of a real server', async () => {
		const server = createServer((request, response) => {
			if (request.url !== '/end') response.writeHead(302, { location: request.url === '/on' ? '/end' : 'http://evil.test/' });
			response.end(`at ${request.url}`);
		});
		await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
		const at = `http://127.0.0.1:${server.address().port}`;
		globalThis.fetch = original;
		const get = wrapFetch({ network: { allow: ['127.0.0.1'] } });
		assert.equal(await (await get(`${at}/on`)).text(), 'at /end');
		await assert.rejects(get(`${at}/away`), reason('not_in_allowlist'));
		server.closeAllConnections();
		server.close();
	});
});

describe('vet(), validate() and the adapters', () => {
	const shape = adapters.shape({ name: 'string', top: 'number?', on: 'boolean?', list: 'array?', map: 'object?' });

	it('judges shapes', () => {
		const args = { name: 'x', top: 1.5, on: true, list: [1], map: {} };
		assert.deepEqual(shape(args), { valid: true, value: args });
		assert.equal(shape(args).value, args);
		assert.deepEqual([{}, { name: 1 }, { name: 'x', top: '1' }, { name: 'x', list: {} }, null, [], 'x', 3].map((wrong) => shape(wrong).valid), Array(8).fill(false));
		assert.match(shape({ top: 'many' }).error, /\/top: must be number.*missing required field 'name'/);
		assert.equal(shape({ name: 'x', more: 1 }).valid, true); // what a shape does not name is let be
	});

	it('differs: it judges what JSON can say', () => {
		assert.equal(shape({ name: 'x', top: NaN }).valid, false);
		assert.equal(shape({ name: 'x', top: undefined }).valid, true);
		assert.equal(adapters.shape({ at: 'string' })({ at: new Date() }).valid, true);
	});

	it('differs: a type that is none is refused at once, and there are more', () => {
		for (const wrong of [null, { a: 'text' }, { a: 'strin?' }, { a: null }, { a: 7 }]) assert.throws(() => adapters.shape(wrong), TypeError);
		const rich = adapters.shape({ top: { type: 'integer', min: 1, max: 5, default: 2 }, none: 'null?' });
		assert.deepEqual([rich({ top: 3 }).valid, rich({ top: 6 }).valid, rich({}).valid], [true, false, true]);
		assert.throws(() => adapters.shape({ a: { type: 'integer', minimum: 1 } })({ a: 1 }), (error) => error instanceof GateError && error.sqlstate === '22023');
	});

	it('repairs where it is told to', async () => {
		const repairing = adapters.shape({ top: { type: 'integer', default: 2 }, tags: 'array?' }, { coerce: true });
		assert.deepEqual(repairing({ top: '3', tags: "['a']" }), { valid: true, value: { top: 3, tags: ['a'] } });
		assert.deepEqual(await repairing.later({}), { valid: true, value: { top: 2 } });
		assert.equal(repairing({ top: 'many' }).valid, false);
	});

	it('judges by the schema of a registered tool', async () => {
		await admin(`SELECT agentcore.tool_set('dropin_weigh', '{"type": "object", "required": ["kg"], "properties": {"kg": {"type": "number", "exclusiveMinimum": 0}}}')`);
		const weigh = adapters.tool('dropin_weigh');
		assert.deepEqual([weigh({ kg: 1 }).valid, weigh({ kg: 0 }).valid, (await weigh.later({})).valid], [true, false, false]);
		assert.deepEqual(adapters.tool('dropin_weigh', { coerce: true })({ kg: '2' }).value, { kg: 2 });
		assert.throws(() => adapters.tool('dropin_none')({}), (error) => error.sqlstate === '42704');
	});

	it('takes predicates and safeParse()', () => {
		assert.equal(adapters.fn((a) => a > 1)(2).value, 2);
		assert.equal(adapters.fn(() => false, 'too small')(1).error, 'too small');
		assert.equal(adapters.fn(() => false, (a) => `no ${a}`)(1).error, 'no 1');
		assert.equal(typeof adapters.fn(() => false)(1).error, 'string');
		assert.equal(adapters.zod({ safeParse: (data) => ({ success: true, data: data + 1 }) })(1).value, 2);
		assert.equal(adapters.zod({ safeParse: () => ({ success: false, error: { errors: [{ path: ['a', 0], message: 'bad' }, { message: 'worse' }] } }) })(1).error, 'a.0: bad; <args>: worse');
		assert.equal(adapters.zod({ safeParse: () => ({ success: false, error: 'all of it' }) })(1).error, '<args>: all of it');
		for (const wrong of [null, {}, 'x']) assert.throws(() => adapters.zod(wrong), TypeError);
		assert.throws(() => adapters.fn('x'), TypeError);
	});

	it('runs a tool with what fits', async () => {
		const tool = vet({ name: 'find', schema: shape, fn: async ({ name }) => `found ${name}` });
		assert.equal(await tool({ name: 'x' }), 'found x');
		await assert.rejects(tool({ name: 5 }), (error) => {
			assert.ok(error instanceof ToolArgError && error instanceof Error);
			assert.deepEqual([error.name, error.tool, error.args], ['ToolArgError', 'find', { name: 5 }]);
			assert.match(error.toLLMFeedback(), /'find' were rejected: \/name: must be string.*\n\nCall 'find' again/);
			return true;
		});
		const instead = (value) => vet({ name: 'find', schema: shape, fn: () => 'ran', onError: (error, args) => (assert.deepEqual(args, {}), value) })({});
		assert.equal(await instead('another'), 'another');
		await assert.rejects(instead(undefined), ToolArgError);
		assert.equal(await vet({ name: 'up', schema: ({ q }) => ({ valid: true, value: q.toUpperCase() }), fn: (q) => q })({ q: 'a' }), 'A');
		await assert.rejects(vet({ name: 'x', schema: () => ({ valid: false }), fn: () => 1 })({}), /they do not fit/);
		await assert.rejects(vet({ name: 'x', schema: () => 7, fn: () => 1 })({}), TypeError);
	});

	it('refuses what is no tool', () => {
		const whole = { name: 'x', schema: () => ({ valid: true }), fn: () => 1 };
		for (const wrong of [null, 'x', { ...whole, name: '' }, { ...whole, schema: {} }, { ...whole, fn: 1 }, { ...whole, onError: 'x' }]) assert.throws(() => vet(wrong), TypeError);
		assert.throws(() => validate('', shape, {}), TypeError);
		assert.throws(() => validate('x', 'shape', {}), TypeError);
		assert.throws(() => validate('x', () => null, {}), TypeError);
	});

	it('validates without a tool', () => {
		assert.deepEqual(validate('find', shape, { name: 'x' }), { valid: true, value: { name: 'x' } });
		const { valid, error } = validate('find', shape, {});
		assert.deepEqual([valid, error.tool, error.validationError], [false, 'find', "missing required field 'name'"]);
	});
});

describe('the programs', () => {
	const folder = mkdtempSync(join(process.env.SCRATCH ?? tmpdir(), 'agentcore-'));
	const file = (name, text) => (writeFileSync(join(folder, name), text), join(folder, name));
	let spec;
	before(() => { spec = file('policy.json', '{"network": {"allow": ["good.test"], "methods": ["GET"]}}'); });
	after(() => rmSync(folder, { recursive: true }));

	/** [status, what it wrote] */
	async function told(main, ...argv) {
		let text = '';
		const { stdout, stderr } = process;
		const writers = [stdout.write, stderr.write];
		stdout.write = stderr.write = (chunk) => { text += chunk; return true; };
		try {
			return [await main(argv), text];
		} finally {
			[stdout.write, stderr.write] = writers;
		}
	}

	it('agentguard checks URLs and policies', async () => {
		assert.deepEqual(await told(guardMain, 'check', 'https://good.test/', '--policy', spec), [0, '{"url":"https://good.test/","method":"GET","allowed":true,"reason":null,"detail":null}\n']);
		const [status, text] = await told(guardMain, 'check', 'https://good.test/', `--policy=${spec}`, '--method', 'POST', '--pretty');
		assert.deepEqual([status, JSON.parse(text).reason, text.split('\n').length > 3], [1, 'method_blocked', true]);
		const urls = file('urls', 'https://good.test/\n# a comment\n\nhttps://evil.test/\n');
		const [any, lines] = await told(guardMain, 'check-batch', urls, '--policy', spec);
		assert.deepEqual([any, lines.trim().split('\n').map((line) => JSON.parse(line).allowed)], [1, [true, false]]);
		assert.deepEqual(await told(guardMain, 'validate-policy', '--policy', spec), [0, '{"valid":true,"issues":[]}\n']);
		assert.equal((await told(guardMain, 'validate-policy', '--policy', '{}'))[0], 0);
		for (const wrong of ['{not', '{"network": {"allow": "x"}}', '{"network": {"allow": ["https://x/y"]}}']) assert.equal((await told(guardMain, 'validate-policy', '--policy', wrong))[0], 1, wrong);
		for (const asked of [['nope'], ['check'], ['check', 'x'], ['check', 'x', '--policy', '{not'], ['check', 'x', '--polity', 'y'], ['validate-policy']]) assert.equal((await told(guardMain, ...asked))[0], 2, asked.join(' '));
	});

	it('agentvet checks arguments and definitions', async () => {
		assert.deepEqual(await told(vetMain, 'validate', '{"q": "x"}', '--shape', '{"q": "string"}'), [0, '{"valid":true,"value":{"q":"x"},"retry_hint":null}\n']);
		const [status, text] = await told(vetMain, 'validate', file('args.json', '{"q": 5}'), '--shape', file('shape.json', '{"q": "string"}'), '--name', 'find');
		const { tool, error, retry_hint: hint } = JSON.parse(text);
		assert.deepEqual([status, tool], [1, 'find']);
		assert.match(`${error} ${hint}`, /\/q: must be string.*'find' again/s);
		const lint = async (definition) => { const [code, said] = await told(vetMain, 'lint', JSON.stringify(definition)); return [code, JSON.parse(said).issues.map(({ path }) => path)]; };
		assert.deepEqual(await lint({ name: 'a b', input_schema: { type: 'object' } }), [0, ['name', 'description']]);
		assert.deepEqual(await lint({ name: 'a', description: 'b', parameters: { type: 'objekt' } }), [1, ['input_schema']]); // the library looks at its type only
		assert.deepEqual(await lint({ name: 'a', description: 'b', parameters: { type: 'array' } }), [0, ['input_schema.type']]);
		assert.deepEqual(await lint({ description: 'b', parameters: 'x' }), [1, ['name', 'input_schema']]);
		assert.deepEqual(await lint({ name: 'a', description: 'b' }), [1, ['input_schema']]);
		assert.deepEqual(await lint([]), [1, ['']]);
		for (const asked of [['validate', '{}'], ['validate', '{}', '--shape', 'nowhere'], ['lint'], ['nope']]) assert.equal((await told(vetMain, ...asked))[0], 2, asked.join(' '));
		assert.equal((await told(vetMain, 'lint', '{'))[0], 1);
	});

	it('both are programs', () => {
		for (const library of ['agentguard', 'agentvet']) {
			const run = (...argv) => spawnSync(process.execPath, [new URL(`dropin/${library}/bin.js`, dist).pathname, ...argv], { encoding: 'utf8', timeout: 120_000, env: process.env });
			assert.match(run('--help').stdout, new RegExp(`^${library} v\\d`));
			assert.deepEqual([run('--version').stdout.trim(), run('nope').status], [guard.VERSION, 2]);
		}
		assert.equal(vetting.VERSION, guard.VERSION);
	});
});
