// What a model call may use, and what its response, or the events of its stream, say that it used.
// The gate reads usage objects; here they are only found, so that no answer of a model travels to the gate for its usage.
import { plain, toJson } from './values.js';

const USAGE = ['usage', 'usageMetadata', 'usage_metadata', 'last_token_usage', 'token_usage', 'prompt_eval_count', 'eval_count'];
const INSIDE = ['message', 'response', 'metadata', 'x_groq', 'meta', 'response_metadata', 'llm_output', 'totalUsage'];
const BESIDE = ['type', 'object', 'service_tier', 'serviceTier'];
const MOST = ['max_completion_tokens', 'max_output_tokens', 'max_tokens', 'maxOutputTokens', 'maxTokens', 'num_predict'];
const PLACES = ['generationConfig', 'generation_config', 'config', 'inferenceConfig', 'options'];

type Members = Record<string, unknown>;
const isObject = (thing: unknown): thing is Members => typeof thing === 'object' && thing !== null && !Array.isArray(thing);

/** The part of a response or event that speaks of usage. */
function reduced(thing: unknown, depth = 0): Members | undefined {
	if (!isObject(thing) || depth > 3) return undefined;
	const part: Members = {};
	for (const name of USAGE) if (thing[name] !== undefined && thing[name] !== null) part[name] = thing[name];
	for (const name of INSIDE) {
		const inner = reduced(thing[name], depth + 1);
		if (inner) part[name] = inner;
	}
	if (Object.keys(part).length === 0) return undefined;
	for (const name of BESIDE) if (typeof thing[name] === 'string') part[name] = thing[name];
	return part;
}

/** A response that cannot be read says nothing of its usage: then the hold is charged. */
function seen(thing: unknown): unknown {
	try {
		return plain(thing);
	} catch {
		return undefined;
	}
}

export function ofResponse(response: unknown): string | null {
	const part = reduced(seen(response));
	return part ? JSON.stringify(part) : null;
}

/** The events of a stream that speak of usage.  Counts are cumulative, so the last one tells; only Anthropic counts the input in its first one. */
export class Collector {
	private first?: Members;
	private last?: Members;

	add(event: unknown): void {
		const part = reduced(seen(event));
		if (part?.['type'] === 'message_start') this.first = part;
		else if (part) this.last = part;
	}

	told(): string | null {
		const events = [this.first, this.last].filter((event) => event !== undefined);
		return events.length === 0 ? null : JSON.stringify(events.length > 1 ? events : events[0]);
	}
}

export function mostOutput(request: unknown): number | undefined {
	if (!isObject(request)) return undefined;
	for (const place of [request, ...PLACES.map((name) => request[name]).filter(isObject)])
		for (const name of MOST) if (Number.isInteger(place[name])) return place[name] as number;
	return undefined;
}

/** A token is hardly ever shorter than three bytes of a request. */
export const inputEstimate = (request: unknown): number => Math.floor(Buffer.byteLength(toJson(request)) / 3) + 1;
