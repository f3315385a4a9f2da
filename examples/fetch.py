"""A fetcher that asks at every hop and connects only to addresses it asked about.

    fetcher = Fetcher(connection, policy="web")             # any DB-API connection, in autocommit
    answer = fetcher.fetch("https://example.com/report")    # raises Refused, OSError, HTTPException
    print(answer.status, answer.url, answer.body)

Copy it, or read it as the pattern to follow (doc/redirects.md says why):

1. url_check() judges every URL, that of a redirect too, and what is fetched is
   the canonical URL it returns, never the string that came in.
2. The name is resolved once, ip_check() judges every address it has, and the
   connection goes to one of these: nobody resolves the name a second time.
3. No library follows redirects, reads a proxy from the environment or keeps
   credentials behind the back of this file.

Python's standard library only, but for the connection to the database.
"""
import dataclasses
import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import urljoin, urlsplit

CHECK_URL = "SELECT allowed, reason, detail, url, host, port FROM agentcore.url_check(%s, %s, %s, %s)"
CHECK_ADDRESSES = "SELECT allowed, reason, detail FROM agentcore.ip_check(%s, %s::inet[], %s, %s)"

REDIRECTS = (301, 302, 303, 307, 308)
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


class Refused(Exception):
    """The policy said no, or the answer was not one to follow; str() may be shown to the model."""

    def __init__(self, reason, detail):
        super().__init__(f"{reason} ({detail})")
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass
class Answer:
    status: int
    url: str                # canonical, of the last hop
    headers: http.client.HTTPMessage
    body: bytes
    hops: int               # redirects followed


def resolve(host, port):
    """Every address of the name, as text."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(entry[4][0] for entry in found))


class Pinned(http.client.HTTPConnection):
    """A connection to the address that was judged, whatever the name resolves to by now."""

    def __init__(self, address, host, port, timeout, context):
        super().__init__(host, port, timeout=timeout)
        self.address = address
        self.context = context

    def connect(self):
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.context is not None:    # the certificate must be the name's, not the address's
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)


class Fetcher:
    def __init__(self, connection, policy, tenant="", resolver=resolve, max_hops=5, max_bytes=1 << 20, timeout=10.0):
        self.connection = connection
        self.policy = policy
        self.tenant = tenant
        self.resolver = resolver
        self.max_hops = max_hops
        self.max_bytes = max_bytes
        self.timeout = timeout

    def ask(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return tuple(cursor.fetchone())

    def judge(self, url, method):
        """(canonical URL, host, port), or Refused."""
        if "\0" in url:         # the database would not take it
            raise Refused("invalid_url", "control_character")
        allowed, reason, detail, canonical, host, port = self.ask(CHECK_URL, self.policy, url, method, self.tenant)
        # a policy in mode audit or off allows what cannot be parsed; there is nothing to fetch then
        if not allowed or canonical is None:
            raise Refused(reason or "invalid_url", detail or "not a URL")
        return canonical, host, port

    def addresses(self, host, port):
        """The name's addresses, all of them allowed, or Refused."""
        try:
            found = [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            found = self.resolve(host, port)
        # an address with a zone ("fe80::1%eth0") is none that PostgreSQL knows
        if any("%" in address for address in found):
            raise Refused("denylist_match", "a link-local address")
        allowed, reason, detail = self.ask(CHECK_ADDRESSES, self.policy, found, port, self.tenant)
        if not allowed:
            raise Refused(reason, detail)
        return found

    def resolve(self, host, port):
        try:
            return self.resolver(host, port)
        except OSError as error:
            raise Refused("not_in_allowlist", f"{host} cannot be resolved") from error

    def fetch(self, url, method="GET", headers=None, body=None):
        headers = {name: value for name, value in (headers or {}).items() if name.lower() != "host"}
        deadline = time.monotonic() + self.timeout
        for hops in range(self.max_hops + 1):
            canonical, host, port = self.judge(url, method)
            response = self.request(canonical, host, port, method, headers, body, deadline)
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                response.hops = hops
                return response
            if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                method, body = "HEAD" if method == "HEAD" else "GET", None
            try:
                url = urljoin(canonical, location)      # judged above before anything is done with it
                same = urlsplit(canonical)[:2] == urlsplit(url)[:2]
            except ValueError as error:
                raise Refused("invalid_url", "a redirect that cannot be read") from error
            if not same:
                headers = {name: value for name, value in headers.items() if name.lower() not in CREDENTIALS}
        raise Refused("not_in_allowlist", f"more than {self.max_hops} redirects")

    def request(self, canonical, host, port, method, headers, body, deadline):
        parts = urlsplit(canonical)
        context = ssl.create_default_context() if parts.scheme == "https" else None
        error = None
        for address in self.addresses(host, port):
            connection = Pinned(address, host.strip("[]"), port, max(deadline - time.monotonic(), 0.01), context)
            try:
                connection.connect()
            except OSError as failure:      # the next address was judged as well
                error = failure
                connection.close()
                continue
            try:
                target = parts.path + ("?" + parts.query if parts.query else "")
                connection.request(method, target, body, {**headers, "Host": parts.netloc, "Connection": "close"})
                reply = connection.getresponse()
                content = reply.read(self.max_bytes + 1)
                if len(content) > self.max_bytes:
                    raise Refused("invalid_url", f"the answer has more than {self.max_bytes} bytes")
                return Answer(reply.status, canonical, reply.headers, content, 0)
            finally:
                connection.close()
        raise error
