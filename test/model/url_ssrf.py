#!/usr/bin/python3
"""Every special range and metadata name, in every disguise that some parser sees through.

Under policies that allow everything ('*', 0.0.0.0/0, [::]/0) each must be denied by
url_check() and url_allowed().  Where the disguise only puts the address behind a host
that may be reached (after a #, in a path), the canonical URL must name that host and
drop or escape the rest.  What only DNS can judge is listed in BY_DNS: the name passes,
and ip_check() denies the addresses that it resolves to, alone or among good ones, as
IPv4 and in each IPv6 form that carries IPv4.

The addresses are those of agentcore.special_range itself: first, last and one inside.
"""
import collections
import ipaddress
import itertools
import random
import sys

import psycopg

from lib import seed as seed_of

SCHEMES = ("http", "https", "ws", "wss")
DECOY = "example.com"
FOREIGN = ("ftp", "file", "gopher", "dict", "ldap", "tftp", "sftp", "jar:http", "netdoc", "javascript", "data", "view-source:http", "httpx", "feed", "blob:http")

FULLWIDTH = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7f))}
MATHEMATICAL = {str(n): chr(0x1D7CE + n) for n in range(10)} | {chr(97 + n): chr(0x1D41A + n) for n in range(26)}
CIRCLED = {str(n): chr(0x2460 + n - 1) for n in range(1, 10)} | {"0": "\u24ea"} | {chr(97 + n): chr(0x24d0 + n) for n in range(26)}
SUPERSCRIPT = dict(zip("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"))
SUBSCRIPT = {str(n): chr(0x2080 + n) for n in range(10)}
ARABIC = {str(n): chr(0x0660 + n) for n in range(10)}
SCRIPTS = {"fullwidth": FULLWIDTH, "mathematical": MATHEMATICAL, "circled": CIRCLED, "superscript": SUPERSCRIPT, "subscript": SUBSCRIPT, "Arabic-Indic": ARABIC}
INVISIBLE = {"soft hyphen": "\u00ad", "zero width space": "\u200b", "joiner": "\u200d", "word joiner": "\u2060", "byte order mark": "\ufeff", "variation selector": "\ufe0f"}
DOTS = {"ideographic": "\u3002", "halfwidth": "\uff61", "fullwidth": "\uff0e", "one dot leader": "\u2024", "escaped": "%2e", "escaped fullwidth": "%EF%BC%8E"}

# names of wildcard DNS services: the address in them is judged, as it stands or in hexadecimal, anywhere in front
SERVICES = ("nip.io", "sslip.io", "xip.io", "traefik.me")
SPELLED_IPV4 = ("{0}", "{1}", "{2:0>8}", "www.{0}", "www-{1}", "app-{2:0>8}", "a.b.{1}", "x-y-{0}", "{0}.a", "{1}-b", "0x{2:0>8}")
SPELLED_IPV6 = ("{0}", "www-{0}", "{1}")

# names that resolve to whatever their owner says
BY_DNS = ("{2}.xip.example", "{0}e0", "spoofed.burpcollaborator.net", "rebind.example.com", "localhost.example.com",
          "{0}.example.com", "169.254.169.254.example.com", "metadata.google.internal.example.com", "localhost.localdomain.example", "notlocalhost.com")


def translated(text, table):
    return "".join(table.get(c, c) for c in text)


def escaped(text, every=True):
    return "".join("%%%02x" % ord(c) if every or c.isalnum() else c for c in text)


def radixes(part):
    return str(part), hex(part), "0%o" % part


def disguises_of_text(host):
    """What works on the letters of any host."""
    yield "upper case", host.upper()
    yield "dot at the end", host + "."
    yield "two dots at the end", host + ".."
    yield "escaped", escaped(host)
    yield "escaped twice", escaped(host).replace("%", "%25")
    yield "first letter escaped", escaped(host[0]) + host[1:]
    yield "last letter escaped", host[:-1] + escaped(host[-1])
    yield "letters escaped", escaped(host, False)
    for name, table in SCRIPTS.items():
        yield name, translated(host, table)
        yield name + ", first letter", translated(host[0], table) + host[1:]
    for name, dot in DOTS.items():
        if "." in host:
            yield name + " dots", host.replace(".", dot)
            yield name + " dot, last", dot.join(host.rsplit(".", 1))
        yield name + " dot at the end", host + dot
    for name, letter in INVISIBLE.items():
        yield name, host[0] + letter + host[1:]
        yield name + " in front", letter + host
        yield name + " at the end", host + letter
        yield name + ", escaped", host[0] + escaped_utf8(letter) + host[1:]
    for code in (0, 1, 9, 10, 13, 11, 12, 32, 127):
        if code:
            yield f"character {code}", host[0] + chr(code) + host[1:]
            yield f"character {code} in front", chr(code) + host
            yield f"character {code} at the end", host + chr(code)
        yield f"character {code}, escaped", host + "%%%02x" % code
        yield f"character {code}, escaped, and a decoy", host + "%%%02x.%s" % (code, DECOY)


