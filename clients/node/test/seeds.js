// Runs the libraries' own, unmodified test files against the drop-ins: seeds.js DIR BUILT
//
// DIR holds one folder per library, each with its test/*.test.js (node:test).  A folder is made in BUILT in which the
// library's src/ leads to the drop-in, and its tests are copied beside it, so that they import what they always did.
// Prints what passed per library; a test that is expected to differ is named in EXPECTED with the reason that
// doc/migration.md gives, and anything else that fails, or passes against expectation, is red.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// folder: { file of its src/: file of the drop-in }
const LIBRARIES = {
	agentguard: ['index', 'policy', 'firewall', 'violations', 'cli'],
	agentvet: ['index', 'vet', 'adapters', 'errors', 'cli'],
};
const FOLDERS = ['test', 'examples'];
const EXPECTED = {};

const [from, built] = process.argv.slice(2).map((path) => resolve(path));
let good = 0;
let bad = 0;

/** The library's folder, with the drop-in in the place of its source. */
function bound(library) {
	const folder = join(built, 'seeds', library);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(join(folder, 'src'), { recursive: true });
	writeFileSync(join(folder, 'package.json'), '{"type": "module"}\n');
	for (const file of LIBRARIES[library])
		writeFileSync(join(folder, 'src', `${file}.js`), `export * from '${pathToFileURL(join(built, 'dist', 'dropin', library, `${file}.js`))}';\n`);
	const tests = [];
	for (const kind of FOLDERS.filter((kind) => existsSync(join(from, library, kind)))) {
		mkdirSync(join(folder, kind));
		for (const file of readdirSync(join(from, library, kind)).filter((name) => name.endsWith('.test.js'))) {
			cpSync(join(from, library, kind, file), join(folder, kind, file));
			tests.push(join(kind, file));
		}
	}
	return [folder, tests];
}

/** [passed, failed] by the names of the tests; failed has the report of each file that had one. */
function outcomes(folder, tests) {
	const passed = [];
	const failed = {};
	for (const file of tests) {
		const { NODE_TEST_CONTEXT, ...env } = process.env;
		const { stdout, status } = spawnSync(process.execPath, ['--test-reporter=tap', file], { cwd: folder, env, encoding: 'utf8', timeout: 300_000 });
		const before = Object.keys(failed).length;
		for (const [, not, name] of stdout.matchAll(/^(not )?ok \d+ - (.*)$/gm)) {
			if (not) failed[`${file}: ${name}`] = stdout;
			else passed.push(`${file}: ${name}`);
		}
		if (status !== 0 && Object.keys(failed).length === before) failed[`${file}: the file itself`] = stdout;
	}
	return [passed, failed];
}

for (const library of Object.keys(LIBRARIES)) {
	if (!existsSync(join(from, library, 'test'))) {
		console.log(`*** ${library}: ${join(from, library, 'test')} is absent, so its own tests were not run`);
		continue;
	}
	const [passed, failed] = outcomes(...bound(library));
	const expected = EXPECTED[library] ?? {};
	const differ = Object.keys(failed).filter((name) => name in expected);
	const wrong = Object.keys(failed).filter((name) => !(name in expected));
	const late = passed.filter((name) => name in expected);
	const own = passed.filter((name) => name.startsWith('test/')).length;
	const all = own + Object.keys(failed).filter((name) => name.startsWith('test/')).length;
	console.log(`${library}: ${own} of ${all} of its own tests pass, and ${passed.length - own} of its examples'`);
	for (const name of differ) console.log(`  differs: ${name}: ${expected[name]}`);
	for (const name of wrong) console.log(`  FAILED ${name}\n${failed[name]}`);
	for (const name of late) console.log(`  FAILED ${name}: it passes, so EXPECTED is out of date`);
	if (!passed.length) console.log(`  FAILED ${library}: not one test ran`);
	good += passed.length + differ.length - late.length;
	bad += wrong.length + late.length + (passed.length ? 0 : 1);
}
console.log(`${good} passed, ${bad} failed`);
process.exitCode = bad ? 1 : 0;
