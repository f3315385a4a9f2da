// Values on their way to the gate: arguments, results, and what an exception says.

const UNFIT = /[\u0000]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const DEEPEST = 200;
const MOST = 1 << 20; // members: what refers to itself in many ways would have no end

/** The text without what PostgreSQL cannot hold: NUL and half of a surrogate pair. */
export const clean = (text: string): string => text.replace(UNFIT, '\uFFFD');

/** The thing as text, whatever its class does. */
export function words(thing: unknown): string {
	try {
		return thing instanceof Error ? `${thing.name}: ${thing.message}` : String(thing);
	} catch {
		return 'what cannot be put into words';
	}
}

/**
 * The value as JSON can say it.  What it cannot say becomes text; NaN and the infinities become null; what stands in itself becomes "...".
 * Throws where it has more members than `most`, and what a getter or method throws.
 */
export const plain = (value: unknown, most = MOST): unknown => new Plain(most).of(value, 0);

/** A value has more members than it may. */
class TooMuch extends RangeError {}

/** One value on its way; `above` has the places that the present one stands in. */
class Plain {
	private readonly above = new Set<object>();

	constructor(private left: number) {}

	of(value: unknown, depth: number): unknown {
		if (--this.left < 0) throw new TooMuch('it has too many members');
		switch (typeof value) {
			case 'string': return clean(value);
			case 'number': return Number.isFinite(value) ? value : null;
			case 'boolean': return value;
			case 'bigint': return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
			case 'undefined': return null;
			case 'object': break;
			default: return clean(String(value));
		}
		if (value === null) return null;
		if (this.above.has(value)) return '...';
		if (depth > DEEPEST) return clean(String(value)).slice(0, 1000);
		this.above.add(value);
		const members = this.members(value, depth + 1);
		this.above.delete(value);
		return members;
	}

	private members(value: object, depth: number): unknown {
		if (value instanceof Uint8Array) return ofBytes(value);
		if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return this.of((value as { toJSON(): unknown }).toJSON(), depth);
		if (value instanceof Error) return clean(`${value.name}: ${value.message}`);
		if (value instanceof Map) return this.of(Object.fromEntries([...value].map(([name, item]) => [String(name), item])), depth);
		if (Array.isArray(value) || value instanceof Set) return Array.from(value as Iterable<unknown>, (item) => this.of(item, depth));
		return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).map(([name, item]) => [clean(name), this.of(item, depth)]));
	}
}

function ofBytes(bytes: Uint8Array): string {
	try {
		return clean(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch {
		return Buffer.from(bytes).toString('base64');
	}
}

export const toJson = (value: unknown): string => JSON.stringify(plain(value));

export const ofJson = (text: string | null | undefined): any => (text === null || text === undefined ? null : JSON.parse(text));

/** Arguments as the gate reads them: a model's own string as it is, anything else as JSON that keeps what it should complain of. */
export function ofArgs(args: unknown): string | null {
	if (args === null || args === undefined) return null;
	if (typeof args !== 'string') return JSON.stringify(args, (_, item) => (typeof item === 'bigint' ? String(item) : item));
	return args.replace(UNFIT, (unfit) => `\\u${unfit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A tool's answer as text of at most `limit` bytes; null where it is larger: half of an answer is none. */
export function ofResult(value: unknown, limit: number): string | null {
	let text: string;
	try {
		text = JSON.stringify(plain(value, limit));
	} catch (error) {
		if (error instanceof TooMuch) return null;
		throw error;
	}
	return Buffer.byteLength(text) <= limit ? text : null;
}

/** What call_fail() is told of an exception. */
export interface Failure {
	status: number | null;
	error: string;
	retryAfter: string | null;
}

function statusOf(error: any): number | null {
	for (const holder of [error, error?.response])
		for (const name of ['status', 'statusCode', 'code', 'httpStatus'])
			if (Number.isInteger(holder?.[name]) && holder[name] >= 100 && holder[name] <= 599) return holder[name];
	return null;
}

function headersOf(error: any): string | null {
	const headers = error?.headers ?? error?.response?.headers;
	const pairs: [string, unknown][] = typeof headers?.entries === 'function' ? [...headers.entries()] : Object.entries(headers ?? {});
	const told = pairs.filter(([name]) => /^(retry-after|x-ratelimit|ratelimit|x-ms-retry-after)/i.test(name));
	if (error?.retryAfter !== undefined) told.unshift(['retry-after', error.retryAfter]);
	return told.length ? clean(told.map(([name, value]) => `${name}: ${words(value)}`).join('\n')) : null;
}

function bodyOf(body: object): string {
	try {
		return toJson(body);
	} catch {
		return words(body);
	}
}

/** Status, words and headers of an exception of any HTTP library; its causes too, for they name the network's part. */
export function failure(error: unknown): Failure {
	const told: string[] = [];
	for (let cause: any = error; cause !== undefined && cause !== null && told.length < 4; cause = cause.cause) {
		const said = words(cause);
		told.push(cause instanceof Error && typeof (cause as { code?: unknown }).code === 'string' ? said.replace(': ', ` ${(cause as { code?: unknown }).code}: `) : said);
	}
	const body = (error as any)?.body;
	if (typeof body === 'string' || (typeof body === 'object' && body !== null && !body.getReader)) told.splice(1, 0, typeof body === 'string' ? body : bodyOf(body));
	return { status: statusOf(error), error: clean(told.join('\n')).slice(0, 60000), retryAfter: headersOf(error) };
}
