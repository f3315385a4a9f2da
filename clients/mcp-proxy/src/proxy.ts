// The proxy: upstreams behind it, sessions of clients before it, and the gate between them.
import { Calls } from './calls.js';
import { Catalog } from './catalog.js';
import type { Config } from './config.js';
import { connected, Decisions, type Connected } from './database.js';
import { passes } from './passing.js';
import { People } from './people.js';
import { Session } from './session.js';
import { Upstream, type Log } from './upstream.js';
import type { Gate } from 'agentcore';

export class Proxy {
	readonly upstreams = new Map<string, Upstream>();
	readonly catalog: Catalog;
	readonly calls: Calls;
	readonly sessions = new Set<Session>();
	/** Absent: the person at the client is not asked. */
	readonly people: People | undefined;
	private readonly connections: Connected[] = [];
	private readonly gate: Gate;
	private looking: NodeJS.Timeout | undefined;
	private closing = false;

	constructor(readonly config: Config, readonly log: Log = (message) => console.error(`agentcore-mcp: ${message}`)) {
		const decisions = new Decisions(config.database, config.listen, log);
		this.gate = this.connect(config.database, { listen: decisions });
		const plain = this.connect(config.database, { listen: decisions, approvalWait: config.plainApprovalWait });
		this.people = config.voter && new People(this.connect(config.voter.database), config.voter.name, decisions, log);
		const importer = config.importer && this.connect(config.importer.database);
		for (const [name, one] of Object.entries(config.upstreams))
			this.upstreams.set(name, new Upstream(name, one, log, (upstream, method, params) => this.heard(upstream, method, params)));
		this.catalog = new Catalog(config, this.upstreams, this.gate, importer, log);
		this.calls = new Calls(config, this.catalog, this.gate, plain, log);
	}

	private connect(database: Config['database'], more = {}): Gate {
		const connection = connected(this.config, database, this.log, more);
		this.connections.push(connection);
		return connection.gate;
	}

	/** Imports, or compares, what the upstreams define.  One that cannot be reached is tried again when it is needed. */
	async start(): Promise<void> {
		await this.catalog.refreshAll().catch((error) => this.log(`the gate cannot be asked: ${error.message}`));
		const look = async (): Promise<void> => {
			await this.look().catch((error) => this.log(`looking for changes: ${error.message}`));
			if (!this.closing) this.looking = setTimeout(() => void look(), this.config.look).unref();
		};
		this.looking = setTimeout(() => void look(), this.config.look).unref();
	}

	/** What the agent may call, of the tools that the upstreams define as registered. */
	async tools(anew: boolean): Promise<any[]> {
		if (anew) await this.catalog.refreshAll();
		const names = this.catalog.names();
		return (await this.gate.tools(null, 'mcp')).filter(({ name }: { name: string }) => names.has(name));
	}

	/** Tells the clients where the agent may call other tools than they have seen. */
	private async look(): Promise<void> {
		if (this.sessions.size === 0) return;
		const tools = await this.tools(false);
		for (const session of this.sessions) session.look(tools);
	}

	private heard(upstream: Upstream, method: string, params: any): void {
		if (passes(upstream, method)) for (const session of this.sessions) session.notify(method, params);
		if (method === 'notifications/tools/list_changed')
			this.catalog.changed(upstream).then(() => this.look()).catch((error) => this.log(`upstream ${upstream.name}: ${error.message}`));
	}

	session(): Session {
		const session = new Session(this, () => this.sessions.delete(session));
		this.sessions.add(session);
		return session;
	}

	async close(): Promise<void> {
		this.closing = true;
		clearTimeout(this.looking);
		await Promise.allSettled([...this.sessions].map((session) => session.close()));
		await Promise.allSettled([...this.upstreams.values()].map((upstream) => upstream.close()));
		await Promise.allSettled(this.connections.map((connection) => connection.close()));
	}
}
