// What a refused request becomes: an exception, or a response that says so.

/** The policy refused the request.  reason: invalid_url, method_blocked, denylist_match, not_in_allowlist or budget_exceeded. */
export class PolicyViolation extends Error {
	constructor(readonly reason: string, readonly detail: string, readonly url: string, readonly method: string) {
		super(`agentguard: blocked ${method} ${url}: ${reason} (${detail})`);
		this.name = 'PolicyViolation';
	}
}

/** The 403 of policies with violations 'block'; the header x-agentguard-block tells it from a server's. */
export function blockResponse({ name, reason, detail, url, method }: PolicyViolation): Response {
	const headers = { 'content-type': 'application/json', 'x-agentguard-block': '1', 'x-agentguard-reason': reason };
	return new Response(JSON.stringify({ error: name, reason, detail, url, method }), { status: 403, statusText: 'Forbidden', headers });
}
