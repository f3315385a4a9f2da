"""The libraries that agents use inside their process, written for this comparison.

Each is written from what its authors publish of it (linked in doc/performance.md), not
copied: the parts and locks that they name, and nothing slower.  PyPI and npm need not be
reached to run them.  With SEEDS=DIR, which holds clones of the published repositories, the
authors' own sources are measured too.
"""
import collections
import hashlib
import json
import random
import re
import threading
import time
import urllib.parse


class ToolCache:
    """An OrderedDict under a Lock, by the SHA-256 of the canonical JSON, with an age limit."""

    def __init__(self, max_size=1024, ttl=300.0):
        self.max_size, self.ttl = max_size, ttl
        self.entries, self.lock = collections.OrderedDict(), threading.Lock()

    @staticmethod
    def key(tool, args):
        return hashlib.sha256(json.dumps([tool, args], sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def get(self, tool, args):
        key = self.key(tool, args)
        with self.lock:
            entry = self.entries.get(key)
            if entry is None:
                return None
            value, until = entry
            if time.monotonic() > until:
                del self.entries[key]
                return None
            self.entries.move_to_end(key)
            return value

    def set(self, tool, args, value):
        key = self.key(tool, args)
        with self.lock:
            self.entries[key] = (value, time.monotonic() + self.ttl)
            self.entries.move_to_end(key)
            if len(self.entries) > self.max_size:
                self.entries.popitem(last=False)


class Validator:
    """A dict of fields; types by isinstance, patterns by re."""

    TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}

    def __init__(self, fields):
        self.fields = fields
        self.patterns = {name: re.compile(field["pattern"]) for name, field in fields.items() if "pattern" in field}

    def validate(self, args):
        errors = []
        for name, field in self.fields.items():
            if name in args:
                self.judge(name, field, args[name], errors)
            elif not field.get("optional"):
                errors.append(f"{name}: required")
        for name in args:
            if name not in self.fields:
                errors.append(f"{name}: unknown")
        return errors

    def judge(self, name, field, value, errors):
        kind = field["type"]
        if not isinstance(value, self.TYPES[kind]) or isinstance(value, bool) and kind != "boolean":
            errors.append(f"{name}: must be {kind}")
            return
        if isinstance(value, str):
            if not field.get("min_length", 0) <= len(value) <= field.get("max_length", len(value)):
                errors.append(f"{name}: length")
            if name in self.patterns and not self.patterns[name].search(value):
                errors.append(f"{name}: pattern")
        elif kind in ("integer", "number") and not field.get("min", value) <= value <= field.get("max", value):
            errors.append(f"{name}: range")
        if "enum" in field and value not in field["enum"]:
            errors.append(f"{name}: enum")


class Exceeded(Exception):
    pass


class Pool:
    """Used and reserved tokens and dollars under a Lock; a reservation is settled or given back."""

    def __init__(self, tokens, usd):
        self.cap_tokens, self.cap_usd = tokens, usd
        self.tokens = self.usd = self.held_tokens = self.held_usd = 0
        self.lock = threading.Lock()

    def reserve(self, tokens, usd):
        with self.lock:
            if self.tokens + self.held_tokens + tokens > self.cap_tokens or self.usd + self.held_usd + usd > self.cap_usd:
                raise Exceeded
            self.held_tokens += tokens
            self.held_usd += usd
        return tokens, usd

    def commit(self, hold, tokens, usd):
        with self.lock:
            self.held_tokens -= hold[0]
            self.held_usd -= hold[1]
            self.tokens += tokens
            self.usd += usd


class Guard:
    """Allowed hosts, exact or *.domain; denied ones win; methods."""

    def __init__(self, allow, deny=(), methods=("GET", "POST")):
        self.allow, self.deny, self.methods = allow, deny, methods

    @staticmethod
    def matches(host, pattern):
        return pattern == "*" or host == pattern or pattern.startswith("*.") and (host == pattern[2:] or host.endswith(pattern[1:]))

    def check(self, url, method="GET"):
        host = urllib.parse.urlsplit(url).hostname
        if not host or method not in self.methods or any(self.matches(host, pattern) for pattern in self.deny):
            return False
        return any(self.matches(host, pattern) for pattern in self.allow)


TRANSIENT = {429, 500, 502, 503, 504, 529}


def backoff(attempt, base=0.5, cap=30.0, source=random):
    """Full jitter."""
    return source.uniform(0, min(cap, base * 2 ** (attempt - 1)))


def retry(call, attempts=6, base=0.5, cap=30.0, sleep=time.sleep):
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except ProviderError as error:
            if error.status not in TRANSIENT or attempt == attempts:
                raise
            sleep(backoff(attempt, base, cap))


class ProviderError(Exception):
    def __init__(self, status, retry_after):
        super().__init__(f"status {status}")
        self.status, self.retry_after = status, retry_after


class Stack:
    """The four in the order in which a call meets them."""

    def __init__(self, fields, hosts, tokens):
        self.validator, self.guard = Validator(fields), Guard(hosts)
        self.cache, self.pool = ToolCache(), Pool(tokens, 1e9)

    def begin(self, tool, args):
        """("cached", value), ("run", hold) or ("deny", why)"""
        errors = self.validator.validate(args)
        if errors:
            return "deny", errors
        if not self.guard.check(args["url"]):
            return "deny", "host"
        value = self.cache.get(tool, args)
        if value is not None:
            return "cached", value
        return "run", self.pool.reserve(100, 0.001)

    def commit(self, tool, args, hold, value):
        self.pool.commit(hold, 80, 0.0008)
        self.cache.set(tool, args, value)
