// A fetch that asks at every hop and connects only to addresses that it asked about (doc/redirects.md says why).
import { lookup as resolve } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Agent, fetch as plainFetch, Headers, type RequestInit, type Response } from 'undici';
import type { Gate } from './gate.js';
import { IP_CHECK, URL_CHECK } from './statements.js';

export interface FetchOptions {
	/** The policy that judges; its tenant is the gate's. */
	policy: string;
	maxHops?: number;
	/** Milliseconds for the whole, redirects included, until the headers of the last answer. */
	timeout?: number;
	/** Every address of a name; the system's resolver if absent. */
	resolver?: (host: string) => Promise<string[]>;
	/** Certificates that are trusted beside the system's. */
	ca?: string;
}

/** The policy said no, or the answer was not one to follow; the message may be shown to the model. */
export class Refused extends Error {
	constructor(readonly reason: string, readonly detail: string) {
		super(`${reason} (${detail})`);
		this.name = 'Refused';
	}
}

const REDIRECTS = [301, 302, 303, 307, 308];
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization'];

export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A fetch for an agent's tools.  Refused where the policy refuses, at any hop; else as fetch. */
export function guardedFetch(gate: Gate, options: FetchOptions): GuardedFetch {
	const { policy, maxHops = 5, timeout = 30_000, ca } = options;
	const resolver = options.resolver ?? (async (host: string) => (await resolve(host, { all: true, verbatim: true })).map(({ address }) => address));

	async function judge(url: string, method: string): Promise<{ url: string; host: string; port: number }> {
		if (url.includes('\0')) throw new Refused('invalid_url', 'control_character'); // the database would not take it
		const row = (await gate.ask(URL_CHECK, { policy, url, method }))[0]!;
		// a policy in mode audit or off allows what cannot be parsed; there is nothing to fetch then
		if (!row['allowed'] || row['url'] === null) throw new Refused(row['reason'] ?? 'invalid_url', row['detail'] ?? 'not a URL');
		return row as { url: string; host: string; port: number };
	}

	async function addresses(host: string, port: number): Promise<string[]> {
		const bare = host.replace(/^\[|\]$/g, '');
		const found = isIP(bare) ? [bare] : await resolver(bare).catch(() => { throw new Refused('not_in_allowlist', `${bare} cannot be resolved`); });
		// an address with a zone ("fe80::1%eth0") is none that PostgreSQL knows
		if (found.some((address) => !isIP(address) || address.includes('%'))) throw new Refused('denylist_match', 'a link-local address');
		const row = (await gate.ask(IP_CHECK, { policy, ips: `{${found.join(',')}}`, port: String(port) }))[0]!;
		if (!row['allowed']) throw new Refused(row['reason'], row['detail']);
		return found;
	}

	/** Connections to the judged addresses only, whatever the name resolves to by now. */
	const pinned = (judged: string[]): Agent => new Agent({
		connect: {
			...(ca ? { ca } : {}),
			lookup: (_host, wanted, answer) => {
				const all = judged.map((address) => ({ address, family: isIP(address) }));
				if (wanted.all) answer(null, all);
				else (answer as (error: null, address: string, family: number) => void)(null, all[0]!.address, all[0]!.family);
			},
		},
		pipelining: 0,
	});

	return async function fetch(input, init = {}) {
		let url = String(input);
		let { method = 'GET', body } = init;
		const headers = new Headers(init.headers);
		headers.delete('host');
		const signal = bounded(init.signal, timeout);
		for (let hop = 0; hop <= maxHops; hop++) {
			const judged = await judge(url, method);
			const agent = pinned(await addresses(judged.host, judged.port));
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
