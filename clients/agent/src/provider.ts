// What providers send, read.
import type { Result } from 'agentcore';

export const failed = (result: Result): { failed: string } => ({ failed: `${result.reason}: ${result.content()}` });

/** The events of a response that comes as server-sent ones. */
export async function* lines(response: Response): AsyncGenerator<any> {
	const decoder = new TextDecoder();
	let rest = '';
	let last: any;
	for await (const part of response.body as any) {
		const parts = (rest + decoder.decode(part, { stream: true })).split('\n\n');
		rest = parts.pop()!;
		for (const one of parts) yield last = JSON.parse(one.replace(/^data: /, ''));
	}
	if (last?.type !== 'message_stop' && !last?.usage) throw new Error('ECONNRESET: the stream ended before its end');
}

const parsed = (text: string): unknown => {
	try {
		return JSON.parse(text || '{}');
	} catch {
		return text;
	}
};

/** The response that the events of a stream are. */
export function assembled(provider: string, events: any[]): any {
	return provider === 'anthropic' ? ofAnthropic(events) : ofOpenai(events);
}

function ofAnthropic(events: any[]): any {
	const content: any[] = [];
	for (const { type, index, content_block: block, delta } of events) {
		if (type === 'content_block_start') content[index] = { ...block, text: block.text, json: '' };
		if (delta?.type === 'text_delta') content[index].text += delta.text;
		if (delta?.type === 'input_json_delta') content[index].json += delta.partial_json;
	}
	return { type: 'message', role: 'assistant', content: content.map(({ json, ...block }) => (block.type === 'tool_use' ? { ...block, input: parsed(json) } : block)) };
}

function ofOpenai(events: any[]): any {
	const calls: any[] = [];
	let text = '';
	for (const { choices } of events) {
		const delta = choices[0]?.delta ?? {};
		text += delta.content ?? '';
		for (const { index, ...call } of delta.tool_calls ?? []) {
			if (calls[index]) calls[index].function.arguments += call.function.arguments;
			else calls[index] = call;
		}
	}
	return { choices: [{ message: { role: 'assistant', content: text, ...(calls.length ? { tool_calls: calls } : {}) } }] };
}

/** The message for the next request, and its text. */
export function chosen(provider: string, response: any): [any, string | null] {
	if (provider === 'anthropic') {
		const text = response.content.filter((block: any) => block.type === 'text').map((block: any) => block.text).join('');
		return [{ role: 'assistant', content: response.content }, text];
	}
	const { message } = response.choices[0];
	return [message, message.content];
}
