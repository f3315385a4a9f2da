#!/usr/bin/env python3
"""canonical_json() against the test data of RFC 8785: N.input.json must give N.output.json.

Reads $AGENTCORE_SHARED/conformance/jcs; connects as libpq's environment says.
"""
import glob
import os
import sys

import psycopg

SUITE = os.path.join(os.environ.get("AGENTCORE_SHARED", "../shared"), "conformance", "jcs")


def main():
    inputs = sorted(glob.glob(os.path.join(SUITE, "*.input.json")))
    if not inputs:
        sys.exit(f"RFC 8785 TEST DATA ABSENT: {SUITE}")
    passed = failed = 0
    with psycopg.connect(autocommit=True) as connection:
        for path in inputs:
            with open(path, encoding="utf-8") as file:
                document = file.read()
            with open(path.replace(".input.", ".output."), encoding="utf-8") as file:
                wanted = file.read().rstrip("\n")
            got = connection.execute("SELECT agentcore.canonical_json(%s::jsonb)", [document]).fetchone()[0]
            if got == wanted:
                passed += 1
            else:
                failed += 1
                print(f"{os.path.basename(path)}\n  got    {got!r}\n  wanted {wanted!r}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
