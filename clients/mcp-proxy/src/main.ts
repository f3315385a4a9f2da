#!/usr/bin/env node
// agentcore-mcp import FILE | run FILE
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { read } from './config.js';
import { importAll } from './import.js';
import { Proxy } from './proxy.js';
import { serve } from './serve.js';

const USAGE = 'usage: agentcore-mcp import FILE      register the tools of the upstreams\n       agentcore-mcp run FILE         serve a client by stdio, or by HTTP where FILE says so\n';

async function run(file: string): Promise<void> {
	const config = read(file);
	const proxy = new Proxy(config);
	let closing: Promise<void> | undefined;
	let stop = async (): Promise<void> => undefined;
	const close = (): void => {
		closing ??= stop().then(() => proxy.close()).then(() => process.exit(0), (error) => {
			console.error(error);
			process.exit(1);
		});
	};
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, close);
	await proxy.start();
	if (config.http) {
		const served = await serve(proxy, config.http);
		stop = served.close;
		console.error(`agentcore-mcp: ${served.url}`);
		return;
	}
	process.stdin.on('end', close).on('close', close);
	process.stdout.on('error', close); // the client has gone
	await proxy.session().connect(new StdioServerTransport());
}

const [command, file, ...more] = process.argv.slice(2);
if (file === undefined || more.length > 0 || (command !== 'import' && command !== 'run')) {
	process.stderr.write(USAGE);
	process.exit(2);
}
try {
	if (command === 'run') await run(file);
	else process.exit(await importAll(read(file)) ? 0 : 1);
} catch (error) {
	console.error(`agentcore-mcp: ${(error as Error).message}`);
	process.exit(1);
}
