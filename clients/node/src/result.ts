// What became of a call.
import { plain, words } from './values.js';

export type Verdict = 'run' | 'cached' | 'wait' | 'deny' | 'open' | 'unavailable';

/** ok: `value` is the tool's answer.  Else content() says why not, in words for the model. */
export class Result<T = any> {
	value!: T;
	/** wait: patience ended; open: run without the gate; unavailable: of many(). */
	verdict: Verdict = 'run';
	/** The gate's, or, after the tool failed, the reason of call_fail()'s advice and the tool's words. */
	reason: string | null = null;
	feedback: string | null = null;
	detail: string | null = null;
	errors: unknown = null;
	tool = '';
	/** Of many(): the provider's, for the answer to it. */
	id: unknown = null;
	callId: string | null = null;
	args: unknown = null;
	approval: string | null = null;
	model: string | null = null;
	/** How often the tool was run for this call, here; and what was waited for, by reason. */
	attempts = 0;
	waits: Record<string, number> = {};
	/** The tool's exception, where it failed for good. */
	error: unknown = undefined;
	advice: string | null = null;
	/** committed, replayed, late, conflict, failed, released; null: not known. */
	settled: string | null = null;
	enforced = true;

	constructor(readonly ok: boolean, members: Partial<Result<T>> = {}) {
		Object.assign(this, members, { ok });
	}

	get cached(): boolean {
		return this.verdict === 'cached';
	}

	/** The tool result that a model reads. */
	content(): string {
		if (!this.ok) return this.feedback ?? this.reason ?? this.verdict;
		if (this.value === null && this.cached) return 'The call was made before; its result was not kept.';
		if (typeof this.value === 'string') return this.value;
		try {
			return JSON.stringify(plain(this.value));
		} catch (error) {
			return `The call was made, and its result cannot be put into words (${words(error)}).`;
		}
	}
}
