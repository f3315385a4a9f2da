#!/usr/bin/env python3
"""Inputs from the field: each file of $AGENTCORE_SHARED/cases is run by psql, and
what each of its cases prints is compared with FILE.expected beside this script.

A case begins where the output says "#### NAME what it is about", or "-- NAME ...".  FILE.expected
holds the cases that are judged, in the same shape.  There a line that begins
with "~ " is a regular expression for one line, where the answer is a random
number or a moment.  A case that FILE.expected does not hold is named, not judged.

    AGENTCORE_SHARED=../shared test/cases/field.py [--print]     --print: what came out, to write FILE.expected from

Connects as libpq's environment says; drops the database's extension and creates it anew.
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CASES = pathlib.Path(os.environ.get("AGENTCORE_SHARED", "../shared")) / "cases"

HEADING = re.compile(r"(?:####|--) (\w+) ")


def split_cases(text):
    """{name: [lines]}, the heading first; what stands before the first heading belongs to no case."""
    cases = {}
    lines = None
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            lines = cases.setdefault(heading[1], [])
        if lines is not None:
            lines.append(line.rstrip())
    for lines in cases.values():
        while lines and not lines[-1]:
            lines.pop()
    return cases


# a target that one case was told to leave alone does not stop the next one
REST = r"select target, agentcore.target_resume(target) from agentcore.stat_target \g /dev/null"

# each file has the extension to itself
FRESH = ["set client_min_messages = error;", "drop extension if exists agentcore cascade;", "create extension agentcore;", "reset client_min_messages;"]


def run(file):
    """What psql prints, without the place of an error in the script."""
    lines = FRESH.copy()
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith((r"\echo '#### ", r"\echo '-- ")):
            lines.append(REST)
        lines.append(line)
    done = subprocess.run(["psql", "-X"], input="\n".join(lines), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def matches(wanted, got):
    if wanted.startswith("~ "):
        return re.fullmatch(wanted[2:], got) is not None
    return wanted == got


def agrees(wanted, got):
    return len(wanted) == len(got) and all(map(matches, wanted, got))


def judge(file, expected):
    got = split_cases(run(file))
    wanted = split_cases(expected.read_text(encoding="utf-8"))
    failed = 0
    for name, lines in wanted.items():
        if not agrees(lines, got.get(name, [])):
            failed += 1
            print("\n".join(difflib.unified_diff(lines, got.get(name, []), f"{name} expected", f"{name} answered", lineterm="")))
    unjudged = [name for name in got if name not in wanted]
    if unjudged:
        print(f"*** {file.name}: not judged: {', '.join(unjudged)}")
    return len(wanted) - failed, failed


def main():
    if not CASES.is_dir():
        sys.exit(f"CASES FROM THE FIELD ABSENT: {CASES}")
    passed = failed = 0
    for expected in sorted(HERE.glob("*.expected")):
        file = CASES / (expected.stem + ".sql")
        if "--print" in sys.argv:
            print(run(file))
            continue
        good, bad = judge(file, expected)
        passed += good
        failed += bad
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