def escaped_utf8(text):
    return "".join("%%%02x" % byte for byte in text.encode())


def disguises_by_authority(host):
    """A decoy beside the host: one reader connects to the first, another to the second."""
    for before, joint in itertools.product((DECOY, DECOY + ":80", "a:b", "", "%40", DECOY + "%2f", DECOY + "%00", DECOY + "%0d%0a", "@", "a@" + DECOY), ("@", "\\@")):
        yield f"behind {before}{joint}", before + joint + host
    for joint in ("\\@", "\\", "\\\\", "%5c", "%5c@", "%2f", "%40", "@", ":80@", ":80\\@", "%23@", "%3f@", "%00", "%09", "%20", " @", "\t@", "\n@", "&@", ";@", ",@", "%20&@", " &@", "@@", ":@", ";", ",", "|", "%00.", "%2e", ":443:"):
        yield f"before {joint} and a decoy", host + joint + DECOY
    for port in (":80", ":443", ":8080", ":22", ":65535", ":00080", ":"):
        yield f"port {port}", host + port
    for port in (":0", ":65536", ":80x", ":-1", ":\uff18\uff10", "::80"):
        yield f"bad port {port}", host + port


def disguises_behind_a_decoy(host):
    """Readers that split elsewhere see the host; ours must name the decoy and nothing else."""
    for joint in ("#@", "#", "?@", "?", "/@", "/", "#%40", "?#@", "/..//", "/;@", "?\u00ad@", "#\uff20"):
        yield f"decoy{joint}", DECOY + joint + host


def disguises_of_slashes(host):
    for slashes in ("", "/", "///", "////", "\\\\", "/\\", "\\/", "/\t/", " //", "//\t", "//\r\n", "%2f%2f", "//%09", "//%20"):
        yield f"slashes {slashes!r}", slashes + host + "/"


def disguises_of_ipv4(ip):
    number, parts = int(ip), list(ip.packed)
    yield "dotted", str(ip)
    for base, text in zip(("decimal", "hexadecimal", "octal"), radixes(number)):
        yield base, text
        yield base + ", dot at the end", text + "."
    for beyond in (2 ** 32, 2 ** 33, 2 ** 64, 2 ** 40):
        yield "overflow", str(number + beyond)
        yield "overflow, hexadecimal", hex(number + beyond)
    yield "overflow in parts", ".".join(str(part + 256) for part in parts)
    yield "overflow in one part", ".".join([str(parts[0] + 256)] + [str(part) for part in parts[1:]])
    for mixture in itertools.product(*map(radixes, parts)):
        yield "parts by radix", ".".join(mixture)
    for tail, kept in ((2 ** 24, 1), (2 ** 16, 2)):
        for mixture in itertools.product(*map(radixes, [*parts[:kept], number % tail])):
            yield "short, by radix", ".".join(mixture)
    for zeros in (1, 2, 7, 40):
        yield "zeros in front", ".".join("0" * zeros + str(part) for part in parts)
        yield "octal, zeros in front", ".".join("0" * zeros + "%o" % part for part in parts)
        yield "hexadecimal, zeros", ".".join("0x" + "0" * zeros + "%x" % part for part in parts)
        yield "hexadecimal number, zeros", "0x" + "0" * zeros + "%x" % number
    yield "upper hexadecimal", "0X%X" % number
    yield "fifth part", str(ip) + ".1"
    yield "empty part", str(ip).replace(".", "..", 1)
    yield "sign", "+" + str(ip)
    yield "suffix", str(ip) + "/32"
    yield "range", "[" + str(ip) + "]"
    for how, form in carried(ip):
        yield how, f"[{form}]"
        yield how + ", upper", f"[{form}]".upper()
        yield how + ", whole", f"[{ipaddress.IPv6Address(form).exploded}]"
        yield how + ", zone", f"[{form}%25eth0]"
        yield how + ", bare", form
    for how, prefix in (("mapped", "::ffff:"), ("compatible", "::"), ("translated", "::ffff:0:"), ("NAT64", "64:ff9b::"), ("mapped, long", "0:0:0:0:0:ffff:"), ("mapped, zeros", "0000:0000:0000:0000:0000:FFFF:")):
        yield how + ", dotted", f"[{prefix}{ip}]"
        yield how + ", octal", "[" + prefix + ".".join("0%o" % part for part in parts) + "]"
        yield how + ", hexadecimal parts", "[" + prefix + ".".join(hex(part) for part in parts) + "]"


