#!/usr/bin/python3
"""Runs the JSON-Schema-Test-Suite against agentcore.jsonschema_validate().

    AGENTCORE_SHARED=../shared test/conformance/json_schema.py [-v] [DRAFT ...]

Reads $AGENTCORE_SHARED/conformance/json-schema/tests and connects as libpq
does (PGHOST, PGPORT, ...) to a database that has the extension. Prints passed
and total per draft and file. A test that fails must stand in
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


def suite_dir():
    shared = pathlib.Path(os.environ.get('AGENTCORE_SHARED', '../shared'))
    tests = shared / 'conformance' / 'json-schema' / 'tests'
    if not tests.is_dir():
        sys.exit(f'NOT RUN: no JSON-Schema-Test-Suite at {tests}; set AGENTCORE_SHARED')
    return tests


def judge(cur, case, dialect, is_format):
    """The outcome of each test of one case: True, False or the error's text."""
    outcomes = []
    for test in case['tests']:
        try:
            cur.execute('SELECT agentcore.jsonschema_validate(%s::jsonb, %s::jsonb, %s, %s)',
                        (json.dumps(case['schema']), json.dumps(test['data']), dialect, is_format))
            outcomes.append(cur.fetchone()[0])
        except psycopg.Error as error:
            outcomes.append(f'{error.sqlstate}: {error.diag.message_primary}')
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
                print(f'{name:60} {passed:5}/{total}')
    print()
    for (draft, kind), (passed, total) in totals.items():
        print(f'{draft:14} {kind:10} {passed:5}/{total:<5} {100 * passed / total:6.2f} %')
    unused = [key for key in listed if key not in used and key.split('/')[0] in drafts]
    print(f'{len(surprises)} unexpected failures, {len(unused)} listed failures that no longer happen')
    for line in surprises if verbose else surprises[:20]:
        print('  ' + line)
    for key in unused:
        print('  listed but passes: ' + key)
    return 1 if surprises or unused else 0


if __name__ == '__main__':
    sys.exit(main())
