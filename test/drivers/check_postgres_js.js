// postgres.js.  It asks the server for the type of each parameter and serializes by that type.
'use strict';
const crypto = require('crypto');
const postgres = require('postgres');
const { ARGS, ARGS_JSON, BIG, EXACT, patience, run, sleep, where } = require('./report.js');

const connect = (mode, { pool = '', user = 'worker', ...options } = {}) =>
	postgres({ ...where(mode, pool), username: user, max: 1, onnotice: () => {}, ...options });

run(async mode => {
	// As the guide says: nothing is prepared behind a pooler.
	const open = (options = {}) => connect(mode, { prepare: mode === 'direct', ...options });
	const sql = open();
	const ask = async (text, ...values) => (await sql.unsafe(text, values).values())[0];
	const begun = async (argument, ...values) => {
		const [verdict, call, args] = await ask(`SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', ${argument})`, ...values);
		if (verdict !== 'run') throw new Error(verdict);
		return { call, args };
	};
	// The first form in which the argument arrives as it was meant.
	const arrives = async (what, expected, ...forms) => {
		let wrong;
		for (const [word, argument, value] of forms) {
			try {
				const { call, args } = await begun(argument, value);
				const came = what === 'args' ? args : (await ask('SELECT arrived($1, $2)', call, what))[0];
				if (came === expected) return word;
				wrong = new Error(came);
			} catch (error) { wrong = error; }
		}
		throw wrong;
	};
	const beginAndCommit = async connection => {
		const [{ call_id }] = await connection`SELECT call_id FROM agentcore.call_begin('a', ${'t'})`;
		await connection`SELECT agentcore.call_commit(${call_id})`;
	};
	// The SQLSTATE of what goes wrong.
	const doing = async (connection, work) => {
		try { await work(connection); return 'works'; } catch (error) { return error.code; } finally { await connection.end(); }
	};
	// The statement, then `again` when the pooler has another server connection for it, because the first is taken.
	const elsewhere = async (options, statement, again) => {
		const [connection, other] = [connect(mode, options), connect(mode, { ...options, prepare: false })];
		try {
			for (let i = 0; i < 10; i++) await statement(connection);
			return await other.begin(async transaction => {
				await transaction.unsafe('SELECT 1');
				return Object.values((await again(connection))[0])[0];
			});
		} finally { await connection.end(); await other.end(); }
	};
	const verdictOf = async key => (await ask("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", key))[0];

	return {
		cast: async () => ((await sql`SELECT ${1}::jsonb::text AS it`)[0].it === '1' ? '::' : 'CAST'),
		usd_float: () => arrives('usd', '0.5', ['as is', 'est_usd => $1', 0.5]),
		usd_exact: () => arrives('usd', EXACT, ['text', 'est_usd => $1', EXACT]),
		key_uuid: () => { const key = crypto.randomUUID(); return arrives('key', key, ['text', 'key => $1', key]); },
		args_object: () => arrives('args', ARGS_JSON, ['as is', '$1', ARGS]),
		// A string for jsonb becomes a JSON string: encoded twice.
		args_string: () => arrives('args', ARGS_JSON, ['as is', '$1', ARGS_JSON], ['::text::jsonb', '$1::text::jsonb', ARGS_JSON]),
		args_text: () => arrives('args', ARGS_JSON, ['as is', 'args_text => $1', ARGS_JSON]),
		result_text: async () => {
			const { call } = await begun('key => NULL');
			return (await ask('SELECT agentcore.call_commit($1, result_text => $2)', call, 'no json'))[0] === 'committed' ? 'as is' : 'lost';
		},
		result_list: async () => {
			let wrong;
			for (const [word, argument] of [['as is', '$2'], ['wrapped', '$2::jsonb']]) {
				const { call } = await begun('est_tokens => $1', 1);
				try {
					if ((await ask(`SELECT agentcore.call_commit($1, ${argument})`, call, [1, 'x']))[0] === 'committed') return word;
				} catch (error) { wrong = error; }
			}
			throw wrong;
		},
		lease_duration: () => arrives('lease', '90', ['text', 'lease => $1', '90 s']),
		lease_seconds: () => arrives('lease', '90', ['as is', 'lease => $1', 90], ['make_interval', 'lease => make_interval(secs => $1)', 90]),
		nulls: async () => {
			await begun(`args => $1, est_tokens => $2, est_usd => $3, key => $4, task => $5, subject => $6, budget => $7, lease => $8,
				args_text => $9, holder => $10, tenant => $11`, ...Array(11).fill(null));
			return 'as is';
		},
		read_jsonb: async () => {
			const [value] = await ask("SELECT args FROM agentcore.call_begin('a', 't', $1)", ARGS);
			return value.s === 'é' ? 'object' : 'text';
		},
		read_interval: async () => {
			const [value] = await ask("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'");
			return value === '1 day 02:03:04.5' ? 'text' : String(value);
		},
		read_numeric: async () => {
			const { call } = await begun(`est_usd => ${EXACT}`);
			const [value] = await ask('SELECT held_usd FROM agentcore.permits WHERE permit = $1', call);
			return value === EXACT ? 'text' : `${typeof value} ${value}`;
		},
		read_bigint: async () => {
			const { call } = await begun(`est_tokens => ${BIG}`);
			const [value] = await ask('SELECT held_tokens FROM agentcore.permits WHERE permit = $1', call);
			return value === BIG ? 'text' : `${typeof value} ${value}`;
		},
		// retry_after_ms, of a call that is under way.
		read_wait: async () => {
			const key = crypto.randomUUID();
			await begun('key => $1', key);
			const [value] = await ask("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => $1)", key);
			return Number(value) > 0 ? { number: 'int', string: 'text' }[typeof value] : String(value);
		},
		read_uuid: async () => {
			const { call } = await begun('key => NULL');
			return (await ask('SELECT agentcore.call_commit($1)', call))[0] === 'committed' && typeof call === 'string' ? 'text' : 'object';
		},
		autocommit: async () => {
			const key = crypto.randomUUID(), connection = open();
			await connection`SELECT verdict FROM agentcore.call_begin('a', 't', key => ${key})`;
			await connection.end();
			return await verdictOf(key) === 'wait' ? 'on' : 'off';
		},
		// A statement that fails takes the run before it along.
		batch: async () => {
			const key = crypto.randomUUID();
			await sql.unsafe(`SELECT verdict FROM agentcore.call_begin('a', 't', key => '${key}'); SELECT 1 / 0`).catch(() => {});
			return await verdictOf(key) === 'run' ? 'one transaction' : 'each its own';
		},
		// A begin and its commit in one transaction are told by a WARNING; without onnotice it is printed.
		warning: async () => {
			const seen = [];
			await doing(open({ onnotice: notice => seen.push(notice.severity) }), connection => connection.begin(beginAndCommit));
			return seen.includes('WARNING') ? 'by handler' : 'lost';
		},
		// The role's agentcore.budget_guard = error: a begin in a transaction is refused, as is one that is not the first of a batch, and nothing else.
		guard: () => doing(open({ user: 'guarded' }), connection =>
			connection.begin(transaction => transaction`SELECT call_id FROM agentcore.call_begin('a', 't')`)),
		guard_batch: () => doing(open({ user: 'guarded' }), connection =>
			connection.unsafe("SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')")),
		guard_plain: () => doing(open({ user: 'guarded' }), beginAndCommit),
		parallel: async () => {
			const key = crypto.randomUUID(), connection = open({ max: 8 });
			const answers = await Promise.all(Array.from({ length: 8 }, () => connection`SELECT verdict FROM agentcore.call_begin('a', 't', key => ${key})`));
			await connection.end();
			const verdicts = answers.map(answer => answer[0].verdict).sort().join(' ');
			return verdicts === 'run' + ' wait'.repeat(7) ? 'one run' : verdicts;
		},
		shared_connection: () => Promise.all([ask('SELECT pg_sleep(0.1)'), ask('SELECT pg_sleep(0.1)')]).then(() => 'queued', () => 'error'),
		// It gives its statements random names, and prepares one anew where the server does not know it.
		prepared: async () => {
			const begin = connection => connection`SELECT verdict FROM agentcore.call_begin('a', ${'t'})`;
			await elsewhere({ pool: '_prepared' }, begin, begin);
			await elsewhere({ pool: '_prepared' }, begin, begin);
			return 'works';
		},
		session_set: async () => (await elsewhere({ pool: '_set', prepare: false },
			connection => connection.unsafe("SET agentcore.budget_guard = 'error'"),
			connection => connection.unsafe('SHOW agentcore.budget_guard')) === 'error' ? 'kept' : 'lost'),
		// listen() takes a connection of its own.
		listen: async () => {
			const heard = [], connection = open({ pool: '_listen' }), other = connect('direct');
			await connection.listen('agentcore_budget', payload => heard.push(payload));
			await other.notify('agentcore_budget', 'b');
			for (const end = Date.now() + patience(mode); !heard.length && Date.now() < end;) await sleep(20);
			await Promise.all([connection.end({ timeout: 0 }), other.end()]);
			return heard[0] === 'b' ? 'heard' : 'lost';
		},
		startup: () => connect(mode === 'direct' ? mode : 'bare', { prepare: false })`SELECT 1`.then(() => 'works', () => 'refused'),
	};
});
