// A forward proxy: a process behind it reaches what a policy allows, whether it asks or not.
//
// Plain HTTP: the whole URL and its method are judged at every request, and what is forwarded is the canonical URL.  CONNECT: only host
// and port are seen, so a tunnel is judged for every path and for each of `tunnelMethods`: where a rule would look at the path, it is
// refused.  Either way the name is resolved once, every address is judged, and the connection goes to one of these.
import { Resolver } from 'node:dns/promises';
import { Agent, type IncomingMessage } from 'node:http';
import type { Gate } from 'agentcore';
import { pinned, Refused, UrlGuard, type AddressesOf, type Judged } from 'agentcore/fetch';
import { RequestError, Server, type PrepareRequestFunctionResult } from 'proxy-chain';

export interface EgressOptions {
	/** The policy that judges; its tenant is the gate's. */
	policy: string;
	host?: string;
	port?: number;
	/** Methods that a tunnel may be used with; nobody can see which one is. */
	tunnelMethods?: readonly string[];
	/** Name servers ("127.0.0.1:5353"); the system's resolver if absent. */
	dns?: readonly string[];
	/** user:password that a client has to know. */
	auth?: string;
	log?: (line: Record<string, unknown>) => void;
}

/** A path that no rule for a path can judge (doc/redirects.md, ambiguous_path): it passes only where no such rule would decide. */
const ANY_PATH = '/%2F';
/** Methods whose body is forwarded in chunks.  With another one it would follow without a length, and the server could take it for a second request. */
const CHUNKED = ['POST', 'PUT', 'PATCH'];
const TUNNEL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export class Egress {
	private readonly server: Server;
	private readonly log: (line: Record<string, unknown>) => void;
	/** No connection is used for a second request: its address was judged for the first. */
	private readonly agent = new Agent({ keepAlive: false });

	private readonly guard: UrlGuard;

	constructor(gate: Gate, private readonly options: EgressOptions) {
		this.guard = new UrlGuard(gate, options.policy, options.dns && resolvedBy(options.dns));
		this.log = options.log ?? ((line) => console.log(JSON.stringify(line)));
		this.server = new Server({
			host: options.host ?? '127.0.0.1', port: options.port ?? 0,
			prepareRequestFunction: (asked) => this.prepare(asked.request, asked.hostname, asked.port, asked.isHttp, `${asked.username}:${asked.password}`),
		});
	}

	/** The port that it listens on. */
	async listen(): Promise<number> {
		await this.server.listen();
		return this.server.port;
	}

	async close(): Promise<void> {
		await this.server.close(true);
	}

	private async prepare(request: IncomingMessage, hostname: string, port: number, isHttp: boolean, given: string): Promise<PrepareRequestFunctionResult> {
		const { auth } = this.options;
		if (auth !== undefined && auth !== given) return { requestAuthentication: true, failMsg: 'this proxy asks for a name and a password' };
		if (isHttp && request.headers['transfer-encoding'] !== undefined && !CHUNKED.includes(request.method!))
			throw new RequestError('the body of this method needs a Content-Length\n', 411);
		const asked = isHttp ? `${request.method} ${withoutSecrets(request.url!)}` : `CONNECT ${hostname}:${port}`;
		try {
			const judged = isHttp ? await this.judge(request) : await this.judgeTunnel(hostname, port);
			const addresses = await this.guard.addresses(judged);
			this.log({ allowed: true, asked, addresses });
			return { dnsLookup: pinned(addresses) as NonNullable<PrepareRequestFunctionResult['dnsLookup']>, httpAgent: this.agent };
		} catch (error) {
			const refused = error instanceof Refused;
			this.log({ allowed: false, asked, reason: refused ? error.reason : 'unavailable', detail: refused ? error.detail : String(error) });
			throw new RequestError(refused ? `the policy refuses this: ${error.message}\n` : 'the policy cannot be asked now\n', refused ? 403 : 503);
		}
	}

	/** Forwards the canonical URL, to the host that it names and no other. */
	private async judge(request: IncomingMessage): Promise<Judged> {
		const judged = await this.guard.judge(request.url!, request.method!);
		request.url = judged.url;
		const headers = request.rawHeaders;
		for (let place = headers.length - 2; place >= 0; place -= 2) if (headers[place]!.toLowerCase() === 'host') headers.splice(place, 2);
		headers.unshift('Host', new URL(judged.url).host);
		return judged;
	}

	private async judgeTunnel(hostname: string, port: number): Promise<Judged> {
		let judged: Judged | undefined;
		for (const method of this.options.tunnelMethods ?? TUNNEL_METHODS) judged = await this.guard.judge(`https://${hostname}:${port}${ANY_PATH}`, method);
		if (!judged) throw new Refused('not_in_allowlist', 'no tunnels');
		return judged;
	}
}

function resolvedBy(servers: readonly string[]): AddressesOf {
	return async (host) => {
		const resolver = new Resolver({ timeout: 5000, tries: 2 });
		resolver.setServers(servers);
		const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
		return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
	};
}

function withoutSecrets(url: string): string {
	try {
		const { origin, pathname } = new URL(url);
		return origin + pathname;
	} catch {
		return 'what is no URL';
	}
}
