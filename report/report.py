#!/usr/bin/env python3
"""A report of what the gate did: lines for the terminal, and one HTML file that needs nothing else.

    report.py [--dsn DSN] [--hours 24] [--out report.html] [--quiet]

Connects by DSN, or as libpq's environment says (PGHOST, ...), and reads only: the role needs the level reader of agentcore.  --hours: how
far back the log and the ledger are read; without it, all of them.  --quiet: nothing on the terminal.  What
was not logged (agentcore.audit) or not measured (agentcore.track_timing) is said, not guessed.
"""
import argparse
import os
import signal
import sys

import psycopg

import facts
import page
import terminal


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", default="")
    parser.add_argument("--hours", type=float)
    parser.add_argument("--out")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    try:
        with psycopg.connect(options.dsn, autocommit=True) as connection:
            connection.execute("SET client_min_messages = error")
            found = facts.read(connection, options.hours)
    except psycopg.Error as error:
        sys.exit(f"report: {error}")
    if not options.quiet:
        terminal.write(found, colours=False if os.environ.get("NO_COLOR") else None)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            file.write(page.write(found))
    return 0


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
