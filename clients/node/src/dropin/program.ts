// What the programs of the drop-ins have in common.  Status 0: yes; 1: no; 2: asked wrongly.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { VERSION } from './version.js';

export class Usage extends Error {}

export interface Flags {
	text: string | undefined;
	values: Record<string, string | boolean | undefined>;
}

/** A program in a terminal has nothing else to do: its commands wait for the database. */
export type Command = (flags: Flags) => number;

/** A line of JSON; several with pretty. */
export function emit(value: unknown, { values }: Flags): void {
	process.stdout.write(`${JSON.stringify(value, null, values['pretty'] ? 2 : undefined)}\n`);
}

/** What stands in the file, or in the argument itself; - is standard input. */
export function read(argument: string | undefined, what: string): string {
	if (argument === undefined) throw new Usage(`${what} is missing`);
	if (argument === '-') return readFileSync(0, 'utf8');
	return existsSync(argument) ? readFileSync(argument, 'utf8') : argument;
}

export function run(name: string, usage: string, argv: readonly string[], commands: Record<string, [flags: readonly string[], command: Command]>): number {
	const [word, ...rest] = argv;
	const said = `${name} v${VERSION}\n\n${usage}`;
	try {
		if (word === undefined || word === '--help' || word === '-h') return told(said);
		if (word === '--version' || word === '-v') return told(`${VERSION}\n`);
		if (!Object.hasOwn(commands, word)) throw new Usage(`unknown subcommand '${word}'\n\n${said}`);
		const [names, command] = commands[word]!;
		return command(flags(names, rest));
	} catch (error) {
		process.stderr.write(`${name}: ${(error as Error).message}\n`);
		return error instanceof Usage ? 2 : 1;
	}
}

function told(text: string): number {
	process.stdout.write(text);
	return 0;
}

function flags(names: readonly string[], args: string[]): Flags {
	const options = Object.fromEntries([...names.map((name) => [name, { type: 'string' as const }]), ['pretty', { type: 'boolean' as const }]]);
	try {
		const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
		return { text: positionals[0], values: values as Flags['values'] };
	} catch (error) {
		throw new Usage((error as Error).message);
	}
}
