// One server behind the proxy: started or reached at need, and again after it ended.
// Nothing that it sends is believed: its list of tools is compared by the catalog, its requests to the client are refused by the SDK, as this
// client declares no capability, and what passes of its notifications is chosen by the caller.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { UpstreamConfig } from './config.js';

const PAGES = 1000; // of one list of tools
const TOOLS = 10_000;

export interface Definition {
	name: string;
	[member: string]: unknown;
}

export type Log = (message: string) => void;

export class Upstream {
	/** Grows with each connection: what was known of an earlier one is not known of this. */
	generation = 0;
	private connecting: Promise<Client> | undefined;
	private closed = false;

	constructor(readonly name: string, readonly config: UpstreamConfig, private readonly log: Log,
		private readonly heard: (upstream: Upstream, method: string, params: any) => void) {}

	/** Rejects where the server cannot be reached: then nothing was asked of it. */
	client(): Promise<Client> {
		if (this.closed) return Promise.reject(new Error(`the proxy is closing`));
		return this.connecting ??= this.connect().catch((error) => {
			this.connecting = undefined;
			throw error;
		});
	}

	private async connect(): Promise<Client> {
		const client = new Client({ name: 'agentcore-mcp', version: '0.1.0' });
		const { config } = this;
		const transport = 'command' in config
			? new StdioClientTransport({ command: config.command, args: config.args, env: config.env, cwd: config.cwd, maxBufferSize: config.maxMessage })
			: new StreamableHTTPClientTransport(new URL(config.url), { requestInit: { headers: config.headers } });
		const ended = new Promise<never>((_, reject) => {
			client.onclose = () => {
				if (current() && !this.closed) this.log(`upstream ${this.name} has ended`);
				if (current()) this.connecting = undefined;
				reject(new Error(`upstream ${this.name} has ended`));
			};
		});
		ended.catch(() => undefined);
		const generation = ++this.generation;
		const current = (): boolean => this.generation === generation;
		client.onerror = (error) => this.log(`upstream ${this.name}: ${error.message}`);
		client.fallbackNotificationHandler = async ({ method, params }) => this.heard(this, method, params);
		await Promise.race([client.connect(transport, { timeout: config.listTimeout }), ended]);
		return client;
	}

	/** Every page of its list of tools, as it sent them. */
	async list(): Promise<Definition[]> {
		const client = await this.client();
		if (!client.getServerCapabilities()?.tools) return [];
		const tools: Definition[] = [];
		let cursor: string | undefined;
		for (let page = 0; page < PAGES; page++) {
			const answer: any = await client.request({ method: 'tools/list', params: cursor === undefined ? {} : { cursor } }, ResultSchema, { timeout: this.config.listTimeout });
			if (!Array.isArray(answer.tools)) throw new Error(`upstream ${this.name} sent no list of tools`);
			for (const tool of answer.tools) if (typeof tool?.name === 'string') tools.push(tool);
			if (tools.length > TOOLS) break;
			if (typeof answer.nextCursor !== 'string') return tools;
			cursor = answer.nextCursor;
		}
		throw new Error(`upstream ${this.name} sends more than ${TOOLS} tools, or a list without an end`);
	}

	async request(method: string, params: Record<string, unknown>, signal?: AbortSignal, onprogress?: (progress: Progress) => void): Promise<any> {
		const client = await this.client();
		return client.request({ method, params }, ResultSchema, { signal, onprogress, timeout: this.config.timeout, resetTimeoutOnProgress: true });
	}

	async close(): Promise<void> {
		this.closed = true;
		await this.connecting?.then((client) => client.close(), () => undefined);
	}
}
