// Calls that a client asked for as tasks: it gets a handle at once, and the result when the call has ended, however long people take.
// A task ends "completed" whatever the result says, because a client that reads of "failed" does not fetch the words for its model.
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CancelTaskRequestSchema, ErrorCode, McpError, type CreateTaskResult } from '@modelcontextprotocol/sdk/types.js';
import type { ToolResult } from './answers.js';

const MOST = 100; // that run in one session
const LONGEST = 24 * 3_600_000; // of a result that is kept
const POLL = 500;

type Started = (taskId: string, signal: AbortSignal, says: (message: string) => void) => Promise<ToolResult>;

export class Tasks {
	readonly store = new InMemoryTaskStore();
	readonly queue = new InMemoryTaskMessageQueue();
	private readonly running = new Map<string, { controller: AbortController; done: Promise<void> }>();

	static readonly capability = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

	install(server: Server): void {
		server.setRequestHandler(CancelTaskRequestSchema, async ({ params: { taskId } }, { sessionId }) => {
			if (!(await this.store.getTask(taskId, sessionId))) throw new McpError(ErrorCode.InvalidParams, `Task not found: ${taskId}`);
			const task = this.running.get(taskId);
			task?.controller.abort(new Error('the client cancelled the task'));
			await task?.done;
			const ended = await this.store.getTask(taskId, sessionId);
			if (!task || ended?.status === 'completed') throw new McpError(ErrorCode.InvalidParams, `Cannot cancel task in terminal status: ${ended?.status}`);
			return { _meta: {}, ...ended! };
		});
	}

	async start(extra: any, work: Started): Promise<CreateTaskResult> {
		if (this.running.size >= MOST) throw new McpError(ErrorCode.InvalidRequest, `${MOST} tasks are running: wait for one of them`);
		const task = await extra.taskStore.createTask({ ttl: Math.min(extra.taskRequestedTtl ?? LONGEST, LONGEST), pollInterval: POLL });
		const { taskId } = task;
		const controller = new AbortController();
		const says = (message: string): void => {
			extra.taskStore.updateTaskStatus(taskId, 'working', message).catch(() => undefined); // it has ended
		};
		const done = (async () => {
			try {
				const result = await work(taskId, controller.signal, says);
				await extra.taskStore.storeTaskResult(taskId, 'completed', result).catch(() => undefined); // nobody is there any more
			} catch (error) {
				await extra.taskStore.updateTaskStatus(taskId, 'cancelled', String((error as Error)?.message ?? error)).catch(() => undefined);
			} finally {
				this.running.delete(taskId);
			}
		})();
		this.running.set(taskId, { controller, done });
		return { task };
	}

	/** The client has gone: its calls are stopped and settled. */
	async close(): Promise<void> {
		const all = [...this.running.values()];
		for (const { controller } of all) controller.abort(new Error('the client has gone'));
		await Promise.allSettled(all.map(({ done }) => done));
		this.store.cleanup();
	}
}
