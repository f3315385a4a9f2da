#!/usr/bin/python3
"""Registers a corpus of real tools and judges real calls of them.

    AGENTCORE_SHARED=../shared test/conformance/corpus.py [-v]

Reads tools.jsonl (MCP tool definitions) and calls.jsonl of
$AGENTCORE_SHARED/corpus. Works in a tenant of its own and rolls back. The exit
status is 1 when a call is judged valid that its server refused with "Input
validation error", when args_valid and args_validate disagree, or when more than
REFUSABLE tools are refused. With -v every refusal is printed.
"""
import collections
import json
import os
import pathlib
import sys

import psycopg

REFUSABLE = 1
REFUSED_BY_SERVER = 'Input validation error'


def lines(name):
    path = pathlib.Path(os.environ.get('AGENTCORE_SHARED', '../shared')) / 'corpus' / name
    if not path.is_file():
        sys.exit(f'NOT RUN: no corpus at {path}; set AGENTCORE_SHARED')
    return [json.loads(line) for line in path.read_text().splitlines()]


def register(conn, tools):
    refused = []
    for tool in tools:
        try:
            with conn.transaction():
                conn.execute('SELECT agentcore.tool_set(%s, %s::jsonb, tenant => %s)',
                             (f'{tool["server"]}/{tool["name"]}', json.dumps(tool['inputSchema']), 'corpus'))
        except psycopg.Error as error:
            refused.append(f'{tool["server"]}/{tool["name"]}: {error.diag.message_primary} {error.diag.message_detail}')
    return refused


def judge(conn, call):
    """(valid, feedback); valid is None where there is no such tool."""
    name = f'{call["server"]}/{call["tool"]}'
    args = json.dumps(call.get('args') or {})
    try:
        with conn.transaction():
            row = conn.execute("SELECT agentcore.args_valid(%(t)s, %(a)s::jsonb, 'corpus'),"
                               " agentcore.args_validate(%(t)s, %(a)s::jsonb, 'corpus') = '[]',"
                               " agentcore.args_feedback(%(t)s, %(a)s::jsonb, 'corpus')",
                               {'t': name, 'a': args}).fetchone()
    except psycopg.errors.UndefinedObject as error:
        return None, error.diag.message_primary
    if row[0] != row[1]:
        sys.exit(f'args_valid and args_validate disagree on {name} {args}')
    return row[0], row[2]


def main():
    tools, calls = lines('tools.jsonl'), lines('calls.jsonl')
    verdicts = collections.Counter()
    missed = []
    with psycopg.connect() as conn:
        refused = register(conn, tools)
        for call in calls:
            valid, feedback = judge(conn, call)
            by_server = REFUSED_BY_SERVER in json.dumps(call.get('result'))
            verdicts[valid, by_server] += 1
            if by_server and valid:
                missed.append(call)
            if '-v' in sys.argv and not valid:
                print(f'{call["server"]}/{call["tool"]}: {feedback}\n')
        conn.rollback()
    print(f'{len(tools) - len(refused)} of {len(tools)} tools registered')
    for line in refused:
        print('  refused: ' + line)
    words = {True: 'valid', False: 'invalid', None: 'no such tool'}
    for (valid, by_server), count in sorted(verdicts.items(), key=str):
        print(f'{count:5} calls {words[valid]}{", and refused by their server" if by_server else ""}')
    for call in missed:
        print(f'  valid here, refused by its server: {call}')
    return 1 if missed or len(refused) > REFUSABLE else 0


if __name__ == '__main__':
    sys.exit(main())
