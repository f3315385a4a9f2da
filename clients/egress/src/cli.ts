#!/usr/bin/env node
// agentcore-egress --policy web [--listen 127.0.0.1:3128] [--tenant T] [--tunnel-methods GET,POST] [--dns ADDRESS[:PORT],...]
// The database is the one that libpq's environment names.  EGRESS_AUTH=user:password asks clients for these.
import { parseArgs } from 'node:util';
import { Gate } from 'agentcore';
import pg from 'pg';
import { Egress } from './egress.js';

const USAGE = 'agentcore-egress --policy NAME [--listen HOST:PORT] [--tenant T] [--tunnel-methods GET,POST] [--dns ADDRESS[:PORT],...]';
const { values } = parseArgs({
	options: {
		policy: { type: 'string' }, listen: { type: 'string', default: '127.0.0.1:3128' }, tenant: { type: 'string' }, 'tunnel-methods': { type: 'string' },
		dns: { type: 'string' }, help: { type: 'boolean', short: 'h' },
	},
});
if (values.help || !values.policy) {
	(values.help ? console.log : console.error)(USAGE);
	process.exit(values.help ? 0 : 2);
}
const at = values.listen!.lastIndexOf(':');
const pool = new pg.Pool({ max: 8 });
pool.on('error', (error) => console.error(`the database: ${error.message}`));
const egress = new Egress(new Gate(pool, { tenant: values.tenant, reconnect: 2000 }), {
	policy: values.policy, host: values.listen!.slice(0, at), port: Number(values.listen!.slice(at + 1)), auth: process.env['EGRESS_AUTH'],
	tunnelMethods: values['tunnel-methods']?.split(','), dns: values.dns?.split(','),
});
console.log(JSON.stringify({ listening: await egress.listen(), policy: values.policy }));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
	process.once(signal, () => void egress.close().then(() => pool.end()).then(() => process.exit(0)));