def carried(ip):
    """(how, text) of the IPv6 addresses that carry an IPv4 address; they are what ip_check() must see through."""
    a, b, c, d = ip.packed
    high, low = a << 8 | b, c << 8 | d
    yield "mapped", f"::ffff:{high:x}:{low:x}"
    yield "translated", f"::ffff:0:{high:x}:{low:x}"
    yield "compatible", f"::{high:x}:{low:x}"
    yield "NAT64", f"64:ff9b::{high:x}:{low:x}"
    yield "local NAT64 /96", f"64:ff9b:1::{high:x}:{low:x}"
    yield "local NAT64 /48", f"64:ff9b:1:{high:x}:{c:x}:{d << 8:x}::"
    yield "local NAT64 /56", f"64:ff9b:1:{a:x}:{b:x}:{low:x}::"
    yield "local NAT64 /64", f"64:ff9b:1:0:{a:x}:{b << 8 | c:x}:{d << 8:x}:0"
    yield "6to4", f"2002:{high:x}:{low:x}::1"
    yield "Teredo client", f"2001:0:808:808:0:0:{high ^ 0xffff:x}:{low ^ 0xffff:x}"
    yield "Teredo server", f"2001:0:{high:x}:{low:x}::1"
    yield "ISATAP, link local", f"fe80::5efe:{high:x}:{low:x}"


def spelled(ip):
    """Hosts of wildcard DNS services that resolve to the address."""
    if ip.version == 4:
        labels = (form.format(str(ip), str(ip).replace(".", "-"), "%x" % int(ip)) for form in SPELLED_IPV4)
    else:
        labels = (form.format(ip.compressed.replace(":", "-"), ip.exploded.replace(":", "-")) for form in SPELLED_IPV6)
    for label in labels:
        for service in SERVICES:
            yield f"spelled below {service}", f"{label}.{service}"


def disguises_of_ipv6(ip):
    forms = {ip.compressed, ip.exploded, ip.compressed.upper(), ip.exploded.upper(), ":".join(str(int(group, 16)) if group == "0000" else group for group in ip.exploded.split(":"))}
    a, b, c, d = ip.packed[12:]
    forms.add(":".join(ip.exploded.split(":")[:6]) + f":{a}.{b}.{c}.{d}")
    for form in sorted(forms):
        yield "plain", f"[{form}]"
        for zone in ("%25eth0", "%eth0", "%251", "%25", "%"):
            yield "zone", f"[{form}{zone}]"
        yield "bare", form
        yield "escaped brackets", f"%5b{form}%5d"
        yield "fullwidth brackets", f"\uff3b{form}\uff3d"
        yield "fullwidth digits", f"[{translated(form, FULLWIDTH)}]"
        yield "escaped", f"[{escaped(form)}]"
        yield "first letter escaped", f"[{escaped(form[0])}{form[1:]}]"
        yield "dot at the end", f"[{form}]."
        yield "one colon more", f"[{form}:]"
        yield "space", f"[ {form} ]"
        yield "future", f"[v6.{form}]"


