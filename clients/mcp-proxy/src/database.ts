// The gate's connections: a pool, and one that hears decisions.
import pg from 'pg';
import { Gate, type Driver, type GateOptions } from 'agentcore';
import type { Config, Database } from './config.js';
import type { Log } from './upstream.js';

const options = (database: Database | undefined): pg.PoolConfig => ({
	application_name: 'agentcore-mcp', ...(typeof database === 'string' ? { connectionString: database } : database),
});

/** Listens for decisions, and can be told of one that was made here. */
export class Decisions implements Driver {
	private readonly heard = new Set<(payload: string) => void>();

	constructor(private readonly database: Database | undefined, private readonly direct: boolean, private readonly log: Log) {}

	ask(): never {
		throw new Error('this connection only listens');
	}

	async listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>> {
		this.heard.add(heard);
		const client = this.direct ? new pg.Client(options(this.database)) : undefined;
		client?.on('notification', ({ payload }) => heard(payload ?? ''));
		client?.on('error', (error) => this.log(`decisions are not heard any more, they are looked for: ${error.message}`));
		try {
			await client?.connect();
			await client?.query(`LISTEN ${channel}`);
		} catch (error) {
			this.log(`decisions are not heard, they are looked for: ${(error as Error).message}`);
		}
		return async () => {
			this.heard.delete(heard);
			await client?.end().catch(() => undefined);
		};
	}

	made(approval: string, state: string): void {
		for (const heard of this.heard) heard(JSON.stringify({ approval, state }));
	}
}

export interface Connected {
	gate: Gate;
	close(): Promise<void>;
}

/** A gate over a pool of its own. */
export function connected(config: Config, database: Database | undefined, log: Log, more: GateOptions = {}): Connected {
	const pool = new pg.Pool({ max: 10, ...options(database) });
	pool.on('error', () => undefined); // an idle connection has ended: the next call opens another
	const { agent, tenant, maxWait, reconnect, lease, maxResult, approvalWait } = config;
	const gate = new Gate(pool as any, { agent, tenant, maxWait, reconnect, lease, maxResult, approvalWait, errors: 'result', log: (level, message) => log(`${level}: ${message}`), ...more });
	return { gate, close: async () => { await gate.close(); await pool.end(); } };
}
