// Progress of one call: of its waits, and of its server.  The numbers grow from the first to the last, as the protocol wants it.
import type { Progress as Sent } from '@modelcontextprotocol/sdk/types.js';

type Send = (notification: { method: 'notifications/progress'; params: Record<string, unknown> & { progressToken: string | number; progress: number } }) => Promise<void>;

export class Progress {
	private last = 0;
	private base = 0;

	constructor(private readonly token: string | number | undefined, private readonly send: Send) {}

	get wanted(): boolean {
		return this.token !== undefined;
	}

	/** The call waits. */
	waits(message: string): void {
		this.tell(this.last + 1, undefined, message);
	}

	/** A new attempt counts from what was told before. */
	begins(): void {
		this.base = this.last;
	}

	of({ progress, total, message }: Sent): void {
		if (this.base + progress > this.last) this.tell(this.base + progress, total === undefined ? undefined : this.base + total, message);
	}

	private tell(progress: number, total: number | undefined, message: string | undefined): void {
		if (this.token === undefined) return;
		this.last = progress;
		this.send({ method: 'notifications/progress', params: { progressToken: this.token, progress, ...(total !== undefined && { total }), ...(message !== undefined && { message }) } })
			.catch(() => undefined); // the client has gone: its call is stopped elsewhere
	}
}
