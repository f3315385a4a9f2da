// Which tool is whose, and whether its server still defines it as the gate knows it.
// A tool is called only where its server's definition is the one that is registered under the upstream's name as origin.  An importer registers
// new tools and lets a changed one wait for a person (on_change => 'hold'); without an importer nothing is registered, and a new
// or changed tool is refused here.
import { GateError, GateUnavailable, type Gate } from 'agentcore';
import type { Config } from './config.js';
import type { Definition, Log, Upstream } from './upstream.js';

const IMPORT = `SELECT name, action, problem FROM agentcore.tool_import(:tools::text::jsonb, format => 'mcp', prefix => :prefix::text, origin => :origin::text,
 on_change => 'hold', tenant => :tenant::text)`;
const DIGESTS = `SELECT n::integer, agentcore.tool_digest(definition, 'mcp') AS digest
 FROM jsonb_array_elements(:tools::text::jsonb) WITH ORDINALITY AS t(definition, n)`;
const REGISTERED = `SELECT name, pending IS NOT NULL AS held, agentcore.tool_digest(jsonb_build_object('name', 'x', 'inputSchema', input_schema)
 || CASE WHEN description IS NULL THEN '{}' ELSE jsonb_build_object('description', description) END
 || CASE WHEN output_schema IS NULL THEN '{}' ELSE jsonb_build_object('outputSchema', output_schema) END || COALESCE(meta, '{}'), 'mcp') AS digest
 FROM agentcore.tools WHERE origin = :origin::text AND tenant = :tenant::text`;

export interface Imported {
	name: string;
	action: string;
	problem: string | null;
}

/** Where a call goes. */
export interface Route {
	upstream: Upstream;
	/** The tool's name there. */
	tool: string;
}

export type Routed = Route | { refused: string; reason: string } | undefined;

interface Known {
	generation: number;
	/** By the gate's names: the name there, and what the server's definition says; null: it has two. */
	tools: Map<string, { tool: string; digest: string | null }>;
	registered: Map<string, { held: boolean; digest: string }>;
}

/** Definitions as JSON that PostgreSQL can hold. */
const json = (definitions: Definition[]): string => JSON.stringify(definitions).replace(/\\u0000/g, '\\ufffd').replace(/\\ud[89a-f][0-9a-f]{2}/g, '\\ufffd');

const ofGate = (error: unknown): boolean => error instanceof GateError;

export class Catalog {
	private readonly known = new Map<string, Known>();
	private readonly queues = new Map<string, { running?: Promise<void>; next?: Promise<void> }>();

	constructor(private readonly config: Config, readonly upstreams: Map<string, Upstream>, private readonly gate: Gate, private readonly importer: Gate | undefined,
		private readonly log: Log) {}

	/** Lists the upstream's tools anew; whoever asks while one list is on its way shares the next. */
	refresh(upstream: Upstream): Promise<void> {
		const queue = this.queues.get(upstream.name) ?? {};
		this.queues.set(upstream.name, queue);
		const start = (): Promise<void> => (queue.running = this.look(upstream).finally(() => { queue.running = undefined; }));
		if (queue.next) return queue.next;
		if (!queue.running) return start();
		return queue.next = queue.running.catch(() => undefined).then(() => {
			queue.next = undefined;
			return start();
		});
	}

	/** Its server says that its tools have changed: what was known does not count any more. */
	async changed(upstream: Upstream): Promise<void> {
		this.known.delete(upstream.name);
		await this.refresh(upstream);
	}

	private async look(upstream: Upstream): Promise<void> {
		try {
			this.known.set(upstream.name, await this.listed(upstream));
		} catch (error) {
			this.known.delete(upstream.name);
			throw error;
		}
	}

	private async listed(upstream: Upstream): Promise<Known> {
		await upstream.client();
		const { generation } = upstream;
		const definitions = await upstream.list();
		if (this.importer) await this.import(upstream, definitions, this.importer);
		const digests = await this.digests(definitions);
		const tools: Known['tools'] = new Map();
		definitions.forEach(({ name }, place) => {
			const known = `${upstream.config.prefix}${name}`;
			const before = tools.get(known);
			// of two definitions under one name nobody knows which one a call means
			tools.set(known, { tool: name, digest: before && before.digest !== digests[place] ? null : digests[place]! });
		});
		return { generation, tools, registered: await this.registered(upstream) };
	}

