// An agent over the Node client: one message, to the model's last word.  agent.js with CONFIG, a JSON object, in the environment.
// "cancel" on its input gives it up.  Its last line says what became of it.
import { createInterface } from 'node:readline';
import pg from 'pg';
import { Gate, type Running } from 'agentcore';
import { guardedFetch } from 'agentcore/fetch';
import { assembled, chosen, failed, lines } from './provider.js';
import { Servers } from './servers.js';

const config = JSON.parse(process.env['CONFIG']!);
const { world, provider, stream, message } = config;
const pool = new pg.Pool({ ...config.database, max: 8 });
pool.on('error', () => undefined);
const gate = new Gate(pool, { agent: config.agent, errors: 'result', log: () => undefined, ...config.rules });
const servers = new Servers(world, config.folder);
const web = guardedFetch(gate, { policy: config.agent });
const cancel = new AbortController();
createInterface({ input: process.stdin }).on('line', () => cancel.abort(new Error('cancelled')));

const named = (running: Running): Record<string, string> => ({ 'x-call-id': running.callId!, 'x-call-key': running.key });

const tools: Record<string, (args: any, running: Running) => unknown> = {
	async fetch({ url }, running) {
		return (await web(url, { headers: named(running), signal: running.signal })).text();
	},
	async pay(args, running) {
		const response = await fetch(`${world}/pay`, { method: 'POST', body: JSON.stringify(args), headers: named(running), signal: running.signal });
		return response.json();
	},
};
for (const name of config.mcp as string[]) tools[name] = (args, running) => servers.call(name, args, running, running.signal);

const path = provider === 'anthropic' ? '/v1/messages' : '/v1/chat/completions';
async function asked(request: any, running: Running): Promise<Response> {
	const response = await fetch(world + path, { method: 'POST', body: JSON.stringify(request), headers: named(running), signal: running.signal });
	if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status, headers: response.headers });
	return response;
}

async function answer(request: any, key: string): Promise<any> {
	const options = { key, signal: cancel.signal };
	if (!stream) {
		const result = await gate.model(null, 'fake', request, async (final, running) => (await asked(final, running)).json(), options);
		return result.ok ? result.value : failed(result);
	}
	const events = await gate.stream(null, 'fake', request, async (final, running) => lines(await asked(final, running)), options);
	const seen = [];
	for await (const event of events) if (seen.push(event) === 2) console.log('streaming');
	return events.result.ok ? assembled(provider, seen) : failed(events.result);
}

async function run(): Promise<any> {
	const results: any[] = [];
	const messages: any[] = [{ role: 'user', content: message.text }];
	for (let turn = 0; turn < 10; turn++) {
		const request = { model: 'fake', max_tokens: 200, stream, messages, tools: await gate.tools(null, provider === 'anthropic' ? 'anthropic' : 'openai_chat') };
		const response = await answer(request, `${message.id}/model/${turn}`);
		if (response.failed) return { final: null, failed: response.failed, results };
		const done = await gate.many(null, response, tools, { keyPrefix: `${message.id}/`, signal: cancel.signal });
		results.push(...done.map((result) => ({ id: result.id, tool: result.tool, ok: result.ok, verdict: result.verdict, reason: result.reason,
			settled: result.settled, attempts: result.attempts, content: result.content() })));
		const [said, text] = chosen(provider, response);
		if (done.length === 0) return { final: text, results };
		messages.push(said, ...done.map((result) => ({ role: 'tool', tool_call_id: result.id, content: result.content() })));
	}
	return { final: null, failed: 'it goes round and round', results };
}

let report: any;
try {
	report = await run();
} catch (error) {
	report = { final: null, failed: String(error), results: [] };
}
console.log(JSON.stringify({ ...report, counts: gate.counts }));
await servers.close();
await gate.close();
await pool.end();
process.exit(0);
