#!/usr/bin/env python3
"""Holds what was run against what the gate knows.

    compare.py EFFECTS [--once]      EFFECTS: one JSON object a line, {"call_id": ..., "tool": ..., "key": ...}

Each tool of a test appends a line when it does its work, with the call that permits it.  The comparison fails where
a line has no permit, or one of another tool; where a call is still open; where budget_verify() finds something; where a
committed call left no line, or, with --once, two lines are the same key's.  Prints what is wrong; the exit status is 1 then.
Python tests use Effects and compare() in their own process.
"""
import collections
import json
import sys
import threading


class Effects:
    """The log of what was done."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        open(path, "a").close()

    def add(self, call_id, tool, key=None):
        with self.lock, open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"call_id": call_id, "tool": tool, "key": key}) + "\n")

    def read(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]


def compare(connection, effects, once=True, tools=None):
    """A list of what is wrong.  effects: the lines; tools: only calls of these."""
    permits = {row[0]: row for row in connection.execute("SELECT permit::text, tool, state, key FROM agentcore.permits").fetchall()
               if tools is None or row[1] in tools}
    wrong = []
    done = collections.Counter(effect["call_id"] for effect in effects)
    for effect in effects:
        permit = permits.get(effect["call_id"])
        if permit is None:
            wrong.append(f"{effect['tool']} was done without a call: {effect['call_id']}")
        elif permit[1] != effect["tool"]:
            wrong.append(f"{effect['tool']} was done with the call of {permit[1]}")
    for call_id, tool, state, key in permits.values():
        if state in ("open", "lapsed", "retry"):
            wrong.append(f"call {call_id} of {tool} is still {state}")
        if state in ("committed", "late") and call_id not in done:
            wrong.append(f"call {call_id} of {tool} was committed and never done")
        if state == "released" and done[call_id]:
            wrong.append(f"call {call_id} of {tool} was done and given back")
    if once:
        keys = collections.Counter((effect["tool"], effect.get("key")) for effect in effects if effect.get("key"))
        wrong += [f"{tool} was done {count} times for key {key}" for (tool, key), count in keys.items() if count > 1]
    wrong += [f"budget_verify(): {row}" for row in connection.execute("SELECT * FROM agentcore.budget_verify()").fetchall()]
    return wrong


def main():
    import psycopg
    path = [argument for argument in sys.argv[1:] if not argument.startswith("--")][0]
    with psycopg.connect("", autocommit=True) as connection:
        wrong = compare(connection, Effects(path).read(), once="--once" in sys.argv)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