	/** Registers what is new; what has changed waits for a person. */
	async import(upstream: Upstream, definitions: Definition[], importer: Gate): Promise<Imported[]> {
		const rows = await importer.ask(IMPORT, { tools: json(definitions), prefix: upstream.config.prefix, origin: upstream.name, tenant: this.config.tenant }) as Imported[];
		for (const { name, action, problem } of rows)
			if (action !== 'unchanged') this.log(`tool ${name} of ${upstream.name}: ${action}${problem ? `, ${problem}` : ''}`);
		return rows;
	}

	/** null: it is no definition. */
	private async digests(definitions: Definition[]): Promise<(string | null)[]> {
		try {
			const rows = await this.gate.ask(DIGESTS, { tools: json(definitions) });
			const found: (string | null)[] = definitions.map(() => null);
			for (const { n, digest } of rows) found[n - 1] = digest;
			return found;
		} catch (error) {
			if (!(error instanceof GateError) || error instanceof GateUnavailable) throw error;
			if (definitions.length === 1) return [null];
			const half = Math.ceil(definitions.length / 2);
			return [...await this.digests(definitions.slice(0, half)), ...await this.digests(definitions.slice(half))];
		}
	}

	private async registered(upstream: Upstream): Promise<Known['registered']> {
		const rows = await this.gate.ask(REGISTERED, { origin: upstream.name, tenant: this.config.tenant });
		return new Map(rows.map(({ name, held, digest }) => [name, { held, digest }]));
	}

	/** Every upstream anew; one that is away has no tools. */
	async refreshAll(): Promise<void> {
		await Promise.all([...this.upstreams.values()].map((upstream) => this.refresh(upstream).catch((error) => {
			if (ofGate(error)) throw error;
			this.log(`upstream ${upstream.name}: ${error.message}`);
		})));
	}

	/** The names that lead to a server which defines them as registered. */
	names(): Set<string> {
		const names = new Set<string>();
		for (const { tools, registered } of this.known.values())
			for (const [name, { digest }] of tools) if (digest !== null && registered.get(name)?.digest === digest) names.add(name);
		return names;
	}

	/** Where a call of the tool goes; undefined: to nobody here. */
	async route(name: string): Promise<Routed> {
		for (const upstream of this.upstreams.values()) {
			if (!name.startsWith(upstream.config.prefix)) continue;
			const known = await this.fresh(upstream).catch((error) => {
				if (ofGate(error)) throw error;
				this.log(`upstream ${upstream.name}: ${error.message}`);
				return undefined;
			});
			if (known === undefined) {
				if (await this.owns(upstream, name)) return { reason: 'upstream_away', refused: `The server of "${name}" cannot be reached. Nothing was run. Go on without it, or try again later.` };
				continue;
			}
			const there = known.tools.get(name);
			if (!there) continue;
			let registered = known.registered.get(name);
			if (!registered || registered.digest !== there.digest) registered = (known.registered = await this.registered(upstream)).get(name);
			if (!registered) continue;
			if (registered.digest === there.digest || registered.held) return { upstream, tool: there.tool };
			return { reason: 'tool_changed', refused: `The definition of "${name}" has changed and a person has to look at it first. Nothing was run. Go on without it.` };
		}
		return undefined;
	}

	private async owns(upstream: Upstream, name: string): Promise<boolean> {
		return (await this.registered(upstream)).has(name);
	}

	/** What is known of the server that runs now. */
	private async fresh(upstream: Upstream): Promise<Known> {
		await upstream.client();
		const known = this.known.get(upstream.name);
		if (known?.generation === upstream.generation) return known;
		await this.refresh(upstream);
		const now = this.known.get(upstream.name);
		if (!now) throw new Error('its tools are not known');
		return now;
	}
}
