// firewall() and wrapFetch(): a fetch that asks before each request and before each redirect.
import { AsyncLocalStorage } from 'node:async_hooks';
import { redirected, REDIRECTS } from '../../redirect.js';
import { judge, methodOf, policyOf, type Policy, type PolicySpec } from './policy.js';
import { blockResponse, PolicyViolation } from './violations.js';

type Fetch = typeof fetch;

/** What a block or a wrapped fetch may do, and how many requests it has made. */
class Frame {
	private requests = 0;
	readonly policy: Policy;

	constructor(policy: Policy | PolicySpec | string) {
		this.policy = policyOf(policy);
	}

	private count(url: string, method: string): void {
		const most = this.policy.budget?.maxRequests;
		if (++this.requests > (most ?? Infinity)) throw new PolicyViolation('budget_exceeded', `${this.requests}/${most}`, url, method);
	}

	/** The URL to fetch: as it was written where fetch reads it as the database does. */
	private async asked(url: string, method: string): Promise<string> {
		const { decision, url: canonical } = await judge(this.policy, url, method);
		if (decision.action === 'deny') throw new PolicyViolation(decision.reason, decision.detail, url, method);
		return URL.canParse(url) && new URL(url).href === canonical ? url : canonical!;
	}

	async fetch(fetcher: Fetch, input: Parameters<Fetch>[0], init: RequestInit | undefined): Promise<Response> {
		try {
			return await this.followed(fetcher, ...(await spread(input, init)));
		} catch (error) {
			if (error instanceof PolicyViolation && this.policy.violations === 'block') return blockResponse(error);
			throw error;
		}
	}

	private async followed(fetcher: Fetch, url: string, init: RequestInit): Promise<Response> {
		const sent = { method: methodOf(init), body: init.body ?? undefined, headers: new Headers(init.headers) };
		url = await this.asked(url, sent.method);
		this.count(url, sent.method);
		if (init.redirect === 'manual' || init.redirect === 'error') return fetcher(url, init);
		for (let hop = 0; hop <= MOST_HOPS; hop++) {
			const response = await fetcher(url, { ...init, ...sent, redirect: 'manual' });
			const location = response.headers.get('location');
			if (!REDIRECTS.includes(response.status) || location === null) return response;
			await response.body?.cancel();
			const next = redirected(sent, response.status, url, location);
			if (next === undefined) throw new PolicyViolation('invalid_url', 'a redirect that cannot be read', location, sent.method);
			url = await this.asked(next, sent.method);
		}
		throw new TypeError(`fetch failed: more than ${MOST_HOPS} redirects`);
	}
}

const MOST_HOPS = 20; // as fetch

/** A Request in its parts, so that its next hop can be made of them. */
async function spread(input: Parameters<Fetch>[0], init: RequestInit = {}): Promise<[string, RequestInit]> {
	if (!(input instanceof Request)) return [String(input), init];
	const request = new Request(input, init);
	const { method, headers, redirect, signal } = request;
	return [request.url, { ...init, method, headers, redirect, signal, body: request.body ? await request.arrayBuffer() : undefined }];
}

const frames = new AsyncLocalStorage<Frame>();
let plain: Fetch | undefined;
let blocks = 0;

const guarded: Fetch = (input, init) => {
	const frame = frames.getStore();
	const fetcher = plain ?? globalThis.fetch;
	return frame ? frame.fetch(fetcher, input, init) : fetcher(input, init);
};

/** Runs fn; what it fetches by the global fetch is asked about.  Other work of the program is not. */
export async function firewall<T>(policy: Policy | PolicySpec | string, fn: () => Promise<T> | T): Promise<T> {
	const frame = new Frame(policy);
	if (blocks++ === 0) {
		plain = globalThis.fetch;
		globalThis.fetch = guarded;
	}
	try {
		return await frames.run(frame, async () => fn());
	} finally {
		if (--blocks === 0) {
			globalThis.fetch = plain!;
			plain = undefined;
		}
	}
}

/** A fetch that asks, for those who take one; it counts its own requests. */
export function wrapFetch(policy: Policy | PolicySpec | string): Fetch {
	const frame = new Frame(policy);
	return (input, init) => frame.fetch(plain ?? globalThis.fetch, input, init);
}
