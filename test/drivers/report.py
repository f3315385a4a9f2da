"""What the programs in Python share.  A finding is a word of the table in doc/clients.md; a check that fails has its error as its finding."""
import os
import re
import sys

HOST = os.environ["PGHOST"]
PASSWORD = os.environ["PGPASSWORD"]
PORTS = {"direct": int(os.environ["PGPORT"]), "pooled": int(os.environ["POOL_PORT"]), "bare": int(os.environ["BARE_PORT"])}

CHECKS = """cast usd_float usd_exact key_uuid args_object args_string args_text result_text result_list lease_duration lease_seconds nulls
            read_jsonb read_interval read_numeric read_bigint read_wait read_uuid
            autocommit batch warning guard guard_batch guard_plain parallel shared_connection
            prepared session_set listen startup""".split()

ARGS = {"n": 1, "s": "é"}
ARGS_JSON = '{"n": 1, "s": "é"}'
EXACT = "123456789.123456789"
BIG = 9007199254740993


def where(mode, pool=""):
    """Port and database.  Each pool of pgbouncer is a name of its own for the database: what one check leaves in it harms no other."""
    driver = re.sub(r".*check_|\.py", "", sys.argv[0])
    return PORTS[mode], os.environ["PGDATABASE"] if mode == "direct" else driver + pool


def report(mode, check, finding):
    """One line: MODE, CHECK, FINDING."""
    if isinstance(finding, BaseException):
        finding = f"{type(finding).__name__}: {str(finding).splitlines()[0] if str(finding) else ''}"
    print(mode, check, finding, sep="\t", flush=True)


def run(checks):
    """checks(mode): an object with a method per check."""
    for mode in ("direct", "pooled"):
        held = checks(mode)
        for check in CHECKS:
            try:
                finding = getattr(held, check)()
            except Exception as error:
                finding = error
            report(mode, check, finding)
