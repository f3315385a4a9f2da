// MCP servers from npm, over stdio, by the official client; one that has died is started again at the next call.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const TAP = fileURLToPath(new URL('./tap.js', import.meta.url));
const main = (name: string): string => {
	const manifest = createRequire(import.meta.url).resolve(`@modelcontextprotocol/server-${name}/package.json`);
	return manifest.replace(/package\.json$/, 'dist/index.js');
};

export interface Meta {
	callId: string | null;
	key: string;
}

export class Servers {
	private readonly clients = new Map<string, Promise<Client>>();

	/** folder: what the filesystem server may touch. */
	constructor(private readonly world: string, private readonly folder: string) {}

	private client(server: string): Promise<Client> {
		let client = this.clients.get(server);
		if (!client) {
			client = this.start(server);
			client.catch(() => this.clients.delete(server));
			this.clients.set(server, client);
		}
		return client;
	}

	private async start(server: string): Promise<Client> {
		const command = server === 'fs' ? [main('filesystem'), this.folder] : [main('everything'), 'stdio'];
		const client = new Client({ name: 'agent', version: '1.0.0' });
		client.onclose = () => this.clients.delete(server);
		await client.connect(new StdioClientTransport({ command: process.execPath, args: [TAP, this.world, server, process.execPath, ...command], stderr: 'ignore' }));
		return client;
	}

	/** As tool_import() takes it: the tools/list result of a server. */
	async tools(server: string): Promise<unknown> {
		return (await this.client(server)).listTools();
	}

	/** name: SERVER__TOOL, as the gate knows it. */
	async call(name: string, args: any, meta: Meta, signal?: AbortSignal): Promise<unknown> {
		const [server, tool] = name.split('__') as [string, string];
		const _meta = { 'agentcore/call_id': meta.callId, 'agentcore/key': meta.key };
		return (await this.client(server)).callTool({ name: tool, arguments: args, _meta }, undefined, { ...(signal ? { signal } : {}), timeout: 600_000 });
	}

	async close(): Promise<void> {
		const open = await Promise.allSettled(this.clients.values());
		await Promise.all(open.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)));
	}
}
