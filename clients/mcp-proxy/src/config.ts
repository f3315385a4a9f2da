// The configuration: a JSON document.  What is not known in it is refused, for a misspelt word must not leave something open.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const milliseconds = z.number().int().positive();
const words = z.record(z.string(), z.string());
export const PASSED = ['resources', 'prompts', 'completions', 'logging'] as const;
export type Passed = (typeof PASSED)[number];

const common = {
	/** Stands before the names of its tools. */
	prefix: z.string().default(''),
	/** What goes through beside the tools, without the gate. */
	pass: z.array(z.enum(PASSED)).default([]),
	/** Of one request, and of the list of tools. */
	timeout: milliseconds.default(300_000),
	listTimeout: milliseconds.default(20_000),
	/** Bytes of one message. */
	maxMessage: z.number().int().positive().default(10 * 1024 * 1024),
	/** Tells the server the call, and a key under which to do it once, in _meta. */
	tellCall: z.boolean().default(false),
};
const stdio = z.strictObject({ command: z.string().min(1), args: z.array(z.string()).default([]), env: words.default({}), cwd: z.string().optional(), ...common });
const http = z.strictObject({ url: z.url(), headers: words.default({}), ...common });
const database = z.union([z.string(), z.record(z.string(), z.unknown())]);

const schema = z.strictObject({
	/** A connection string or node-postgres' options; absent: libpq's environment. */
	database: database.optional(),
	/** Who may import definitions; absent: a changed tool is refused until somebody runs "import". */
	importer: z.strictObject({ database }).optional(),
	/** Votes as the person at the client answers, a role of level approver; absent: that person is not asked.  name: of the person, where the role vouches. */
	voter: z.strictObject({ database, name: z.string().optional() }).optional(),
	/** Hear of decisions over a connection that goes straight to the server. */
	listen: z.boolean().default(true),
	agent: z.string().min(1),
	tenant: z.string().default(''),
	/** "{session}" in it is the client's session. */
	task: z.string().optional(),
	subject: z.string().optional(),
	budgets: z.array(z.string()).optional(),
	upstreams: z.record(z.string().min(1), z.union([stdio, http])),
	http: z.strictObject({
		host: z.string().default('127.0.0.1'), port: z.number().int().min(0).max(65535), path: z.string().default('/mcp'),
		/** Names the environment's variable that has the bearer token; without one only a loopback host is served. */
		tokenVariable: z.string().optional(),
		allowedHosts: z.array(z.string()).default([]), allowedOrigins: z.array(z.string()).default([]),
		maxSessions: z.number().int().positive().default(100), idle: milliseconds.default(3_600_000),
	}).optional(),
	/** How often to look whether the agent may call other tools. */
	look: milliseconds.default(30_000),
	/** How long a call waits for people: where the client hears of progress or has a task, and where it does not. */
	approvalWait: milliseconds.default(3_600_000),
	plainApprovalWait: milliseconds.default(40_000),
	maxWait: milliseconds.default(30_000),
	reconnect: milliseconds.default(5_000),
	lease: milliseconds.default(60_000),
	maxResult: z.number().int().positive().default(1 << 20),
});

export type Config = z.infer<typeof schema>;
export type UpstreamConfig = Config['upstreams'][string];
export type Database = z.infer<typeof database>;

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

export function checked(document: unknown): Config {
	const { data: config, error } = schema.safeParse(document);
	if (error) throw new Error(z.prettifyError(error));
	for (const kind of PASSED) {
		const named = Object.entries(config.upstreams).filter(([, one]) => one.pass.includes(kind)).map(([name]) => name);
		if (named.length > 1) throw new Error(`${kind} can pass to one upstream only, not to ${named.join(' and ')}`);
	}
	if (config.http && !config.http.tokenVariable && !LOOPBACK.includes(config.http.host))
		throw new Error(`http: ${config.http.host} is no loopback address: name a tokenVariable`);
	return config;
}

export function read(file: string): Config {
	try {
		return checked(JSON.parse(readFileSync(file, 'utf8')));
	} catch (error) {
		throw new Error(`${file}: ${(error as Error).message}`);
	}
}
