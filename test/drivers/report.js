// What the programs in JavaScript share; report.py says what a finding is.
'use strict';
const path = require('path');

const ports = { direct: +process.env.PGPORT, pooled: +process.env.POOL_PORT, bare: +process.env.BARE_PORT };
const driver = path.basename(process.argv[1]).replace(/check_|\.js/g, '');

// Each pool of pgbouncer is a name of its own for the database: what one check leaves in it harms no other.
exports.where = (mode, pool = '') => ({
	host: process.env.PGHOST, port: ports[mode], password: process.env.PGPASSWORD,
	database: mode === 'direct' ? process.env.PGDATABASE : driver + pool,
});

exports.ARGS = { n: 1, s: 'é' };
exports.ARGS_JSON = '{"n": 1, "s": "é"}';
exports.EXACT = '123456789.123456789';
exports.BIG = '9007199254740993';

// What the deadline of a check that waits is: nothing comes through the pooler.
exports.patience = mode => (mode === 'direct' ? 100000 : 1000);
exports.sleep = ms => new Promise(done => setTimeout(done, ms));

const CHECKS = `cast usd_float usd_exact key_uuid args_object args_string args_text result_text result_list lease_duration lease_seconds nulls
	read_jsonb read_interval read_numeric read_bigint read_wait read_uuid
	autocommit batch warning guard guard_batch guard_plain parallel shared_connection
	prepared session_set listen startup`.split(/\s+/);

exports.run = async checks => {
	for (const mode of ['direct', 'pooled']) {
		const held = await checks(mode);
		for (const check of CHECKS) {
			let finding;
			try { finding = await held[check](); } catch (error) { finding = `${error.name}: ${String(error.message).split('\n')[0]}`; }
			console.log([mode, check, finding].join('\t'));
		}
	}
	process.exit(0);
};
