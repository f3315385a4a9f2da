#!/usr/bin/env node
// Stands before an MCP server on stdio and tells the world of its calls: tap.js WORLD NAME COMMAND [ARGUMENT ...]
// A call goes on when the world has answered; so a test can stop it before the server has it, and after the server has done it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const [world, server, command, ...rest] = process.argv.slice(2) as [string, string, string, ...string[]];
const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'ignore'] });
const calls = new Map<unknown, Record<string, unknown>>();

async function tell(stage: string, call: Record<string, unknown>): Promise<void> {
	const body = JSON.stringify({ server, pid: child.pid, tap: process.pid, stage, ...call });
	await (await fetch(`${world}/tap`, { method: 'POST', body })).text();
}

createInterface({ input: process.stdin }).on('line', async (line) => {
	const message = JSON.parse(line);
	if (message.method === 'tools/call') {
		const { name, _meta: meta = {} } = message.params;
		const call = { name, call_id: meta['agentcore/call_id'] ?? null, key: meta['agentcore/key'] ?? null };
		calls.set(message.id, call);
		await tell('request', call);
	}
	child.stdin.write(`${line}\n`);
}).on('close', () => child.kill());

createInterface({ input: child.stdout }).on('line', async (line) => {
	const { id, method } = JSON.parse(line);
	const call = method === undefined ? calls.get(id) : undefined;
	if (call) await tell('answer', call);
	process.stdout.write(`${line}\n`);
});
for (const stream of [child.stdin, process.stdout]) stream.on('error', () => undefined);
child.on('exit', () => process.exit(0));
