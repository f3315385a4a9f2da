// One client's session: the protocol's server that it talks to.
// Only the tools are served, and what is configured to pass; every other method is refused as one that does not exist.
import { randomUUID } from 'node:crypto';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ElicitResultSchema, ErrorCode, ListToolsRequestSchema, McpError, type CallToolRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Result } from 'agentcore';
import { Passing } from './passing.js';
import { Progress } from './progress.js';
import type { Proxy } from './proxy.js';
import { Tasks } from './tasks.js';

const KEY = 'agentcore/key';

type Extra = RequestHandlerExtra<any, any>;

export class Session {
	readonly id = randomUUID();
	private readonly server: Server;
	private readonly tasks = new Tasks();
	private readonly running = new Set<Promise<unknown>>();
	private told: string | undefined;

	constructor(private readonly proxy: Proxy, private readonly ended: (session: Session) => void) {
		const passing = new Passing(proxy);
		this.server = new Server({ name: 'agentcore-mcp', version: '0.1.0' }, {
			capabilities: { tools: { listChanged: true }, tasks: Tasks.capability, ...passing.capabilities() }, taskStore: this.tasks.store, taskMessageQueue: this.tasks.queue,
		});
		passing.install(this.server);
		this.tasks.install(this.server);
		this.server.onclose = () => {
			void this.tasks.close();
			this.ended(this);
		};
		this.server.onerror = (error) => proxy.log(`client: ${error.message}`);
		this.server.setRequestHandler(ListToolsRequestSchema, () => this.list());
		this.server.setRequestHandler(CallToolRequestSchema, (request, extra) => this.call(request, extra));
	}

	private call({ params }: CallToolRequest, extra: Extra): Promise<any> {
		const key = extra._meta?.[KEY];
		const asked = { name: params.name, args: params.arguments ?? {}, key: typeof key === 'string' ? key : undefined, session: this.id };
		if (params.task)
			return this.tasks.start(extra, (taskId, signal, says) => {
				const ask = this.asking(extra, signal, { taskId }, () => says('the person at the client has answered'));
				const onWait = (why: Result): void => {
					says(why.feedback ?? why.verdict);
					ask?.(why);
				};
				return this.proxy.calls.call({ ...asked, signal, progress: new Progress(undefined, async () => undefined), patient: true, onWait });
			});
		const progress = new Progress(extra._meta?.progressToken, (notification) => extra.sendNotification(notification));
		const onWait = this.asking(extra, extra.signal);
		return this.track(this.proxy.calls.call({ ...asked, signal: extra.signal, progress, patient: progress.wanted || onWait !== undefined, onWait }));
	}

	/** Asks the person at the client for each approval that the call waits for, once; undefined where that cannot be. */
	private asking(extra: Extra, signal: AbortSignal, relatedTask?: { taskId: string }, then: () => void = () => undefined): ((why: Result) => void) | undefined {
		const { people, config } = this.proxy;
		const can = this.server.getClientCapabilities()?.elicitation;
		if (!people || !can || (can.url && !can.form)) return undefined;
		const asked = new Set<string>();
		return ({ approval, reason }) => {
			if (!approval || reason !== 'approval_required' || asked.has(approval)) return;
			asked.add(approval);
			const send = (params: any): Promise<any> =>
				extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema, { signal, timeout: config.approvalWait, ...(relatedTask && { relatedTask }) });
			void people.ask(approval, send).finally(then);
		};
	}

	private async track<T>(work: Promise<T>): Promise<T> {
		this.running.add(work);
		try {
			return await work;
		} finally {
			this.running.delete(work);
		}
	}

	private async list(): Promise<{ tools: any[] }> {
		try {
			const tools = await this.proxy.tools(true);
			this.told = JSON.stringify(tools);
			return { tools: tools.map((tool) => ({ ...tool, execution: { taskSupport: 'optional' } })) };
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
		await this.tasks.close();
		await Promise.allSettled([...this.running]);
	}
}
