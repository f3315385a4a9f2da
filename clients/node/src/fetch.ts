// A fetch that asks at every hop and connects only to addresses that it asked about (doc/redirects.md says why).
import { Agent, fetch as plainFetch, Headers, type RequestInit, type Response } from 'undici';
import type { Gate } from './gate.js';
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

const REDIRECTS = [301, 302, 303, 307, 308];
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization'];

export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A fetch for an agent's tools.  Refused where the policy refuses, at any hop; else as fetch. */
export function guardedFetch(gate: Gate, options: FetchOptions): GuardedFetch {
	const { policy, maxHops = 5, timeout = 30_000, ca } = options;
	const guard = new UrlGuard(gate, policy, options.resolver);

	return async function fetch(input, init = {}) {
		let url = String(input);
		let { method = 'GET', body } = init;
		const headers = new Headers(init.headers);
		headers.delete('host');
		const signal = bounded(init.signal, timeout);
		for (let hop = 0; hop <= maxHops; hop++) {
			const judged = await guard.judge(url, method);
			const lookup = pinned(await guard.addresses(judged));
			const agent = new Agent({ connect: { ...(ca ? { ca } : {}), lookup }, pipelining: 0 });
			const response = await plainFetch(judged.url, { ...init, method, body, headers: Object.fromEntries(headers), redirect: 'manual', dispatcher: agent, signal });
			const location = response.headers.get('location');
			if (!REDIRECTS.includes(response.status) || location === null) return response;
			await response.body?.cancel();
			void agent.close();
			if (response.status === 303 || ([301, 302].includes(response.status) && method === 'POST')) {
				method = method === 'HEAD' ? 'HEAD' : 'GET';
				body = undefined;
				for (const name of ['content-type', 'content-length']) headers.delete(name);
			}
			let next: URL;
			try {
				next = new URL(location, judged.url); // judged above before anything is done with it
			} catch {
				throw new Refused('invalid_url', 'a redirect that cannot be read');
			}
			if (next.origin !== new URL(judged.url).origin) for (const name of CREDENTIALS) headers.delete(name);
			url = next.href;
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