class Probe:
    def __init__(self, connection):
        self.connection, self.counts, self.problems, self.urls = connection, collections.Counter(), [], []
        for policy, patterns in (("names", ["*"]), ("all", ["*", "0.0.0.0/0", "[::]/0"])):
            connection.execute("SELECT agentcore.policy_set(%s, schemes => '{http,https,ws,wss}')", (policy,))
            for pattern in patterns:
                connection.execute("SELECT agentcore.policy_allow(%s, %s)", (policy, pattern))

    def ask(self, kind, url, decoy=False):
        self.urls.append((kind, url, decoy))
        if len(self.urls) >= 20000:
            self.flush()

    def flush(self):
        rows = self.connection.execute(
            "SELECT p.name, c.allowed, agentcore.url_allowed(p.name, u.url), c.reason, c.url, c.host"
            "  FROM unnest(%s::text[]) WITH ORDINALITY AS u (url, n), unnest('{names,all}'::text[]) AS p (name), agentcore.url_check(p.name, u.url) AS c ORDER BY u.n, p.name",
            ([url for _, url, _ in self.urls],)).fetchall()
        for n, (policy, allowed, fast, reason, canonical, host) in enumerate(rows):
            kind, url, decoy = self.urls[n // 2]
            self.counts[kind] += 1
            if fast != allowed:
                self.problems.append(f"url_allowed() and url_check() differ: {url!r}")
            if allowed and not (decoy and host == DECOY and canonical.startswith(f"http://{DECOY}/")):
                self.problems.append(f"{kind}: {policy} allows {url!r} as {canonical}")
            if not allowed and reason not in ("invalid_url", "denylist_match", "not_in_allowlist"):
                self.problems.append(f"{kind}: {url!r} is denied for {reason}")
        self.urls = []

    def host(self, kind, host, thorough):
        """thorough: every scheme and way to stand in a URL, not only the host itself"""
        for scheme in SCHEMES if thorough else ("http",):
            self.ask(kind, f"{scheme}://{host}/latest/meta-data")
        if thorough:
            for tail in ("", "?x", "#x", "/", ":80/", "/a?b#c"):
                self.ask(kind, "https://" + host + tail)

    def every(self, kind, host, disguises):
        self.host(kind, host, True)
        for how, disguise in itertools.chain(disguises, disguises_by_authority(host)):
            self.host(f"{kind}: {how}", disguise, False)
        for how, disguise in disguises_behind_a_decoy(host):
            self.ask(f"{kind}: {how}", f"http://{disguise}", True)
        for how, disguise in disguises_of_slashes(host):
            self.ask(f"{kind}: {how}", f"http:{disguise}")
        for scheme in FOREIGN:
            self.ask(f"{kind}: scheme", f"{scheme}://{host}/")

    def deny_ip(self, kind, address):
        for addresses in ([address], ["8.8.8.8", address], [address, "2606:4700::1111"]):
            for policy in ("names", "all"):
                self.counts[kind] += 1
                if self.connection.execute("SELECT allowed FROM agentcore.ip_check(%s, %s::inet[])", (policy, addresses)).fetchone()[0]:
                    self.problems.append(f"ip_check('{policy}') allows {addresses}")


def addresses_of(network, dice):
    inside = network[dice.randrange(network.num_addresses)]
    return list(dict.fromkeys([network[0], inside, network[-1]]))


def main():
    seed = seed_of.chosen()
    dice = random.Random(seed)
    with psycopg.connect("", autocommit=True) as connection:
        networks = [row[0] for row in connection.execute("SELECT network::text FROM agentcore.special_range WHERE shipped ORDER BY network").fetchall()]
        names = [row[0] for row in connection.execute("SELECT pattern FROM agentcore.special_name WHERE shipped ORDER BY pattern").fetchall()]
        probe = Probe(connection)
        # :: stands in ::/96 too: two entries, one address
        seen = dict.fromkeys(ip for network in map(ipaddress.ip_network, networks) for ip in addresses_of(network, dice))
        for ip in seen:
            text = str(ip) if ip.version == 4 else f"[{ip}]"
            own = disguises_of_ipv4(ip) if ip.version == 4 else disguises_of_ipv6(ip)
            probe.every(f"IPv{ip.version}", text, itertools.chain(own, disguises_of_text(text) if ip.version == 4 else ()))
            for how, host in spelled(ip):
                for form in (host, host.upper() + "."):
                    probe.host(how, form, False)
            probe.deny_ip("ip_check", str(ip))
            for how, form in carried(ip) if ip.version == 4 else ():
                probe.deny_ip(f"ip_check, {how}", form)
        for pattern in names:
            name = {"<single label>": "intranet"}.get(pattern, pattern)
            for host in [name] if "*" not in name else [name[2:], "x." + name[2:], "a.b-c." + name[2:]]:
                probe.every("name", host, disguises_of_text(host))
        probe.flush()
        passed = by_dns(probe, seen)
    total = sum(probe.counts.values())
    print(f"{len(seen)} addresses of {len(networks)} ranges, {len(names)} names, {len(probe.counts)} kinds of disguise, {total} questions; seed {seed}")
    print(f"only DNS can judge: {passed} names passed, and ip_check() denied what they resolve to")
    for problem in probe.problems[:40]:
        print(f"PROBLEM: {problem}")
    if len(networks) < 40 or len(names) < 10:
        probe.problems.append("the special entries are not whole")
    print(f"{total - len(probe.problems)} passed, {len(probe.problems)} failed")
    return 1 if probe.problems else 0


def by_dns(probe, addresses):
    """The names that must pass a check of names, or this list proves nothing."""
    hosts = set()
    for ip in addresses:
        if ip.version == 4:
            hosts.update(form.format(str(ip), str(ip).replace(".", "-"), "%x" % int(ip)) for form in BY_DNS)
    for host in sorted(hosts):
        probe.counts["by DNS"] += 1
        if not probe.connection.execute("SELECT agentcore.url_allowed('names', %s)", (f"https://{host}/",)).fetchone()[0]:
            probe.problems.append(f"denied, though only DNS could tell: {host}")
    return len(hosts)


if __name__ == "__main__":
    sys.exit(main())
