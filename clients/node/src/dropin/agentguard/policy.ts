// policy() and check(): the rules of a program, kept and judged by the database.
import { URL_CHECK } from '../../statements.js';
import { clean } from '../../values.js';
import { later, now, type Asking } from '../ask.js';
import { Named } from '../named.js';

export type HostPattern = string;
export type ViolationMode = 'throw' | 'block';

export interface NetworkPolicy {
	allow?: HostPattern[] | null;
	deny?: HostPattern[] | null;
	methods?: string[] | null;
}

export interface BudgetPolicy {
	maxRequests?: number | null;
}

export interface PolicySpec {
	network?: NetworkPolicy | null;
	budget?: BudgetPolicy | null;
	violations?: ViolationMode;
}

export interface Policy {
	readonly network: { readonly allow: string[] | null; readonly deny: string[] | null; readonly methods: string[] | null } | null;
	readonly budget: { readonly maxRequests?: number } | null;
	readonly violations: ViolationMode;
	/** Of a policy that the database has under this name, whoever wrote it. */
	readonly name?: string;
}

export type Decision = { action: 'allow' } | { action: 'deny'; reason: string; detail: string };

const policies = new Named('agentguard_', 'SELECT 1 AS known FROM agentcore.policies WHERE name = :name::text',
	'SELECT action FROM agentcore.policy_import(:name::text, :definition::text::jsonb)');
const made = new WeakSet<object>();

/** The policy of a spec; of a text, the database's policy of that name. */
export function policy(spec: PolicySpec | string, { violations: mode }: { violations?: ViolationMode } = {}): Policy {
	if (typeof spec === 'string' && spec) return frozen({ network: null, budget: null, violations: violationsOf(mode), name: spec });
	if (!spec || typeof spec !== 'object') throw new TypeError('policy: an object, or the name of a policy, is wanted');
	return frozen({ network: networkOf(spec.network), budget: budgetOf(spec.budget), violations: violationsOf(spec.violations ?? mode) });
}

/** As it is where policy() made it, else made of it. */
export const policyOf = (given: Policy | PolicySpec | string): Policy => (typeof given === 'object' && given !== null && made.has(given) ? (given as Policy) : policy(given as PolicySpec));

function frozen(given: Policy): Policy {
	made.add(given);
	return Object.freeze(given);
}

function violationsOf(mode: unknown = 'throw'): ViolationMode {
	if (mode !== 'throw' && mode !== 'block') throw new TypeError(`policy: violations is 'throw' or 'block', not ${JSON.stringify(mode)}`);
	return mode;
}

function networkOf(given: NetworkPolicy | null | undefined): Policy['network'] {
	if (!given) return null;
	if (typeof given !== 'object') throw new TypeError('policy: network is an object');
	const { methods } = given;
	if (methods && !Array.isArray(methods)) throw new TypeError('policy: network.methods is an array');
	return Object.freeze({ allow: patterns(given.allow, 'allow'), deny: patterns(given.deny, 'deny'), methods: methods ? methods.map((one) => String(one).toUpperCase()) : null });
}

function patterns(given: unknown, list: string): string[] | null {
	if (!given) return null;
	if (!Array.isArray(given) || given.some((one) => typeof one !== 'string' || !one)) throw new TypeError(`policy: network.${list} is an array of host patterns`);
	return given.map((one: string) => one.toLowerCase());
}

function budgetOf(given: BudgetPolicy | null | undefined): Policy['budget'] {
	if (!given) return null;
	if (typeof given !== 'object') throw new TypeError('policy: budget is an object');
	const { maxRequests } = given;
	if (maxRequests === undefined || maxRequests === null) return Object.freeze({});
	if (typeof maxRequests !== 'number' || !(maxRequests >= 0)) throw new TypeError('policy: budget.maxRequests is a number from 0 on');
	return Object.freeze({ maxRequests });
}

/** The document of policy_import(); null for a policy that is there already. */
function documentOf({ network, name }: Policy): unknown {
	if (name !== undefined) return null;
	const { allow, deny, methods } = network ?? {};
	return { network: { allow: allow ?? ['*'], deny: deny ?? [], ...(methods?.length ? { methods } : {}) } };
}

/** The decision, and the URL to fetch, as the database reads it. */
export interface Judged {
	decision: Decision;
	url: string | null;
}

const deny = (reason: string, detail: string): Judged => ({ decision: { action: 'deny', reason, detail }, url: null });

function* judged(by: Policy, url: string, method: string): Asking<Judged> {
	if (url.includes('\0')) return deny('invalid_url', 'control_character'); // PostgreSQL holds no such text
	if (by.network?.methods?.length === 0) return deny('method_blocked', method);
	const document = documentOf(by);
	const name = by.name ?? policies.nameOf(document);
	const row = (yield* policies.ask(name, document, URL_CHECK, { policy: name, url: clean(url), method, tenant: '' }))[0]!;
	// a policy in mode audit allows what cannot be read; there is nothing to fetch then
	if (row['allowed'] && row['url'] !== null) return { decision: { action: 'allow' }, url: row['url'] };
	const detail: string = row['detail'] ?? '';
	// what is special is refused because no rule names it: among the library's words that is this one
	return deny(detail.startsWith('special_') ? 'not_in_allowlist' : row['reason'] ?? 'invalid_url', detail);
}

export const methodOf = (init: { method?: string } | undefined): string => (init?.method ?? 'GET').toUpperCase();

/** Whether the policy allows the request.  It waits for the database: nothing else of the program runs meanwhile.  See checkLater(). */
export function check(by: Policy, url: string | URL, init?: { method?: string }): Decision {
	if (!by || typeof by !== 'object') throw new TypeError('check: a policy is wanted');
	return now(judged(policyOf(by), String(url), methodOf(init))).decision;
}

/** The same, awaited. */
export async function checkLater(by: Policy, url: string | URL, init?: { method?: string }): Promise<Decision> {
	return (await judge(policyOf(by), String(url), methodOf(init))).decision;
}

export const judge = (by: Policy, url: string, method: string): Promise<Judged> => later(judged(by, url, method));
