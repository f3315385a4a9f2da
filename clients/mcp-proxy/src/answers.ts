// What a client gets to read: an upstream's result, or in its place why there is none.
import { GateError, GateUnavailable, type Result } from 'agentcore';

export interface ToolResult {
	[member: string]: unknown;
	content: unknown[];
	isError?: boolean;
}

/** An upstream's result that says that the call failed. */
export class ToolFailed extends Error {
	constructor(readonly result: ToolResult) {
		super(textOf(result) || JSON.stringify(result.structuredContent ?? null));
		this.name = 'ToolFailed';
	}
}

const textOf = (result: ToolResult): string =>
	result.content.map((part: any) => (part?.type === 'text' ? part.text : '')).filter(Boolean).join('\n').slice(0, 20_000);

/** A refusal that a model can read. */
export function refusal(text: string, verdict: string, reason: string | null, more: Record<string, unknown> = {}): ToolResult {
	const meta = Object.fromEntries(Object.entries({ verdict, reason, ...more }).filter(([, value]) => value !== null && value !== undefined));
	return { content: [{ type: 'text', text }], isError: true, _meta: Object.fromEntries(Object.entries(meta).map(([name, value]) => [`agentcore/${name}`, value])) };
}

export function unavailable(name: string): ToolResult {
	return refusal(`"${name}" cannot be called now, because the gate cannot be asked. Nothing was run. Go on without it, or try again later.`, 'unavailable', 'unavailable');
}

/** What became of a call, for the client. */
export function answer(name: string, result: Result): ToolResult {
	if (result.ok) {
		const value = result.value as ToolResult | null;
		return value && Array.isArray(value.content) ? value : refusal(result.content(), result.verdict, 'not_kept');
	}
	if (result.error instanceof ToolFailed) return { ...result.error.result, isError: true };
	const text = result.content();
	if (result.error !== undefined) {
		const open = ['possibly_executed', 'unknown_error', 'cancelled'].includes(result.reason ?? '');
		return refusal(`The call of "${name}" failed: ${text}${open ? '\nIt may have been executed all the same: do not simply repeat it.' : ''}`, 'failed', result.reason);
	}
	if (result.verdict === 'wait' && result.reason === 'approval_required')
		return refusal(`${text}\nA person has been asked to allow this call (approval ${result.approval}). Nothing was run. Call "${name}" again with the same arguments later.`,
			'wait', result.reason, { approval: result.approval });
	return refusal(text, result.verdict, result.reason, { approval: result.approval });
}

/** What became of a call that the gate could not judge, or whose asking was wrong. */
export function ofError(name: string, error: unknown): ToolResult {
	if (error instanceof GateUnavailable) return unavailable(name);
	if (error instanceof GateError && /^key .* was used for another call/.test(error.message))
		return refusal(`The key of this call of "${name}" was used for another call. Nothing was run. A new call needs a new key.`, 'deny', 'key_conflict');
	return refusal(`"${name}" cannot be called: the gate refused the question. Nothing was run. Whoever runs the proxy has to look at its log.`, 'unavailable', 'refused');
}
