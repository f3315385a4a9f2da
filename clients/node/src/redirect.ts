// What fetch does at a redirect, for those who ask before they follow it.

export const REDIRECTS = [301, 302, 303, 307, 308];
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization'];

/** What a hop sends.  Headers of fetch or of undici. */
export interface Hop<Body> {
	method: string;
	body: Body | undefined;
	headers: { delete(name: string): void };
}

/** Makes the request the one of the next hop, and gives its URL; undefined where `location` cannot be read. */
export function redirected<Body>(request: Hop<Body>, status: number, from: string, location: string): string | undefined {
	let next: URL;
	try {
		next = new URL(location, from);
	} catch {
		return undefined;
	}
	if (status === 303 || ([301, 302].includes(status) && request.method === 'POST')) {
		request.method = request.method === 'HEAD' ? 'HEAD' : 'GET';
		request.body = undefined;
		for (const name of ['content-type', 'content-length']) request.headers.delete(name);
	}
	if (next.origin !== new URL(from).origin) for (const name of CREDENTIALS) request.headers.delete(name);
	return next.href;
}
