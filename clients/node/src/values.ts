// Values on their way to the gate: arguments, results, and what an exception says.

const UNFIT = /[\u0000]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const DEEPEST = 200;

/** The text without what PostgreSQL cannot hold: NUL and half of a surrogate pair. */
export const clean = (text: string): string => text.replace(UNFIT, '\uFFFD');

/** The value as JSON can say it.  What it cannot say becomes text; NaN and the infinities become null. */
export function plain(value: unknown, depth = 0): unknown {
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
	if (depth > DEEPEST) return clean(String(value)).slice(0, 1000);
	if (value instanceof Uint8Array) return ofBytes(value);
	if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return plain((value as { toJSON(): unknown }).toJSON(), depth + 1);
	if (value instanceof Error) return clean(`${value.name}: ${value.message}`);
	if (value instanceof Map) return plain(Object.fromEntries([...value].map(([name, item]) => [String(name), item])), depth + 1);
	if (Array.isArray(value) || value instanceof Set) return Array.from(value as Iterable<unknown>, (item) => plain(item, depth + 1));
	return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).map(([name, item]) => [clean(name), plain(item, depth + 1)]));
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
	const text = toJson(value);
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
	return told.length ? clean(told.map(([name, value]) => `${name}: ${value}`).join('\n')) : null;
}

/** Status, words and headers of an exception of any HTTP library; its causes too, for they name the network's part. */
export function failure(error: unknown): Failure {
	const words: string[] = [];
	for (let cause: any = error; cause !== undefined && cause !== null && words.length < 4; cause = cause.cause) {
		const code = typeof cause.code === 'string' ? ` ${cause.code}` : '';
		words.push(cause instanceof Error ? `${cause.name}${code}: ${cause.message}` : String(cause));
	}
	const body = (error as any)?.body;
	if (typeof body === 'string' || (typeof body === 'object' && body !== null && !body.getReader)) words.splice(1, 0, typeof body === 'string' ? body : toJson(body));
	return { status: statusOf(error), error: clean(words.join('\n')).slice(0, 60000), retryAfter: headersOf(error) };
}
