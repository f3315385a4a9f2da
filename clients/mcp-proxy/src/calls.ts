// One call of a tool: asked, run by its server with the arguments that the gate returned, and settled.
import { createHash } from 'node:crypto';
import type { CallOptions, Gate, Result, Running } from 'agentcore';
import { CallToolResultSchema, type Progress as Sent } from '@modelcontextprotocol/sdk/types.js';
import { answer, ofError, refusal, ToolFailed, type ToolResult } from './answers.js';
import type { Catalog, Route } from './catalog.js';
import type { Config } from './config.js';
import type { Progress } from './progress.js';
import type { Log } from './upstream.js';

const IS_ERROR = 'SELECT agentcore.tool_result_is_error(:tool::text, :result::text::jsonb, :tenant::text) AS failed';

export interface Asked {
	name: string;
	args: unknown;
	/** The client's own, for a call that it may send twice. */
	key?: string;
	session: string;
	signal: AbortSignal;
	progress: Progress;
	/** Waits as long as people may take. */
	patient: boolean;
	/** Hears of each pause. */
	onWait?: (why: Result) => void;
}

export class Calls {
	constructor(private readonly config: Config, private readonly catalog: Catalog, private readonly patient: Gate, private readonly plain: Gate, private readonly log: Log) {}

	/** Rejects only where the client gave up. */
	async call(asked: Asked): Promise<ToolResult> {
		const { name, progress, signal } = asked;
		try {
			const route = await this.catalog.route(name);
			if (route && 'refused' in route) return refusal(route.refused, 'deny', route.reason);
			const fn = route && ((args: any, running: Running) => this.run(asked, route, args, running));
			const gate = asked.patient ? this.patient : this.plain;
			const options: CallOptions = {
				key: asked.key === undefined ? undefined : this.key(asked.key),
				task: this.config.task?.replaceAll('{session}', asked.session), subject: this.config.subject, budgets: this.config.budgets, signal,
				onWait: (why) => {
					progress.waits(why.feedback ?? why.reason ?? why.verdict);
					asked.onWait?.(why);
				},
			};
			return answer(name, await gate.call(null, name, asked.args, fn as any, options));
		} catch (error) {
			if (signal.aborted) throw error;
			this.log(`${name}: ${(error as Error)?.message ?? error}`);
			return ofError(name, error);
		}
	}

	/** Keys are of all of a tenant's callers: one agent's are told from another's. */
	private key(key: string): string {
		return `mcp:${createHash('sha256').update(JSON.stringify([this.config.agent, key])).digest('hex')}`;
	}

	private async run(asked: Asked, { upstream, tool }: Route, args: any, running: Running): Promise<ToolResult> {
		const told = upstream.config.tellCall ? { _meta: { 'agentcore/call': running.callId, 'agentcore/key': running.key } } : {};
		asked.progress.begins();
		const onprogress = asked.progress.wanted ? (sent: Sent) => asked.progress.of(sent) : undefined;
		const result = await upstream.request('tools/call', { name: tool, arguments: args ?? {}, ...told }, running.signal, onprogress);
		if (!CallToolResultSchema.safeParse(result).success) throw new Error('the answer of the server is no result of a tool');
		if (await this.failed(asked.name, result)) throw new ToolFailed(result);
		return { ...result, content: result.content ?? [] };
	}

	/** As the gate judges it; by the server's own word where the gate cannot be asked. */
	private async failed(tool: string, result: ToolResult): Promise<boolean> {
		try {
			const text = JSON.stringify(result).replace(/\\u0000/g, '').replace(/\\ud[89a-f][0-9a-f]{2}/g, '');
			return Boolean((await this.plain.ask(IS_ERROR, { tool, result: text }))[0]!['failed']);
		} catch (error) {
			this.log(`the result of ${tool} could not be judged: ${(error as Error).message}`);
			return result.isError === true;
		}
	}
}
