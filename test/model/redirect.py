#!/usr/bin/python3
"""The example fetcher (examples/fetch.py) against a server that redirects.

    test/model/redirect.py

Two servers on this machine: one that the policy opens, one that stands for what
must never be reached and counts who comes.  Names resolve by a table of the test's
own, so that a name may have several addresses, or another the second time.
"""
import http.server
import pathlib
import sys
import threading
from urllib.parse import quote, unquote

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples"))
from fetch import Fetcher, Refused  # noqa: E402

passed = failed = 0


def check(name, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {name}: {got!r}, not {wanted!r}")


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /to/STATUS?LOCATION redirects there; anything else says what was asked."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(self)
        path, _, query = self.path.partition("?")
        if path.startswith("/to/"):
            self.send_response(int(path[4:]))
            location = unquote(query, "latin-1").replace("PORT", str(self.server.other))
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b"x" * 5000 if path == "/public/long" else f"{self.command} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *_):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Names:
    """A resolver by table; a list of lists is one answer after the other."""

    def __init__(self, table):
        self.table = table
        self.asked = []

    def __call__(self, host, port):
        self.asked.append(host)
        answers = self.table.get(host)
        if answers is None:
            raise OSError("no such name")
        if isinstance(answers[0], list):
            return answers.pop(0) if len(answers) > 1 else answers[0]
        return answers


def set_policy(connection, port):
    for statement in (
            "SELECT agentcore.policy_set('web', schemes => '{http,https}', methods => '{GET,POST,HEAD}')",
            # the one thing of this machine that is open: this port
            f"SELECT agentcore.policy_allow('web', '127.0.0.1', ports => ARRAY[{port}])",
            "SELECT agentcore.policy_allow('web', '*.example.com')",
            "SELECT agentcore.policy_allow('web', 'get.example.net', methods => '{GET}')",
            "SELECT agentcore.policy_deny('web', '*.example.com', path_prefix => '/private')",
            "SELECT agentcore.policy_deny('web', 'bad.example.com')"):
        connection.execute(statement)


def main():
    connection = psycopg.connect("", autocommit=True)
    web, inside = serve(), serve()
    port, web.other, inside.other = web.server_port, inside.server_port, 0
    set_policy(connection, port)
    names = Names({"a.example.com": ["127.0.0.1"], "b.example.com": ["127.0.0.1"], "get.example.net": ["127.0.0.1"],
                   "mixed.example.com": ["127.0.0.1", "10.0.0.7"], "mapped.example.com": ["::ffff:169.254.169.254"],
                   "zone.example.com": ["fe80::1%eth0"], "none.example.com": [[]],
                   "rebind.example.com": [["127.0.0.1"], ["169.254.169.254"]],
                   "dead.example.com": ["127.0.0.2", "127.0.0.1"]})
    connection.execute(f"SELECT agentcore.policy_allow('web', '127.0.0.2', ports => ARRAY[{port}])")
    fetcher = Fetcher(connection, "web", resolver=names, timeout=100.0, max_bytes=4096)
    base = f"http://a.example.com:{port}"

    def get(url, **more):
        try:
            answer = fetcher.fetch(url, **more)
            return answer.status, answer.body.decode(), answer.hops
        except Refused as refusal:
            return refusal.reason, refusal.detail.split(":")[0]

    # ----- what is allowed, and how it is fetched
    check("plain", get(f"{base}/public?x=1"), (200, "GET /public?x=1", 0))
    check("the canonical URL is fetched", get(f"HTTP://A.Example.COM.:{port}/x/../public/%7euser"), (200, "GET /public/%7Euser", 0))
    check("the Host header", web.seen[-1].headers["Host"], f"a.example.com:{port}")
    check("a Host of the caller's is dropped", (get(f"{base}/", headers={"hOST": "evil"})[0], web.seen[-1].headers.get_all("Host")),
          (200, [f"a.example.com:{port}"]))
    check("an address", get(f"http://127.0.0.1:{port}/"), (200, "GET /", 0))
    check("one of two addresses answers", get(f"http://dead.example.com:{port}/"), (200, "GET /", 0))
    names.asked.clear()
    get(f"{base}/")
    check("a name is resolved once a hop", names.asked, ["a.example.com"])
    check("an answer without end", get(f"{base}/public/long"), ("invalid_url", "the answer has more than 4096 bytes"))

    # ----- redirects that are followed
    check("relative", get(f"{base}/to/302?/public"), (200, "GET /public", 1))
    check("to another name", get(f"{base}/to/307?http://b.example.com:{port}/y"), (200, "GET /y", 1))
    check("scheme-relative", get(f"{base}/to/302?//b.example.com:{port}/y"), (200, "GET /y", 1))
    for status, method in ((301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
        check(f"POST and {status}", get(f"{base}/to/{status}?/p", method="POST", body=b"z"), (200, f"{method} /p", 1))
    check("a redirect without a place is an answer", get(f"{base}/to/304?/x")[0], 304)
    get(f"{base}/to/302?http://b.example.com:{port}/y", headers={"Authorization": "s", "Cookie": "s", "Accept": "*/*"})
    check("credentials stay behind", [web.seen[-1].headers[name] for name in ("Authorization", "Cookie", "Accept")],
          [None, None, "*/*"])
    get(f"{base}/to/302?/y", headers={"Authorization": "s"})
    check("on the same origin they do not", web.seen[-1].headers["Authorization"], "s")

    # ----- hops that are refused: the policy is asked about each
    for name, location, wanted in (
            ("metadata", "http://169.254.169.254/latest", ("denylist_match", "special_range")),
            ("another port of this machine", "http://127.0.0.1:PORT/", ("denylist_match", "special_range")),
            ("a name that is this machine", "http://localhost:PORT/", ("denylist_match", "special_name")),
            ("hidden in IPv6", "http://[::ffff:7f00:1]:PORT/", ("denylist_match", "special_range")),
            ("another way to write it", "http://2130706433:PORT/", ("invalid_url", "noncanonical_ipv4")),
            ("denied host", f"http://bad.example.com:{port}/", ("denylist_match", "rule")),
            ("denied path", "/public/../private/x", ("denylist_match", "rule")),
            ("unknown host", "http://evil.example.org/", ("not_in_allowlist", "host")),
            ("scheme-relative to one", "//evil.example.org/", ("not_in_allowlist", "host")),
            ("userinfo", f"http://a.example.com:{port}@evil.example.org/", ("invalid_url", "userinfo")),
            ("backslash", f"http://evil.example.org\\@a.example.com:{port}/", ("invalid_url", "backslash")),
            ("a broken address", "http://[x/", ("invalid_url", "a redirect that cannot be read")),
            ("a NUL", "http://a.example.com\0.evil.example.org/", ("invalid_url", "control_character")),
            ("a space", "http://a.example.com /", ("invalid_url", "whitespace")),
            ("another scheme", "file:///etc/passwd", ("invalid_url", "scheme"))):
        check(name, get(f"{base}/to/302?" + quote(location, encoding="latin-1")), wanted)
    check("a method that the next host has not",
          get(f"{base}/to/307?http://get.example.net:{port}/", method="POST"), ("method_blocked", "method"))
    check("round and round", get(f"{base}/to/302?/to/302?/to/302?/to/302?/to/302?/to/302?/to/302?/x"),
          ("not_in_allowlist", "more than 5 redirects"))

    # ----- addresses: all must pass, and what was judged is what is connected to
    check("the inside port by name", get(f"http://a.example.com:{inside.server_port}/"), ("denylist_match", "special_range"))
    check("one bad address among good", get(f"http://mixed.example.com:{port}/"), ("denylist_match", "special_range"))
    check("a mapped address", get("http://mapped.example.com/"), ("denylist_match", "special_range"))
    check("an address with a zone", get("http://zone.example.com/"), ("denylist_match", "a link-local address"))
    check("no address", get("http://none.example.com/"), ("not_in_allowlist", "ip"))
    check("no such name", get("http://nowhere.example.com/")[0], "not_in_allowlist")
    check("another address at the second hop", get(f"http://rebind.example.com:{port}/to/302?/public"), ("denylist_match", "special_range"))

    # ----- a policy that only watches: what cannot be parsed cannot be fetched
    connection.execute("SELECT agentcore.policy_set('web', mode => 'audit', schemes => '{http,https}')")
    check("audit", get("http://a.example.com\\@evil.example.org/"), ("invalid_url", "backslash"))
    connection.execute("SELECT agentcore.policy_set('web', mode => 'off', schemes => '{http,https}')")
    check("off", get("http://a.example.com\\@evil.example.org/"), ("invalid_url", "not a URL"))

    check("nobody came in", len(inside.seen), 0)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
