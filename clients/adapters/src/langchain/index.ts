// Tools of a LangChain agent, run through the gate: a middleware.
import { ToolMessage } from '@langchain/core/messages';
import { createMiddleware } from 'langchain';
import type { CallOptions, Gate } from 'agentcore';

export { modelMiddleware, ModelRefused } from './model.js';

class Failed extends Error {}

const textOf = (content: unknown): string => (typeof content === 'string' ? content : JSON.stringify(content));

/** For createAgent({ middleware: [gateMiddleware(gate)] }).  A refusal is a ToolMessage with status 'error', in words for the model. */
export function gateMiddleware(gate: Gate, { agent, ...more }: CallOptions & { agent?: string } = {}) {
	return createMiddleware({
		name: 'agentcore',
		wrapToolCall: async (request, handler) => {
			const { toolCall } = request;
			let answer: Awaited<ReturnType<typeof handler>> | undefined;
			const run = async (args: any): Promise<unknown> => {
				answer = await handler({ ...request, toolCall: { ...toolCall, args } });
				if (!ToolMessage.isInstance(answer)) return null; // a Command: it goes to the graph, and nothing of it is kept
				if (answer.status === 'error') throw new Failed(textOf(answer.content));
				return answer.content;
			};
			try {
				const result = await gate.call(agent ?? null, toolCall.name, toolCall.args, run, { signal: request.runtime.signal, ...more, key: toolCall.id });
				if (result.ok && answer) return answer;
				return new ToolMessage({ content: result.content(), tool_call_id: toolCall.id ?? '', name: toolCall.name, status: result.ok ? 'success' : 'error' });
			} catch (error) {
				if (error instanceof Failed && answer) return answer;
				throw error;
			}
		},
	});
}
