"""How much is measured: ROUNDS and SECONDS_EACH of the environment.

QUICK=1: one short round of everything.  TINY=1: a handful of requests of each kind, to
see that a benchmark runs; its numbers mean nothing.
"""
import os


def said(name):
    return os.environ.get(name, "") not in ("", "0")


TINY = said("TINY")
QUICK = said("QUICK") or TINY
ROUNDS = int(os.environ.get("ROUNDS") or (1 if QUICK else 3))
SECONDS = float(os.environ.get("SECONDS_EACH") or (0.05 if TINY else 1 if QUICK else 2))
