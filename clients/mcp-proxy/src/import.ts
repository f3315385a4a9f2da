// agentcore-mcp import: registers what the upstreams define, as the role that may.
import { connected } from './database.js';
import { Catalog } from './catalog.js';
import type { Config } from './config.js';
import { Upstream } from './upstream.js';

/** Whether every definition of every upstream is in force. */
export async function importAll(config: Config, print: (line: string) => void = console.log): Promise<boolean> {
	const log = (message: string): void => console.error(`agentcore-mcp: ${message}`);
	const { gate, close } = connected(config, config.importer?.database ?? config.database, log);
	const catalog = new Catalog(config, new Map(), gate, gate, () => undefined);
	let good = true;
	for (const [name, one] of Object.entries(config.upstreams)) {
		const upstream = new Upstream(name, one, log, () => undefined);
		try {
			for (const row of await catalog.import(upstream, await upstream.list(), gate)) {
				print(`${name}  ${row.name}  ${row.action}${row.problem ? `  ${row.problem}` : ''}`);
				if (row.action === 'held' || row.action === 'refused') good = false;
			}
		} catch (error) {
			print(`${name}  ${(error as Error).message}`);
			good = false;
		} finally {
			await upstream.close();
		}
	}
	await close();
	return good;
}
