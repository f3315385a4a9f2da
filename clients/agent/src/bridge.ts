// The MCP servers for a program in another language: JSON lines in and out.
//   bridge.js WORLD FOLDER
//   {"id": 1, "do": "tools", "server": "fs"} | {"id": 2, "do": "call", "name": ..., "args": ..., "meta": {...}} | {"do": "cancel", "id": 2}
// answers {"id": 1, "value": ...} or {"id": 1, "error": "..."}; ends with its input.
import { createInterface } from 'node:readline';
import { Servers } from './servers.js';

const servers = new Servers(process.argv[2]!, process.argv[3]!);
const running = new Map<unknown, AbortController>();

async function answer(asked: any): Promise<void> {
	const controller = new AbortController();
	running.set(asked.id, controller);
	let said: unknown;
	try {
		const value = asked.do === 'tools' ? await servers.tools(asked.server) : await servers.call(asked.name, asked.args, asked.meta, controller.signal);
		said = { id: asked.id, value };
	} catch (error) {
		said = { id: asked.id, error: String(error) };
	}
	running.delete(asked.id);
	process.stdout.write(`${JSON.stringify(said)}\n`);
}

createInterface({ input: process.stdin }).on('line', (line) => {
	const asked = JSON.parse(line);
	if (asked.do === 'cancel') running.get(asked.id)?.abort(new Error('cancelled'));
	else void answer(asked);
}).on('close', async () => {
	await servers.close();
	process.exit(0);
});
process.stdout.on('error', () => undefined);
