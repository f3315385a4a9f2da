// Streamable HTTP on the client's side.  A session ends by DELETE, or when nothing was heard of it for long.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Config } from './config.js';
import type { Proxy } from './proxy.js';
import type { Session } from './session.js';

type Http = NonNullable<Config['http']>;
interface Held {
	session: Session;
	transport: StreamableHTTPServerTransport;
	heard: number;
	busy: number;
}

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export async function serve(proxy: Proxy, http: Http): Promise<{ url: string; close: () => Promise<void> }> {
	const token = http.tokenVariable === undefined ? undefined : process.env[http.tokenVariable];
	if (http.tokenVariable !== undefined && !token) throw new Error(`the environment has no ${http.tokenVariable}`);
	const held = new Map<string, Held>();

	/** Names under which a browser that was led here by another site's name does not ask. */
	function refused(request: IncomingMessage): number | undefined {
		const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
		if (![...LOCAL, http.host, ...http.allowedHosts].includes(host)) return 421;
		const { origin } = request.headers;
		if (origin !== undefined && !http.allowedOrigins.includes(origin)) return 403;
		if (token !== undefined && !timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`))) return 401;
		return new URL(request.url ?? '', 'http://localhost').pathname === http.path ? undefined : 404;
	}

	function told(response: ServerResponse, status: number, message: string): void {
		response.writeHead(status, { 'content-type': 'application/json', ...(status === 401 && { 'www-authenticate': 'Bearer' }) });
		response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }));
	}

	async function begun(): Promise<Held> {
		const session = proxy.session();
		const transport = new StreamableHTTPServerTransport({
			sessionIdGenerator: () => randomUUID(),
			onsessioninitialized: (id) => { held.set(id, one); },
			onsessionclosed: async (id) => {
				held.delete(id);
				await session.close();
			},
		});
		const one: Held = { session, transport, heard: Date.now(), busy: 0 };
		await session.connect(transport as any);
		return one;
	}

	async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const status = refused(request);
		if (status !== undefined) return told(response, status, 'refused');
		const id = request.headers['mcp-session-id'];
		let one = typeof id === 'string' ? held.get(id) : undefined;
		if (id !== undefined && !one) return told(response, 404, 'no such session');
		if (!one && held.size >= http.maxSessions) return told(response, 503, 'too many sessions');
		const known = one !== undefined;
		one ??= await begun();
		one.busy++;
		one.heard = Date.now();
		response.on('close', () => {
			one.busy--;
			one.heard = Date.now();
		});
		await one.transport.handleRequest(request, response);
		// what did not begin a session leaves none
		if (!known && ![...held.values()].includes(one)) await one.session.close();
	}

	const server = createServer((request, response) => {
		answer(request, response).catch((error) => {
			proxy.log(`client: ${error.message}`);
			if (!response.headersSent) told(response, 500, 'internal error');
		});
	});
	const sweep = setInterval(() => {
		for (const [id, one] of held) {
			if (one.busy > 0 || Date.now() - one.heard < http.idle) continue;
			held.delete(id);
			void one.session.close();
		}
	}, Math.min(http.idle, 60_000)).unref();
	await new Promise<void>((resolve, reject) => server.once('error', reject).listen(http.port, http.host, resolve));
	const { port } = server.address() as AddressInfo;
	const host = http.host.includes(':') ? `[${http.host}]` : http.host;
	return {
		url: `http://${host}:${port}${http.path}`,
		close: async () => {
			clearInterval(sweep);
			const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
			await Promise.allSettled([...held.values()].map((one) => one.session.close()));
			server.closeAllConnections();
			await stopped;
		},
	};
}
