// A server that does what a file says: fake.js SCRIPT LOG.  Without the SDK, because it sends what the SDK would not.
// SCRIPT: {"tools": [...], "call": "echo"|"hang"|"die"|"error"|"refuse"|"invalid"|"huge"|"twice"|"busy"|..., "notify": true}, read at each request.
// LOG: one line for each call that arrived.
import { appendFileSync, readFileSync, watchFile } from 'node:fs';
import { createInterface } from 'node:readline';

const [script, log] = process.argv.slice(2);
const TOOLS = [{ name: 'work', description: 'Works', inputSchema: { type: 'object', properties: { n: { type: 'integer' } } } }];
const now = () => JSON.parse(readFileSync(script, 'utf8') || '{}');
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const note = (line) => appendFileSync(log, `${JSON.stringify(line)}\n`);
const said = (text, more = {}) => ({ content: [{ type: 'text', text }], ...more });

const CALLS = {
	echo: (id, { arguments: args }) => send({ id, result: said(JSON.stringify(args)) }),
	hang: () => undefined,
	later: (id, _, __, words = 'at last') => {
		const timer = setInterval(() => {
			if (!now().release) return;
			clearInterval(timer);
			send({ id, result: said(words) });
		}, 20);
	},
	die: () => process.exit(3),
	error: (id) => send({ id, result: said('no such thing', { isError: true }) }),
	refuse: (id) => send({ id, error: { code: -32602, message: 'wrong arguments' } }),
	invalid: (id) => send({ id, result: { content: 'no list' } }),
	garbage: (id) => { process.stdout.write('this is no JSON\n{"jsonrpc": "2.0", "id": 5000, "result": {}}\n[1]\n'); send({ id, result: said('after garbage') }); },
	huge: (id) => send({ id, result: said('x'.repeat(3 << 20)) }),
	endless: () => { for (let n = 0; n < 64; n++) process.stdout.write('x'.repeat(1 << 20)); },
	twice: (id) => { send({ id, result: said('first') }); send({ id, result: said('second') }); },
	busy: (id, _, runs) => send({ id, result: runs < 3 ? said('503 Service Unavailable', { isError: true }) : said('at last') }),
	progress: (id, { _meta }) => {
		const progressToken = _meta?.progressToken;
		for (const progress of [0.5, 1, 2]) if (progressToken !== undefined) send({ method: 'notifications/progress', params: { progressToken, progress, total: 2, message: `step ${progress}` } });
		CALLS.later(id, 0, 0, `token ${typeof progressToken}`);
	},
	asks: (id) => { send({ id: 'mine', method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }); held = id; },
};
let held;
let runs = 0;

const METHODS = {
	initialize: (id, { protocolVersion }) => send({ id, result: { protocolVersion, capabilities: { tools: { listChanged: true }, resources: {}, prompts: {}, logging: {} }, serverInfo: { name: 'fake', version: '1' } } }),
	'tools/list': (id) => { const { tools, list } = now(); if (list !== 'hang') send({ id, result: list === 'endless' ? { tools: [], nextCursor: 'again' } : { tools: tools ?? TOOLS } }); },
	'tools/call': (id, params) => {
		const { call = 'echo' } = now();
		note({ call: params._meta?.['agentcore/call'], key: params._meta?.['agentcore/key'], tool: params.name, args: params.arguments });
		CALLS[call](id, params, ++runs);
	},
	'resources/list': (id) => send({ id, result: { resources: [{ uri: 'test://one', name: 'one' }] } }),
	'prompts/list': (id) => send({ id, result: { prompts: [] } }),
	ping: (id) => send({ id, result: {} }),
};

createInterface({ input: process.stdin }).on('line', (line) => {
	const { id, method, params, error } = JSON.parse(line);
	if (method === 'notifications/cancelled') note({ cancelled: params.requestId });
	else if (method === undefined && id === 'mine') send({ id: held, result: said(`refused ${error?.code}`) });
	else if (id !== undefined) METHODS[method] ? METHODS[method](id, params ?? {}) : send({ id, error: { code: -32601, message: 'Method not found' } });
}).on('close', () => process.exit(0));
watchFile(script, { interval: 50 }, () => { if (now().notify) send({ method: 'notifications/tools/list_changed' }); });
