// The calls of one turn of a model, out of what its provider sent.

/** id: the provider's, which names the call where `unique`; the ids of JSON-RPC begin anew with each connection. */
export interface Asked {
	id: unknown;
	tool: unknown;
	args: unknown;
	unique: boolean;
}

/** Messages, responses and lists of OpenAI, Anthropic, the AI SDK and MCP; other parts are skipped. */
export function callsOf(sent: any): Asked[] {
	return Array.isArray(sent) ? sent.flatMap(part) : part(sent);
}

function part(sent: any): Asked[] {
	if (typeof sent !== 'object' || sent === null) return [];
	if (sent.type === 'function' || (typeof sent.function === 'object' && sent.function !== null))
		return [{ id: sent.id, tool: sent.function?.name, args: sent.function?.arguments, unique: true }];
	if (sent.type === 'function_call') return [{ id: sent.call_id ?? sent.id, tool: sent.name, args: sent.arguments, unique: true }];
	if (sent.type === 'tool_use') return [{ id: sent.id, tool: sent.name, args: sent.input, unique: true }];
	if (sent.type === 'tool-call' || sent.toolCallId !== undefined)
		return [{ id: sent.toolCallId, tool: sent.toolName, args: sent.input ?? sent.args, unique: true }];
	if (sent.method === 'tools/call') return [{ id: sent.id, tool: sent.params?.name, args: sent.params?.arguments, unique: false }];
	if ('args' in sent && typeof sent.name === 'string') return [{ id: sent.id, tool: sent.name, args: sent.args, unique: true }];
	if (Array.isArray(sent.choices) && sent.choices.length) return part(sent.choices[0]);
	if (typeof sent.message === 'object') return part(sent.message);
	for (const name of ['toolCalls', 'tool_calls', 'output', 'content']) {
		if (!Array.isArray(sent[name])) continue;
		const found = callsOf(sent[name]);
		if (found.length || name !== 'content') return found;
	}
	return [];
}
