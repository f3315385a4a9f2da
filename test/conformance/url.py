#!/usr/bin/python3
"""agentcore.url_parse() against the Web Platform Tests of the URL standard.

For every case: the same scheme, host and port as the standard, or a refusal;
never another host.  What is accepted must also be canonical (parsing it again
changes nothing) and carry the standard's path and query, but for the case of
percent escapes.  What is refused here and not by the standard must be explained
by REVIEWED.  Exit status 1 on any difference.

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

# Letters that versions of Unicode map differently, 15 not at all: Georgian capitals,
# turned F, roman hundred, palochka, Mongolian vowel separator, fillers, musical
# controls, ideographs; and sharp S, which is refused in every version.
UNSETTLED = re.compile("[\u1e9e\u10a0-\u10c5\u2132\u2183\u04c0\u180e\u115f\u1160\u3164\uffa0\u17b4\u17b5\U0001d173-\U0001d17a"
                       "\U0002f868\U0002f874\U0002f91f\U0002f95f\U0002f9bf\U000323b0-\U0003347f]")


def labels(host):
    return host.removesuffix(".").split(".")


# Refused, though the standard takes it: class, reason, and which (by what was given and
# the standard's host).
REVIEWED = [
    ("not a text value", "a NUL, or half of a surrogate pair: no text of PostgreSQL holds it", lambda given, host: re.search("[\0\ud800-\udfff]", given)),
    ("control_character", "the standard strips or escapes it, libcurl refuses it, others keep it", lambda given, host: re.search("[\x01-\x1f\x7f]", given)),
    ("whitespace", "the standard strips or escapes it, libcurl refuses it, others keep it", lambda given, host: " " in given),
    ("backslash", "a slash to the standard, part of userinfo or path to RFC 3986", lambda given, host: "\\" in given),
    ("missing_slashes", "a host to the standard, a path to RFC 3986", lambda given, host: not re.match(r"\w+://[^/]", given)),
    ("userinfo", "readers split at the first @ or the last; and secrets do not belong in a URL", lambda given, host: re.match(r"\w+:/*[^/?#]*@", given)),
    ("port", "nothing listens on port 0, and some take it for none", lambda given, host: re.match(r"\w+://[^/]*:0+(/|$)", given)),
    ("percent_encoding", "an escape that is none: servers refuse it or guess", lambda given, host: re.search("%(?![0-9a-fA-F]{2})", given)),
    ("noncanonical_ipv4", "an address to the standard and C libraries, a name to others", lambda given, host: re.fullmatch("[0-9.]+", host) and host not in given),
    ("percent_in_host", "the standard decodes it, others take it as it is or refuse it", lambda given, host: re.match(r"\w+://[^/?#]*%", given)),
    ("host_character", "not a name of DNS: other than letters, digits, hyphen, underscore", lambda given, host: re.search("[^a-zA-Z0-9._-]", host)),
    ("empty_host", "a dot, or nothing: not a host", lambda given, host: host in ("", ".")),
    ("label_length", "not a name of DNS: a label is empty or longer than 63", lambda given, host: not all(1 <= len(label) <= 63 for label in labels(host))),
    ("host_length", "not a name of DNS: longer than 253", lambda given, host: len(host.removesuffix(".")) > 253),
    ("idn", "not a name of DNS: longer than 253", lambda given, host: len(host.removesuffix(".")) > 253),
    ("idn", "xn-- that IDNA refuses; the standard took to accepting it in 2026, other readers did not", lambda given, host: given.isascii() and "xn--" in given.lower()),
    ("idn", "letters that versions of Unicode map differently", lambda given, host: UNSETTLED.search(given)),
]


class Refusals:
    """What was refused here only, by reason."""
    def __init__(self, name, problems):
        self.name, self.problems, self.counts = name, problems, collections.Counter()

    def add(self, given, why, host):
        for word, reason, applies in REVIEWED:
            if word == why and applies(given, host):
                self.counts[f"{word}: {reason}"] += 1
                return
        self.problems.append(f"{self.name}: refused for {why}, which no reviewed reason explains: {given!r}")


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
    refusals = Refusals("urltestdata.json", problems)
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
                    refusals.add(url, reason, case["hostname"])
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
    return counts, refusals.counts


def check_hosts(parser, problems, name, wanted_of):
    counts = collections.Counter()
    refusals = Refusals(name, problems)
    for case in load(name):
        wanted = wanted_of(case)
        ok, reason, canonical, _, host, *_ = parser.parse(f"https://{case['input']}/")
        counts["cases"] += 1
        if not ok:
            counts["both refuse" if wanted is None else "refused here only"] += 1
            if wanted is not None:
                refusals.add(f"https://{case['input']}/", reason, wanted)
        elif wanted is None:
            problems.append(f"{name}: accepted what the standard refuses: {case['input']!r} -> {host}")
        elif host != wanted.removesuffix("."):
            problems.append(f"{name}: another host: {case['input']!r} -> {host}, the standard: {wanted}")
        else:
            counts["same host"] += 1
    return counts, refusals.counts


def main():
    problems = []
    with psycopg.connect("", autocommit=True) as connection:
        parser = Parser(connection)
        results = {"urltestdata.json": check_urls(parser, problems)}
        for name in ("toascii.json", "IdnaTestV2.json"):
            results[name] = check_hosts(parser, problems, name, lambda case: case["output"])
    for name, (counts, refusals) in results.items():
        print(f"{name}: " + ", ".join(f"{key} {n}" for key, n in counts.items()))
        for reason, n in refusals.most_common():
            print(f"  {n:4} {reason}")
    for problem in problems:
        print(f"PROBLEM: {problem}")
    compared = sum(counts["cases"] for counts, _ in results.values())
    print(f"{compared - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
