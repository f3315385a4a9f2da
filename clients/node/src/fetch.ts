// A fetch that asks at every hop and connects only to addresses that it asked about (doc/redirects.md says why).
import { Agent, fetch as plainFetch, Headers, type RequestInit, type Response } from 'undici';
import type { Gate } from './gate.js';
import { redirected, REDIRECTS } from './redirect.js';
import { pinned, Refused, UrlGuard, type AddressesOf } from './url_guard.js';

export { pinned, Refused, UrlGuard } from './url_guard.js';
export type { AddressesOf, Judged } from './url_guard.js';

export interface FetchOptions {
	/** The policy that judges; its tenant is the gate's. */
	policy: string;
	maxHops?: number;
	/** Milliseconds for the whole, redirects included, until the headers of the last answer. */
	timeout?: number;
	/** Every address of a name; the system's resolver if absent. */
	resolver?: AddressesOf;
	/** Certificates that are trusted beside the system's. */
	ca?: string;
}

export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A fetch for an agent's tools.  Refused where the policy refuses, at any hop; else as fetch. */
export function guardedFetch(gate: Gate, options: FetchOptions): GuardedFetch {
	const { policy, maxHops = 5, timeout = 30_000, ca } = options;
	const guard = new UrlGuard(gate, policy, options.resolver);

	return async function fetch(input, init = {}) {
		let url = String(input);
		const sent = { method: init.method ?? 'GET', body: init.body, headers: new Headers(init.headers) };
		sent.headers.delete('host');
		const signal = bounded(init.signal, timeout);
		for (let hop = 0; hop <= maxHops; hop++) {
			const judged = await guard.judge(url, sent.method);
			const lookup = pinned(await guard.addresses(judged));
			const agent = new Agent({ connect: { ...(ca ? { ca } : {}), lookup }, pipelining: 0 });
			const headers = Object.fromEntries(sent.headers);
			const response = await plainFetch(judged.url, { ...init, ...sent, headers, redirect: 'manual', dispatcher: agent, signal });
			const location = response.headers.get('location');
			if (!REDIRECTS.includes(response.status) || location === null) return response;
			await response.body?.cancel();
			void agent.close();
			const next = redirected(sent, response.status, judged.url, location); // judged above before anything is done with it
			if (next === undefined) throw new Refused('invalid_url', 'a redirect that cannot be read');
			url = next;
		}
		throw new Refused('not_in_allowlist', `more than ${maxHops} redirects`);
	};
}

/** Aborts with the caller's signal, or when time is over. */
function bounded(given: AbortSignal | null | undefined, milliseconds: number): AbortSignal {
	const late = AbortSignal.timeout(milliseconds);
	if (!given) return late;
	const controller = new AbortController();
	for (const signal of [given, late]) {
		if (signal.aborted) controller.abort(signal.reason);
		else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
	}
	return controller.signal;
}
