// Waiting for people: one connection for all calls of a gate that wait for a decision.
// What is heard only shortens a pause.  A decision that is not heard, because the connection is away or agentcore.approval_notify is off,
// is found at the next look.
import type { Driver } from './drivers.js';

const CHANNEL = 'agentcore_approval';

export class Approvals {
	private readonly waiting = new Map<string, Set<() => void>>();
	private listening: Promise<() => Promise<void>> | undefined;

	constructor(private readonly driver: Driver | undefined, private readonly log: (level: 'warning', message: string) => void) {}

	/** Until a person decides, so many milliseconds at most.  Rejects where the caller gives up. */
	async wait(approval: string, milliseconds: number, signal?: AbortSignal): Promise<void> {
		this.listen();
		await new Promise<void>((resolve, reject) => {
			const ring = (): void => done(resolve);
			const giveUp = (): void => done(() => reject(signal!.reason));
			const timer = setTimeout(ring, milliseconds);
			const rings = this.waiting.get(approval) ?? new Set();
			this.waiting.set(approval, rings.add(ring));
			signal?.addEventListener('abort', giveUp, { once: true });
			const done = (then: () => void): void => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', giveUp);
				rings.delete(ring);
				if (rings.size === 0) this.waiting.delete(approval);
				then();
			};
			if (signal?.aborted) giveUp();
		});
	}

	private listen(): void {
		if (this.listening || !this.driver?.listen) return;
		this.listening = this.driver.listen(CHANNEL, (payload) => this.heard(payload));
		this.listening.catch((error) => {
			this.listening = undefined;
			this.log('warning', `no connection to hear decisions by: ${error}`);
		});
	}

	private heard(payload: string): void {
		try {
			const { approval, state } = JSON.parse(payload);
			if (state !== 'pending') for (const ring of [...(this.waiting.get(approval) ?? [])]) ring();
		} catch (error) {
			this.log('warning', `a notification that cannot be read: ${error}`);
		}
	}

	async close(): Promise<void> {
		const listening = this.listening;
		this.listening = undefined;
		if (listening) await listening.then((stop) => stop(), () => undefined);
	}
}
