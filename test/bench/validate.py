#!/usr/bin/python3
"""Microseconds a row of validation inside the server, scan included.

    AGENTCORE_SHARED=../shared test/bench/validate.py [ROUNDS]

Makes 10,000 instances a table with $AGENTCORE_SHARED/bench/validate/gen.py, runs
count(*) FILTER (WHERE f(d)) over each, all expressions in turn, and prints the
minimum and the median of ROUNDS (15) as a Markdown table. One connection, no JIT,
no parallel workers. Everything is rolled back.
"""
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import psycopg

ROWS = 10000
TABLES = {'s1': ('i1.jsonl', 's1'), 's2': ('i2.jsonl', 's2'), 's2bad': ('i2bad.jsonl', 's2')}
EXPRESSIONS = {
    'scan only': 'd IS NOT NULL',
    'jsonschema_validate': "agentcore.jsonschema_validate('{schema}'::jsonb, d)",
    'args_valid': "agentcore.args_valid('{name}', d, 'bench')",
    'args_validate (errors)': "agentcore.args_validate('{name}', d, 'bench') = '[]'",
    'args_feedback': "agentcore.args_feedback('{name}', d, 'bench') = ''",
}


def load(conn, source, directory):
    subprocess.run([sys.executable, source / 'gen.py'], cwd=directory, check=True)
    for table, (file, name) in TABLES.items():
        conn.execute(f'CREATE TEMP TABLE {table} (d jsonb)')
        with conn.cursor().copy(f'COPY {table} (d) FROM STDIN') as copy:
            for line in (pathlib.Path(directory) / file).read_text().splitlines():
                copy.write_row((line,))
        conn.execute('SELECT agentcore.tool_set(%s, %s::jsonb, tenant => %s)',
                     (name, (source / f'{name}.json').read_text(), 'bench'))
        conn.execute(f'ANALYZE {table}')


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    source = pathlib.Path(os.environ.get('AGENTCORE_SHARED', '../shared')).resolve() / 'bench' / 'validate'
    if not source.is_dir():
        sys.exit(f'NOT RUN: nothing at {source}; set AGENTCORE_SHARED')
    with psycopg.connect() as conn, tempfile.TemporaryDirectory() as directory:
        conn.execute('SET jit = off')
        conn.execute('SET max_parallel_workers_per_gather = 0')
        load(conn, source, directory)
        queries = {}
        for table, (_, name) in TABLES.items():
            schema = (source / f'{name}.json').read_text().replace("'", "''")
            for label, expression in EXPRESSIONS.items():
                filled = expression.replace('{schema}', schema).replace('{name}', name)
                queries[table, label] = f'SELECT count(*) FILTER (WHERE {filled}) FROM {table}'
        times = {key: [] for key in queries}
        for _ in range(rounds):
            for key, query in queries.items():
                start = time.perf_counter()
                conn.execute(query)
                times[key].append((time.perf_counter() - start) / ROWS * 1e6)
        version = conn.execute('SHOW server_version').fetchone()[0]
        conn.rollback()
    print(f'PostgreSQL {version}, {platform.machine()}, {os.cpu_count()} CPUs, {time.strftime("%Y-%m-%d")}; us a row, min (median)\n')
    print('| | ' + ' | '.join(TABLES) + ' |\n|---|' + '---|' * len(TABLES))
    for label in EXPRESSIONS:
        cells = [f'{min(times[t, label]):.3f} ({statistics.median(times[t, label]):.3f})' for t in TABLES]
        print(f'| {label} | ' + ' | '.join(cells) + ' |')
    return 0


if __name__ == '__main__':
    sys.exit(main())
