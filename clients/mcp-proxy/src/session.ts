// One client's session: the protocol's server that it talks to.
// Only the tools are served, and what is configured to pass; every other method is refused as one that does not exist.
import { randomUUID } from 'node:crypto';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js';
import { Passing } from './passing.js';
import { Progress } from './progress.js';
import type { Proxy } from './proxy.js';

const KEY = 'agentcore/key';

export class Session {
	readonly id = randomUUID();
	private readonly server: Server;
	private readonly running = new Set<Promise<unknown>>();
	private told: string | undefined;

	constructor(private readonly proxy: Proxy, private readonly ended: (session: Session) => void) {
		const passing = new Passing(proxy);
		this.server = new Server({ name: 'agentcore-mcp', version: '0.1.0' }, { capabilities: { tools: { listChanged: true }, ...passing.capabilities() } });
		passing.install(this.server);
		this.server.onclose = () => this.ended(this);
		this.server.onerror = (error) => proxy.log(`client: ${error.message}`);
		this.server.setRequestHandler(ListToolsRequestSchema, () => this.tools());
		this.server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
			const progress = new Progress(extra._meta?.progressToken, (notification) => extra.sendNotification(notification));
			const key = extra._meta?.[KEY];
			return this.track(proxy.calls.call({
				name: params.name, args: params.arguments ?? {}, key: typeof key === 'string' ? key : undefined, session: this.id, signal: extra.signal, progress,
				patient: progress.wanted,
			}));
		});
	}

	private async track<T>(work: Promise<T>): Promise<T> {
		this.running.add(work);
		try {
			return await work;
		} finally {
			this.running.delete(work);
		}
	}

	private async tools(): Promise<{ tools: any[] }> {
		try {
			const tools = await this.proxy.tools(true);
			this.told = JSON.stringify(tools);
			return { tools };
		} catch (error) {
			this.proxy.log(`tools/list: ${(error as Error).message}`);
			throw new McpError(ErrorCode.InternalError, 'the tools cannot be listed now, because the gate cannot be asked: try again later');
		}
	}

	/** What the agent may call is now this: tells a client that has seen something else. */
	look(tools: unknown[]): void {
		const now = JSON.stringify(tools);
		if (this.told === undefined || this.told === now) return;
		this.told = now;
		this.server.sendToolListChanged().catch((error) => this.proxy.log(`client: ${error.message}`));
	}

	notify(method: string, params: any): void {
		this.server.notification({ method, params } as any).catch((error) => this.proxy.log(`client: ${error.message}`));
	}

	connect(transport: Transport): Promise<void> {
		return this.server.connect(transport);
	}

	/** Stops its calls, and waits until each is settled. */
	async close(): Promise<void> {
		await this.server.close();
		await Promise.allSettled([...this.running]);
	}
}
