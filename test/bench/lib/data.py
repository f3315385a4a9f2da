"""What a benchmark measured, for the report's data file and for `make bench-compare`.

A measurement is a line of JSON: the group (the table), the case, its unit, whether less
or more is better, the values of the rounds in their order, and the case of the same
group that ran beside it in each round, if there is one.
"""
import json
import os


def keep(group, name, rounds, unit="us", better="less", beside=None):
    """Says it to the one who started the benchmark; without one, to nobody."""
    path = os.environ.get("BENCH_DATA")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"group": group, "case": name, "unit": unit, "better": better, "beside": beside,
                                   "rounds": [float(f"{value:.6g}") for value in rounds]}) + "\n")


def keep_all(group, results, unit="us", better="less", beside=None):
    for name, rounds in results.items():
        keep(group, name, rounds, unit, better, beside if name != beside else None)


def read(path, bench):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [{"bench": bench, **json.loads(line)} for line in file]
