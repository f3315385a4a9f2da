// The program agentguard: checks of URLs from a terminal.
import { emit, read, run, Usage, type Flags } from '../program.js';
import { check, policy, type Policy } from './policy.js';

const USAGE = `agentguard check URL --policy FILE [--method GET] [--pretty]
agentguard check-batch FILE|- --policy FILE [--method GET] [--pretty]
agentguard validate-policy --policy FILE [--pretty]
agentguard --help | --version

check writes {"url","method","allowed","reason","detail"}, check-batch a line of it per URL, validate-policy {"valid","issues"}.
--policy is a file or JSON.  Status 0: allowed, valid; 1: not; 2: asked wrongly.  The database is the one that PGHOST and its kind name.
`;

function policyOf({ values }: Flags): Policy {
	try {
		return policy(JSON.parse(read(values['policy'] as string | undefined, '--policy')));
	} catch (error) {
		throw error instanceof Usage ? error : new Usage(`--policy: ${(error as Error).message}`);
	}
}

function judged(by: Policy, url: string, flags: Flags): boolean {
	const method = (flags.values['method'] as string | undefined) ?? 'GET';
	const decision = check(by, url, { method });
	const allowed = decision.action === 'allow';
	emit({ url, method, allowed, reason: allowed ? null : decision.reason, detail: allowed ? null : decision.detail }, flags);
	return allowed;
}

function checkOne(flags: Flags): number {
	if (flags.text === undefined) throw new Usage('URL is missing');
	return judged(policyOf(flags), flags.text, flags) ? 0 : 1;
}

function checkBatch(flags: Flags): number {
	const by = policyOf(flags);
	const urls = read(flags.text, 'FILE').split(/\r?\n/).map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
	let all = true;
	for (const url of urls) all = judged(by, url, flags) && all;
	return all ? 0 : 1;
}

/** The database judges the patterns too, so that is asked about one URL. */
function validatePolicy(flags: Flags): number {
	const path = flags.values['policy'] as string | undefined;
	const issues: { path: string; message: string }[] = [];
	let valid = false;
	let spec: any;
	try {
		spec = JSON.parse(read(path, '--policy'));
		check(policy(spec), 'https://example.com/');
		valid = true;
	} catch (error) {
		if (error instanceof Usage) throw error;
		const { message } = error as Error;
		issues.push({ path: path!, message: error instanceof SyntaxError ? `invalid JSON: ${message}` : message });
	}
	if (spec && !spec.network?.allow && !spec.network?.deny) issues.push({ path: 'network', message: 'neither allow nor deny: every public host may be reached' });
	emit({ valid, issues }, flags);
	return valid ? 0 : 1;
}

export const main = async (argv: readonly string[] = process.argv.slice(2)): Promise<number> =>
	run('agentguard', USAGE, argv, { 'check': [['policy', 'method'], checkOne], 'check-batch': [['policy', 'method'], checkBatch], 'validate-policy': [['policy'], validatePolicy] });
