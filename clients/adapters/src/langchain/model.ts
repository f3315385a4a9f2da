// The model of a LangChain agent, asked for at the gate: a middleware.
import { AIMessage } from '@langchain/core/messages';
import { convertToOpenAITool } from '@langchain/core/utils/function_calling';
import { createMiddleware } from 'langchain';
import type { Gate, ModelOptions, Result } from 'agentcore';

/** The gate refused the call of the model, or had it wait for longer than may be waited here; the message is its feedback. */
export class ModelRefused extends Error {
	constructor(readonly result: Result) {
		super(result.content());
		this.name = 'ModelRefused';
	}
}

/** For createAgent({ middleware: [modelMiddleware(gate, agent)] }).  model: by what name the gate knows it, where it is not the model's own. */
export function modelMiddleware(gate: Gate, agent: string | null, { model: named, ...options }: Omit<ModelOptions, 'key' | 'fallback'> & { model?: string } = {}) {
	return createMiddleware({
		name: 'agentcore-model',
		wrapModelCall: async (request, handler) => {
			const model = request.model as { model?: string; modelName?: string; maxTokens?: number };
			const name = named ?? model.model ?? model.modelName;
			if (!name) throw new TypeError('model: the model does not say its name');
			const asked = {
				system: request.systemPrompt, messages: request.messages.map((message) => message.toDict().data), tools: request.tools.map(toolOf),
				max_tokens: model.maxTokens, ...request.modelSettings,
			};
			let answer: AIMessage | undefined;
			const run = async (): Promise<unknown> => {
				answer = await handler(request);
				return { usage_metadata: answer.usage_metadata };
			};
			const result = await gate.model(agent, name, asked, run, { signal: request.runtime.signal, ...options });
			if (!result.ok) throw new ModelRefused(result);
			return answer!;
		},
	});
}

/** As its provider reads it, to be counted. */
const toolOf = (tool: any): unknown => ('schema' in tool ? convertToOpenAITool(tool) : tool);
