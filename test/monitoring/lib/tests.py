"""Counts tests: ok() tells what holds, loud() what could not be tested, done() ends."""
import os
import sys

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
passed, failed = [], []


def ok(holds, name, *facts):
    (passed if holds else failed).append(name)
    print(("ok      " if holds else "FAILED  ") + name)
    if not holds:
        for fact in facts:
            print("        " + str(fact)[:2000])
    return holds


def loud(what):
    print(f"*** {what}")


def done():
    print(f"{len(passed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)
