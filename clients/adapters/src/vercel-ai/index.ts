// Tools of the AI SDK, run through the gate.
import type { Tool, ToolExecutionOptions, ToolSet } from 'ai';
import type { CallOptions, Gate, Result } from 'agentcore';

export { modelMiddleware, ModelRefused } from './model.js';

/** The gate refused the call.  The SDK gives its message to the model as the tool's error. */
export class Refused extends Error {
	constructor(readonly result: Result) {
		super(result.content());
		this.name = 'Refused';
	}
}

/** The tools; what they have as execute() runs where the gate says so, with the arguments that it returned. */
export function gatedTools<Tools extends ToolSet>(gate: Gate, tools: Tools, how: CallOptions & { agent?: string } = {}): Tools {
	return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, tool.execute ? gated(gate, name, tool, how) : tool])) as Tools;
}

function gated(gate: Gate, name: string, tool: Tool<any, any>, { agent, ...more }: CallOptions & { agent?: string }): Tool<any, any> {
	const execute = async (input: unknown, options: ToolExecutionOptions): Promise<unknown> => {
		const run = async (args: unknown): Promise<unknown> => lastOf(await tool.execute!(args, options));
		const result = await gate.call(agent ?? null, name, input, run, { signal: options.abortSignal, ...more, key: options.toolCallId });
		if (!result.ok) throw new Refused(result);
		return result.value ?? result.content();
	};
	return { ...tool, execute } as Tool<any, any>;
}

/** A tool may give what it has so far, and more; what it gave last is its answer. */
async function lastOf(value: any): Promise<unknown> {
	if (typeof value?.[Symbol.asyncIterator] !== 'function') return value;
	let last: unknown;
	for await (const one of value) last = one;
	return last;
}
