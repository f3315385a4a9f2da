#!/usr/bin/python3
"""agentcore.url_parse() against other readers of URLs, over random hostile URLs.

    test/model/url.py [CASES [SEED]]    default: 30000 cases, the seed of lib/seed.py

Whatever is accepted: node's URL, python's urllib.parse and libcurl read the canonical
URL as the same scheme, host, port, path and query that url_parse() names; it is its
own canonical form; nothing stands in it that makes readers disagree; url_check() of a
policy that allows everything hands back the same URL and host or none.  And node, the
one that follows the same standard, reads the same in what was given: a canonical form
is not another URL.  A reader that is absent is said loudly.
"""
import collections
import ipaddress
import pathlib
import re
import sys

import psycopg

from lib import seed as seed_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
from urls import Curl, Generator, Node, Python  # noqa: E402

BATCH = 10000
# fewer cases are no sample: they may all be refused for a few reasons
ENOUGH = 1000
PLAIN = re.compile(r"(?:https?|wss?)://[a-z0-9._\-\[\]:]+/[!-\[\]-~]*")
ESCAPE = re.compile("%[0-9a-fA-F]{2}")
PARSE = """
SELECT p.ok, p.reason, p.url, p.scheme, p.host, p.port, p.path, p.query, again.url = p.url, c.allowed, c.url, c.host
  FROM unnest(%s::text[]) WITH ORDINALITY AS u (url, n)
 CROSS JOIN LATERAL agentcore.url_parse(u.url) AS p
  LEFT JOIN LATERAL agentcore.url_parse(p.url) AS again ON p.ok
 CROSS JOIN LATERAL agentcore.url_check('everything', u.url) AS c
 ORDER BY u.n"""


def upper_escapes(text):
    return ESCAPE.sub(lambda escape: escape.group().upper(), text)


def without_dots(path):
    """node 20 leaves dot segments that stand behind a segment like "..;" """
    kept = []
    segments = path.split("/")[1:]
    for n, segment in enumerate(segments, 1):
        if segment == ".." and kept:
            kept.pop()
        if segment not in (".", ".."):
            kept.append(segment)
        elif n == len(segments):
            kept.append("")
    return "/" + "/".join(kept)


def address(host):
    """IPv6 has many spellings; every other host has one."""
    return ipaddress.IPv6Address(host) if ":" in host else host


class Fuzz:
    def __init__(self, seed):
        self.generator = Generator(seed)
        self.peers, self.problems = [], []
        self.cases, self.accepted, self.refused = 0, 0, collections.Counter()
        for kind in (Node, Python, Curl):
            try:
                self.peers.append(kind())
            except OSError as why:
                print(f"*** {kind.name.upper()} READ NOTHING: {why}")

    def connect(self, connection):
        self.connection = connection
        connection.execute("SELECT agentcore.policy_set('everything', schemes => '{http,https,ws,wss}'), agentcore.policy_allow('everything', '*')")

    def batch(self, size):
        urls = []
        while len(urls) < size:
            url = self.generator.url()
            # no text of PostgreSQL holds these
            if "\0" not in url:
                urls.append(url)
        taken = []
        for url, row in zip(urls, self.connection.execute(PARSE, (urls,)).fetchall()):
            ok, reason, canonical, scheme, host, port, path, query, stays, allowed, checked, checked_host = row
            if not ok:
                self.refused[reason] += 1
                if allowed or checked is not None:
                    self.problems.append(f"refused, and yet url_check() took it: {url!r} -> {checked}")
                continue
            taken.append((url, canonical, (scheme, address(host.removeprefix("[").removesuffix("]")), port, path, query or "")))
            if not stays:
                self.problems.append(f"not its own canonical form: {url!r} -> {canonical}")
            if not PLAIN.fullmatch(canonical):
                self.problems.append(f"a character that readers disagree on: {url!r} -> {canonical}")
            if (checked, checked_host) != (canonical, host):
                self.problems.append(f"url_check() hands back another: {url!r} -> {canonical}, {checked}")
        self.cases += len(urls)
        self.accepted += len(taken)
        self.compare(taken)

    def compare(self, taken):
        for peer in self.peers:
            for (url, canonical, ours), theirs in zip(taken, peer.read([canonical for _, canonical, _ in taken])):
                self.one(peer, canonical, ours, theirs)
            if isinstance(peer, Node):
                for (url, canonical, ours), theirs in zip(taken, peer.read([url for url, _, _ in taken])):
                    if theirs:
                        scheme, host, port, path, query = theirs
                        # the standard escapes ^ in a path since 2023, node 20 does not yet
                        path = without_dots(upper_escapes(path).replace("^", "%5E"))
                        theirs = scheme, host.removesuffix("."), port, path, upper_escapes(query)
                    self.one(peer, url, ours, theirs)

    def one(self, peer, url, ours, theirs):
        if theirs:
            theirs = theirs[0], address(theirs[1]), *theirs[2:]
        if theirs != ours:
            self.problems.append(f"{peer.name} reads otherwise: {url!r}: {theirs}, we {ours}")


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 30000
    seed = seed_of.chosen(*sys.argv[2:3])
    fuzz = Fuzz(seed)
    with psycopg.connect("", autocommit=True) as connection:
        fuzz.connect(connection)
        while fuzz.cases < cases and len(fuzz.problems) < 20:
            fuzz.batch(min(BATCH, cases - fuzz.cases))
    if fuzz.cases >= ENOUGH and (fuzz.accepted < fuzz.cases / 10 or len(fuzz.refused) < 15):
        fuzz.problems.append("too little was accepted, or too few classes refused, to prove anything")
    print(f"{fuzz.cases} URLs, {fuzz.accepted} accepted, read by {', '.join(peer.name for peer in fuzz.peers)}; seed {seed}")
    print("refused: " + ", ".join(f"{reason} {count}" for reason, count in fuzz.refused.most_common()))
    for problem in fuzz.problems:
        print(f"PROBLEM: {problem}")
    print(f"{fuzz.cases - min(fuzz.cases, len(fuzz.problems))} passed, {len(fuzz.problems)} failed")
    return 1 if fuzz.problems else 0


if __name__ == "__main__":
    sys.exit(main())
