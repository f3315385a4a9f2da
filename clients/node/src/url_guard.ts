// Asks whether a URL, and the addresses that its host has, may be connected to (doc/redirects.md).
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Gate } from './gate.js';
import { IP_CHECK, URL_CHECK } from './statements.js';

/** The policy said no, or the answer was not one to follow; the message may be shown to the model. */
export class Refused extends Error {
	constructor(readonly reason: string, readonly detail: string) {
		super(`${reason} (${detail})`);
		this.name = 'Refused';
	}
}

/** url is canonical: what is fetched is this, never what came in. */
export interface Judged {
	url: string;
	host: string;
	port: number;
}

/** Every address of a name. */
export type AddressesOf = (host: string) => Promise<string[]>;

const bySystem: AddressesOf = async (host) => (await systemLookup(host, { all: true, verbatim: true })).map(({ address }) => address);

export class UrlGuard {
	constructor(private readonly gate: Gate, private readonly policy: string, private readonly addressesOf: AddressesOf = bySystem) {}

	/** Rejects with Refused. */
	async judge(url: string, method: string): Promise<Judged> {
		if (url.includes('\0')) throw new Refused('invalid_url', 'control_character'); // the database would not take it
		const row = (await this.gate.ask(URL_CHECK, { policy: this.policy, url, method }))[0]!;
		// a policy in mode audit or off allows what cannot be parsed; there is nothing to fetch then
		if (!row['allowed'] || row['url'] === null) throw new Refused(row['reason'] ?? 'invalid_url', row['detail'] ?? 'not a URL');
		return { url: row['url'], host: row['host'], port: row['port'] };
	}

	/** The addresses of the host, resolved once and all of them allowed.  Rejects with Refused. */
	async addresses({ host, port }: Judged): Promise<string[]> {
		const bare = host.replace(/^\[|\]$/g, '');
		const found = isIP(bare) ? [bare] : await this.addressesOf(bare).catch(() => { throw new Refused('not_in_allowlist', `${bare} cannot be resolved`); });
		// an address with a zone ("fe80::1%eth0") is none that PostgreSQL knows
		if (found.some((address) => !isIP(address) || address.includes('%'))) throw new Refused('denylist_match', 'a link-local address');
		const row = (await this.gate.ask(IP_CHECK, { policy: this.policy, ips: `{${found.join(',')}}`, port: String(port) }))[0]!;
		if (!row['allowed']) throw new Refused(row['reason'], row['detail']);
		return found;
	}
}

/** A lookup that has no answer but these addresses, whatever the name resolves to by now. */
export function pinned(addresses: readonly string[]): LookupFunction {
	const all = addresses.map((address) => ({ address, family: isIP(address) }));
	return (_host, wanted, answer) => {
		if (wanted.all) answer(null, all);
		else answer(null, all[0]!.address, all[0]!.family);
	};
}
