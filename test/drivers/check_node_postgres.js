// node-postgres (pg).  It sends every value as untyped text, so the server decides.
'use strict';
const crypto = require('crypto');
const { Client, Pool } = require('pg');
const { ARGS, ARGS_JSON, BIG, EXACT, patience, run, sleep, where } = require('./report.js');

async function connect(mode, pool = '', user = 'worker') {
	const client = new Client({ ...where(mode, pool), user });
	client.on('error', () => {});
	await client.connect();
	return client;
}

run(async mode => {
	const client = await connect(mode);
	const ask = async (sql, ...values) => (await client.query({ text: sql, values, rowMode: 'array' })).rows[0];
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
	// Several statements, of which one may begin a call that another ends: the SQLSTATE of what goes wrong.
	const doing = async (connection, ...statements) => {
		let call;
		try {
			for (const statement of statements) {
				const { rows } = await connection.query(statement, statement.includes('$1') ? [call || 't'] : undefined);
				if (rows && rows[0] && rows[0].call_id) call = rows[0].call_id;
			}
			return call ? 'works' : 'lost';
		} catch (error) { return error.code; } finally { await connection.end(); }
	};
	const BEGIN = "SELECT call_id FROM agentcore.call_begin('a', $1)", COMMIT = 'SELECT agentcore.call_commit($1)';
	// The statement, then `again` when the pooler has another server connection for it, because the first is taken.
	const elsewhere = async (pool, statement, again) => {
		const [connection, other] = [await connect(mode, pool), await connect(mode, pool)];
		try {
			for (let i = 0; i < 10; i++) await connection.query(statement);
			await other.query('BEGIN; SELECT 1');
			return Object.values((await connection.query(again)).rows[0])[0];
		} finally { await connection.end(); await other.end(); }
	};
	const verdictOf = async key => (await ask("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", key))[0];

	return {
		cast: async () => ((await ask('SELECT $1::jsonb::text', '1'))[0] === '1' ? '::' : 'CAST'),
		usd_float: () => arrives('usd', '0.5', ['as is', 'est_usd => $1', 0.5]),
		usd_exact: () => arrives('usd', EXACT, ['text', 'est_usd => $1', EXACT]),
		key_uuid: () => { const key = crypto.randomUUID(); return arrives('key', key, ['text', 'key => $1', key]); },
		args_object: () => arrives('args', ARGS_JSON, ['as is', '$1', ARGS]),
		args_string: () => arrives('args', ARGS_JSON, ['as is', '$1', ARGS_JSON]),
		args_text: () => arrives('args', ARGS_JSON, ['as is', 'args_text => $1', ARGS_JSON]),
		result_text: async () => {
			const { call } = await begun('key => NULL');
			return (await ask('SELECT agentcore.call_commit($1, result_text => $2)', call, 'no json'))[0] === 'committed' ? 'as is' : 'lost';
		},
		// An array becomes an array of PostgreSQL, which is no JSON.
		result_list: async () => {
			let wrong;
			for (const [word, value] of [['as is', [1, 'x']], ['text', JSON.stringify([1, 'x'])]]) {
				const { call } = await begun('est_tokens => $1', 1);
				try {
					if ((await ask('SELECT agentcore.call_commit($1, $2)', call, value))[0] === 'committed') return word;
				} catch (error) { wrong = error; }
			}
			throw wrong;
		},
		lease_duration: () => arrives('lease', '90', ['text', 'lease => $1', '90 s']),
		lease_seconds: () => arrives('lease', '90', ['as is', 'lease => $1', 90]),
		nulls: async () => {
			await begun(`args => $1, est_tokens => $2, est_usd => $3, key => $4, task => $5, subject => $6, budget => $7, lease => $8,
				args_text => $9, holder => $10, tenant => $11`, null, undefined, ...Array(9).fill(null));
			return 'as is';
		},
		read_jsonb: async () => {
			const [value] = await ask("SELECT args FROM agentcore.call_begin('a', 't', $1)", ARGS_JSON);
			return value.s === 'é' ? 'object' : 'text';
		},
		read_interval: async () => {
			const [value] = await ask("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'");
			return value.days === 1 && value.hours === 2 && value.minutes === 3 && value.seconds === 4 && value.milliseconds === 500 ? 'object' : String(value);
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
			const key = crypto.randomUUID(), connection = await connect(mode);
			await connection.query("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", [key]);
			await connection.end();
			return await verdictOf(key) === 'wait' ? 'on' : 'off';
		},
		// A statement that fails takes the run before it along.
		batch: async () => {
			const key = crypto.randomUUID();
			await client.query(`SELECT verdict FROM agentcore.call_begin('a', 't', key => '${key}'); SELECT 1 / 0`).catch(() => {});
			return await verdictOf(key) === 'run' ? 'one transaction' : 'each its own';
		},
		// A begin and its commit in one transaction are told by a WARNING.
		warning: async () => {
			const seen = [], connection = await connect(mode);
			connection.on('notice', notice => seen.push(notice.severity));
			await doing(connection, 'BEGIN', BEGIN, COMMIT, 'COMMIT');
			return seen.includes('WARNING') ? 'by handler' : 'lost';
		},
		// The role's agentcore.budget_guard = error: a begin in a transaction is refused, as is one that is not the first of a batch, and nothing else.
		guard: async () => doing(await connect(mode, '', 'guarded'), 'BEGIN', BEGIN),
		guard_batch: async () => doing(await connect(mode, '', 'guarded'), "SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')"),
		guard_plain: async () => doing(await connect(mode, '', 'guarded'), BEGIN, COMMIT),
		parallel: async () => {
			const key = crypto.randomUUID(), pool = new Pool({ ...where(mode), user: 'worker', max: 8 });
			const answers = await Promise.all(Array.from({ length: 8 }, () =>
				pool.query("SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)", [key])));
			await pool.end();
			const verdicts = answers.map(answer => answer.rows[0].verdict).sort().join(' ');
			return verdicts === 'run' + ' wait'.repeat(7) ? 'one run' : verdicts;
		},
		shared_connection: () => Promise.all([ask('SELECT pg_sleep(0.1)'), ask('SELECT pg_sleep(0.1)')]).then(() => 'queued', () => 'error'),
		// Only a query with a name is prepared.
		prepared: async () => {
			const text = "SELECT verdict FROM agentcore.call_begin('a', 't')", named = { name: 'begin', text };
			try { await elsewhere('_prepared', named, named); return 'works'; } catch (error) { /* its server connection has another */ }
			await elsewhere('_prepared', text, text);
			return 'no name';
		},
		session_set: async () =>
			(await elsewhere('_set', "SET agentcore.budget_guard = 'error'", 'SHOW agentcore.budget_guard') === 'error' ? 'kept' : 'lost'),
		listen: async () => {
			const heard = [], connection = await connect(mode, '_listen'), other = await connect('direct');
			connection.on('notification', message => heard.push(message.payload));
			await connection.query('LISTEN agentcore_budget');
			await other.query("NOTIFY agentcore_budget, 'b'");
			for (const end = Date.now() + patience(mode); !heard.length && Date.now() < end;) await sleep(20);
			await Promise.all([connection.end(), other.end()]);
			return heard[0] === 'b' ? 'heard' : 'lost';
		},
		startup: () => connect(mode === 'direct' ? mode : 'bare').then(() => 'works', () => 'refused'),
	};
});
