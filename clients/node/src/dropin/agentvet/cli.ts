// The program agentvet: checks of arguments and of definitions of tools from a terminal.
import { now, type Asking } from '../ask.js';
import { emit, read, run, Usage, type Flags } from '../program.js';
import { adapters } from './adapters.js';
import { ToolArgError } from './errors.js';

const USAGE = `agentvet validate FILE|JSON|- --shape FILE|JSON [--name TOOL] [--pretty]
agentvet lint FILE|JSON|- [--pretty]
agentvet --help | --version

validate writes {"valid","value"} or {"valid","tool","error","retry_hint"}; lint writes {"valid","issues"} of a tool's definition.
Status 0: valid; 1: not; 2: asked wrongly.  The database is the one that PGHOST and its kind name.
`;

function parsed(text: string, what: string): any {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new Error(`${what}: invalid JSON: ${(error as Error).message}`);
	}
}

function validate(flags: Flags): number {
	const { name = 'tool', shape } = flags.values as Record<string, string | undefined>;
	const given = read(shape, '--shape');
	if (given === shape && !given.trimStart().startsWith('{')) throw new Usage(`--shape: neither a file nor an object: ${shape}`);
	const args = parsed(read(flags.text, 'FILE'), 'the arguments');
	const result = adapters.shape(parsed(given, '--shape'))(args);
	if (result.valid) emit({ valid: true, value: result.value, retry_hint: null }, flags);
	else emit({ valid: false, tool: name, error: result.error, retry_hint: new ToolArgError(name, result.error, args).toLLMFeedback() }, flags);
	return result.valid ? 0 : 1;
}

interface Issue {
	severity: 'error' | 'warning';
	path: string;
	message: string;
}

function* schemaHolds(schema: unknown): Asking<boolean> {
	return (yield { sql: 'SELECT agentcore.jsonschema_is_valid(:schema::text::jsonb) AS valid', parameters: { schema: JSON.stringify(schema) } })[0]!['valid'];
}

function issuesOf(tool: any): Issue[] {
	if (typeof tool !== 'object' || tool === null || Array.isArray(tool)) return [{ severity: 'error', path: '', message: 'a tool is an object' }];
	const issues: Issue[] = [];
	const say = (severity: Issue['severity'], path: string, message: string): void => void issues.push({ severity, path, message });
	if (typeof tool.name !== 'string' || !tool.name) say('error', 'name', 'a name is missing');
	else if (!/^[a-zA-Z0-9_-]{1,64}$/.test(tool.name)) say('warning', 'name', 'not every provider takes such a name: letters, digits, _ and -, at most 64');
	if (typeof tool.description !== 'string' || !tool.description) say('warning', 'description', 'a description is missing: a model chooses by it');
	const schema = tool.input_schema ?? tool.inputSchema ?? tool.parameters;
	if (schema === undefined || schema === null) say('error', 'input_schema', 'a schema is missing');
	else if (typeof schema !== 'object') say('error', 'input_schema', 'a schema is an object');
	else if (!now(schemaHolds(schema))) say('error', 'input_schema', 'it is no schema that can be used: agentcore.tool_set() says why');
	else if (schema.type !== undefined && schema.type !== 'object') say('warning', 'input_schema.type', 'the arguments of a tool are an object');
	return issues;
}

function lint(flags: Flags): number {
	const issues = issuesOf(parsed(read(flags.text, 'FILE'), 'the tool'));
	const valid = issues.every(({ severity }) => severity !== 'error');
	emit({ valid, issues }, flags);
	return valid ? 0 : 1;
}

export const main = async (argv: readonly string[] = process.argv.slice(2)): Promise<number> =>
	run('agentvet', USAGE, argv, { validate: [['shape', 'name'], validate], lint: [[], lint] });
