#!/usr/bin/python3
"""agentcore.url_parse() against the Web Platform Tests of the URL standard.

For every case: the same scheme, host and port as the standard, or a refusal;
never another host.  What is accepted must also be canonical (parsing it again
changes nothing) and carry the standard's path and query, but for the case of
percent escapes.  Exit status 1 on any difference.

Reads conformance/url/*.json below $AGENTCORE_SHARED (default ../shared) and
connects as libpq's environment says.
"""
import collections
import json
import os
import re
import sys

import psycopg

SCHEMES = {"http:": 80, "https:": 443, "ws:": 80, "wss:": 443}
ABSOLUTE = re.compile(r"^[\x00-\x20]*(https?|wss?):", re.I)
ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")


def load(name):
    top = os.environ.get("AGENTCORE_SHARED") or os.path.join(os.path.dirname(__file__), "../../../shared")
    path = os.path.join(top, "conformance/url", name)
    if not os.path.exists(path):
        sys.exit(f"NOT RUN: {path} is absent; set AGENTCORE_SHARED")
    with open(path, encoding="utf-8") as file:
        return [case for case in json.load(file) if isinstance(case, dict)]


def upper_escapes(text):
    return ESCAPE.sub(lambda match: match.group().upper(), text)


class Parser:
    def __init__(self, connection):
        self.cursor = connection.cursor()

    def parse(self, url):
        """(ok, reason, url, scheme, host, port, path, query)"""
        try:
            url.encode("utf-8")
        except UnicodeEncodeError:
            return (False, "not a text value") + (None,) * 6
        if "\0" in url:
            return (False, "not a text value") + (None,) * 6
        self.cursor.execute("SELECT * FROM agentcore.url_parse(%s)", (url,))
        rows = self.cursor.fetchall()
        assert len(rows) == 1, rows
        return rows[0]


def check_urls(parser, problems):
    counts = collections.Counter()
    refusals = collections.Counter()
    for case in load("urltestdata.json"):
        url = case["input"]
        ok, reason, canonical, scheme, host, port, path, query = parser.parse(url)
        failure = case.get("failure", False)
        absolute = bool(ABSOLUTE.match(url))
        counts["cases"] += 1
        counts["absolute http(s)/ws(s)"] += absolute
        if not ok:
            if absolute:
                counts["both refuse" if failure else "refused here only"] += 1
                if not failure:
                    refusals[reason] += 1
            continue
        if failure:
            problems.append(f"accepted what the standard refuses: {url!r} -> {canonical}")
            continue
        counts["same host"] += 1
        if (scheme + ":", host, port) != (case["protocol"], case["hostname"].removesuffix("."),
                                          int(case["port"] or SCHEMES.get(case["protocol"], 0))):
            problems.append(f"another origin: {url!r} -> {canonical}, the standard: {case['href']}")
        wanted = upper_escapes(case["pathname"]), upper_escapes(case["search"][1:])
        if (path, query or "") != wanted:
            problems.append(f"another path or query: {url!r} -> {canonical}, the standard: {case['href']}")
        if parser.parse(canonical)[2] != canonical:
            problems.append(f"not canonical: {url!r} -> {canonical} -> {parser.parse(canonical)[:3]}")
    if counts["absolute http(s)/ws(s)"] < 250 or counts["same host"] < 70:
        problems.append("too few cases were compared: is the test data whole?")
    return counts, refusals


def check_hosts(parser, problems, name, wanted_of):
    counts = collections.Counter()
    for case in load(name):
        wanted = wanted_of(case)
        ok, _, canonical, _, host, *_ = parser.parse(f"https://{case['input']}/")
        counts["cases"] += 1
        if not ok:
            counts["both refuse" if wanted is None else "refused here only"] += 1
        elif wanted is None:
            problems.append(f"{name}: accepted what the standard refuses: {case['input']!r} -> {host}")
        elif host != wanted.removesuffix("."):
            problems.append(f"{name}: another host: {case['input']!r} -> {host}, the standard: {wanted}")
        else:
            counts["same host"] += 1
    return counts


def main():
    problems = []
    with psycopg.connect("", autocommit=True) as connection:
        parser = Parser(connection)
        counts, refusals = check_urls(parser, problems)
        hosts = {name: check_hosts(parser, problems, name, lambda case: case["output"])
                 for name in ("toascii.json", "IdnaTestV2.json")}
    for label, table in [("urltestdata.json", counts), ("  refused here only, by class", refusals), *hosts.items()]:
        print(f"{label}: " + ", ".join(f"{key} {n}" for key, n in table.items()))
    for problem in problems:
        print(f"PROBLEM: {problem}")
    compared = sum(table["cases"] for table in (counts, *hosts.values()))
    print(f"{compared - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
