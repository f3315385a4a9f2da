#!/usr/bin/python3
"""Runs the JSON-Schema-Test-Suite against agentcore.jsonschema_validate_registered().

    AGENTCORE_SHARED=../shared test/conformance/json_schema.py [-v] [DRAFT ...]

Reads $AGENTCORE_SHARED/conformance/json-schema/{tests,remotes} and connects as
libpq does (PGHOST, PGPORT, ...) to a database that has the extension. The
remotes are registered as the documents of a tenant of their own, under the URIs
that the suite gives them; what needs none of them is judged a second time by
jsonschema_validate(), which knows the bundled metaschemas only, and must get the
same answer. Prints passed and failed per draft and file. A test that fails must stand in
json_schema.expected beside this file, with the reason; a failure that does not,
or a listed one that passes, makes the exit status 1.
"""
import json
import os
import pathlib
import sys

import psycopg

HERE = pathlib.Path(__file__).parent
DIALECTS = {'draft4': 'draft4', 'draft6': 'draft6', 'draft7': 'draft7',
            'draft2019-09': '2019-09', 'draft2020-12': '2020-12'}
TENANT = 'json-schema-suite'

# remotes in dialects that are not spoken here
ABSENT = ('draft3', 'v1')


def suite_dir():
    shared = pathlib.Path(os.environ.get('AGENTCORE_SHARED', '../shared'))
    tests = shared / 'conformance' / 'json-schema' / 'tests'
    if not tests.is_dir():
        sys.exit(f'NOT RUN: no JSON-Schema-Test-Suite at {tests}; set AGENTCORE_SHARED')
    return tests


def register_remotes(cur, remotes):
    """Every remote of the drafts at hand; those outside a draft's folder in whatever dialect refers to them."""
    cur.execute('SELECT agentcore.json_schema_drop(uri, tenant) FROM agentcore.json_schemas WHERE tenant = %s', (TENANT,))
    count = 0
    for path in sorted(remotes.rglob('*.json')):
        name = str(path.relative_to(remotes))
        draft = name.split('/')[0]
        if draft not in ABSENT:
            cur.execute('SELECT agentcore.json_schema_set(%s, %s::jsonb, %s, tenant => %s)',
                        ('http://localhost:1234/' + name, path.read_text(), 'auto', TENANT))
            count += 1
    print(f'{count} remotes registered')


def ask(cur, sql, arguments):
    """True, False or the error's text."""
    try:
        cur.execute(sql, arguments)
        return cur.fetchone()[0]
    except psycopg.Error as error:
        return f'{error.sqlstate}: {error.diag.message_primary}'


def judge(cur, case, dialect, is_format):
    """The outcome of each test of one case: True, False or the error's text."""
    outcomes = []
    for test in case['tests']:
        arguments = (json.dumps(case['schema']), json.dumps(test['data']), dialect, is_format)
        outcome = ask(cur, 'SELECT agentcore.jsonschema_validate_registered(%s::jsonb, %s::jsonb, %s, %s, %s)',
                      arguments + (TENANT,))
        if 'localhost:1234' not in arguments[0]:
            inline = ask(cur, 'SELECT agentcore.jsonschema_validate(%s::jsonb, %s::jsonb, %s, %s)', arguments)
            if inline != outcome:
                outcome = f'{outcome} with the registry, {inline} without'
        outcomes.append(outcome)
    return outcomes


def expected_failures():
    listed = {}
    path = HERE / 'json_schema.expected'
    for line in path.read_text().splitlines() if path.exists() else []:
        if line and not line.startswith('#'):
            name, reason = line.split('\t')
            listed[name] = reason
    return listed


def main():
    verbose = '-v' in sys.argv
    drafts = [arg for arg in sys.argv[1:] if not arg.startswith('-')] or list(DIALECTS)
    tests = suite_dir()
    listed = expected_failures()
    surprises = []
    used = set()
    totals = {}
    with psycopg.connect(autocommit=True) as conn, conn.cursor() as cur:
        register_remotes(cur, tests.parent / 'remotes')
        for draft in drafts:
            for path in sorted((tests / draft).rglob('*.json')):
                name = str(path.relative_to(tests))
                is_format = '/format/' in name
                kind = 'format' if is_format else 'optional' if '/optional/' in name else 'required'
                passed = total = 0
                for case in json.loads(path.read_text()):
                    for test, outcome in zip(case['tests'], judge(cur, case, DIALECTS[draft], is_format)):
                        total += 1
                        good = outcome is test['valid']
                        passed += good
                        full = f'{name}: {case["description"]}: {test["description"]}'
                        if good:
                            continue
                        if full in listed:
                            used.add(full)
                        else:
                            surprises.append(f'{full}: {outcome}')
                done = totals.setdefault((draft, kind), [0, 0])
                done[0] += passed
                done[1] += total
                print(f'{name:60} {passed:5} passed {total - passed:5} failed')
    print()
    totals['all', ''] = [sum(column) for column in zip(*totals.values())]
    for (draft, kind), (passed, total) in totals.items():
        print(f'{draft:14} {kind:10} {passed:5} passed {total - passed:5} failed {100 * passed / total:7.2f} %')
    unused = [key for key in listed if key not in used and key.split('/')[0] in drafts]
    print(f'{len(surprises)} unexpected failures, {len(unused)} listed failures that no longer happen')
    for line in surprises if verbose else surprises[:20]:
        print('  ' + line)
    for key in unused:
        print('  listed but passes: ' + key)
    return 1 if surprises or unused else 0


if __name__ == '__main__':
    sys.exit(main())
