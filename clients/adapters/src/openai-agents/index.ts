// Tools of the OpenAI Agents SDK, run through the gate.
import { tool, type FunctionTool } from '@openai/agents-core';
import type { CallOptions, Gate } from 'agentcore';

export { toolGuardrail } from './guardrail.js';

type ToolOptions = Parameters<typeof tool>[0];

/** As tool() of the SDK: execute() runs where the gate says so, with the arguments that it returned.  A refusal is the tool's output, in words for the model. */
export function gatedTool(gate: Gate, options: ToolOptions, how: CallOptions & { agent?: string } = {}): FunctionTool {
	const { agent, ...more } = how;
	const execute = options.execute as (input: any, context?: any, details?: any) => unknown;
	const made: FunctionTool<any, any, any> = tool({
		...options,
		execute: async (input: unknown, context?: any, details?: any) => {
			const asked = { signal: details?.signal, ...more, key: details?.toolCall?.callId };
			const result = await gate.call(agent ?? null, made.name, input, (args) => execute(args, context, details), asked);
			return result.ok && !result.cached ? result.value : result.content();
		},
	} as ToolOptions);
	return made;
}
