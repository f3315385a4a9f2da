// What passes beside the tools, without the gate, because it is configured to: each kind to one upstream.
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import * as types from '@modelcontextprotocol/sdk/types.js';
import { PASSED, type Passed } from './config.js';
import type { Proxy } from './proxy.js';
import type { Upstream } from './upstream.js';

const METHODS: Record<Passed, any[]> = {
	resources: [types.ListResourcesRequestSchema, types.ListResourceTemplatesRequestSchema, types.ReadResourceRequestSchema, types.SubscribeRequestSchema,
		types.UnsubscribeRequestSchema],
	prompts: [types.ListPromptsRequestSchema, types.GetPromptRequestSchema],
	completions: [types.CompleteRequestSchema],
	logging: [types.SetLevelRequestSchema],
};

const NOTIFICATIONS: Record<string, Passed> = {
	'notifications/resources/updated': 'resources', 'notifications/resources/list_changed': 'resources', 'notifications/prompts/list_changed': 'prompts',
	'notifications/message': 'logging',
};

export class Passing {
	constructor(private readonly proxy: Proxy) {}

	/** Of the server that the client sees. */
	capabilities(): Record<string, object> {
		const all: Record<Passed, object> = { resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, completions: {}, logging: {} };
		return Object.fromEntries(PASSED.filter((kind) => this.to(kind)).map((kind) => [kind, all[kind]]));
	}

	install(server: Server): void {
		for (const kind of PASSED) {
			const upstream = this.to(kind);
			if (!upstream) continue;
			for (const schema of METHODS[kind])
				server.setRequestHandler(schema, async ({ method, params }: any, extra: any) => {
					const { _meta, ...rest } = params ?? {};
					return upstream.request(method, rest, extra.signal);
				});
		}
	}

	private to(kind: Passed): Upstream | undefined {
		return [...this.proxy.upstreams.values()].find(({ config }) => config.pass.includes(kind));
	}
}

/** Whether an upstream's notification goes on to the clients. */
export const passes = (upstream: Upstream, method: string): boolean => {
	const kind = NOTIFICATIONS[method];
	return kind !== undefined && upstream.config.pass.includes(kind);
};
