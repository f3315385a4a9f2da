// What a program gets to see when the gate itself fails.  A refusal is no error: it is a Result.

/** The gate refused to answer: the call was asked wrongly, or the role may not ask. */
export class GateError extends Error {
	constructor(message: string, readonly sqlstate?: string) {
		super(sqlstate ? `${message} (${sqlstate})` : message);
		this.name = new.target.name;
	}
}

/** The database is away, so nothing was run (fail closed). */
export class GateUnavailable extends GateError {}

/** Of a driver: the database is away.  sent: the statement may have been executed. */
export class Away extends Error {
	constructor(message: string, readonly sent: boolean) {
		super(message);
		this.name = 'Away';
	}
}

// SQLSTATEs of a server that is going, coming, full or not the primary, by class or in full.
const AWAY = ['08', '53', '58', '57P', '25006'];
// Nothing was changed, and the same statement may work now.
const AGAIN = ['55P03', '40001', '40P01', '57014'];

export function mayAgain(error: unknown): boolean {
	return error instanceof Away || (error instanceof GateError && error.sqlstate !== undefined && AGAIN.includes(error.sqlstate));
}

/** A driver's error as one of the two. */
export function translated(error: unknown, sent: boolean): Error {
	const { code, message, severity } = (error ?? {}) as { code?: unknown; message?: string; severity?: unknown };
	if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined) {
		const text = message ?? 'no message';
		return AWAY.some((start) => code.startsWith(start)) ? new Away(`${text} (${code})`, sent) : new GateError(text, code);
	}
	return new Away(message || String(code ?? error), sent);
}
