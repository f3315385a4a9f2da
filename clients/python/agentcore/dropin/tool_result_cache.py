"""The caches tool-result-cache (ToolCache) and agent-tool-result-cache (ToolResultCache), in the database's shared memory.

A result is kept as JSON, so what comes back is what JSON can say: a tuple is a list, a date its text.  The bound by
number is kept by each object for what it has put or read itself; the database bounds the memory of all.
"""
import asyncio
import collections
import dataclasses
import functools
import hashlib
import inspect
import json
import pathlib
import threading
import time
import typing
import uuid

from . import as_json, own_name, rows

_SET = """SELECT agentcore.cache_set(%(tool)s::text, %(args)s::text::jsonb, %(value)s::text::jsonb,
 ttl => make_interval(secs => %(ttl)s::text::double precision), publish => 'immediate') AS kept"""
_GET = "SELECT agentcore.cache_get(%(tool)s::text, %(args)s::text::jsonb)::text AS value"
_FORGET = "SELECT agentcore.cache_invalidate(%(tool)s::text, %(args)s::text::jsonb) AS was_there"
_COUNT = "SELECT count(*) AS n FROM agentcore.cache_entries() WHERE left(tool, length(%(tool)s::text)) = %(tool)s::text"

Args = typing.Mapping[str, typing.Any]
Call = typing.Tuple[str, str]                           # tool, arguments as JSON
FOREVER = 100.0 * 365 * 24 * 3600


class Store:
    """The entries of one name; of those that this object used, in that order, when they end by its clock.  Thread-safe."""

    def __init__(self, name: str, max_size: typing.Optional[int], clock: typing.Callable[[], float]) -> None:
        self._prefix = name + "/"
        self._max_size = max_size
        self._clock = clock
        self._order: "collections.OrderedDict[Call, typing.Optional[float]]" = collections.OrderedDict()
        self._lock = threading.RLock()
        self.evicted: typing.Callable[[str], None] = lambda tool: None
        self.expired: typing.Callable[[str], None] = lambda tool: None

    @staticmethod
    def call(tool: str, args: Args) -> Call:
        return tool, json.dumps(args, sort_keys=True, default=str, separators=(",", ":"))

    def _asked(self, call: Call) -> typing.Dict[str, typing.Any]:
        return {"tool": self._prefix + call[0], "args": call[1]}

    def put(self, tool: str, args: Args, value: typing.Any, ttl: typing.Optional[float]) -> None:
        call = self.call(tool, args)
        with self._lock:
            seconds = FOREVER if ttl is None else ttl
            rows(_SET, {**self._asked(call), "value": as_json(value), "ttl": repr(float(seconds))})
            self._order[call] = None if ttl is None else self._clock() + ttl
            self._order.move_to_end(call)
            while self._max_size and len(self._order) > self._max_size:
                oldest, _ = self._order.popitem(last=False)
                rows(_FORGET, self._asked(oldest))
                self.evicted(oldest[0])

    def look(self, tool: str, args: Args, use: bool = True) -> typing.Tuple[bool, typing.Any]:
        """(found, value); use: it becomes the one that was used last."""
        call = self.call(tool, args)
        with self._lock:
            ends = self._order.get(call)
            if ends is not None and ends <= self._clock():
                self._gone(call)
                self.expired(tool)
                return False, None
            text = rows(_GET, self._asked(call))[0]["value"]
            if text is None:
                self._order.pop(call, None)
                if ends is not None:
                    self.expired(tool)
                return False, None
            if use:
                self._order[call] = ends
                self._order.move_to_end(call)
            return True, json.loads(text)

    def _gone(self, call: Call) -> bool:
        self._order.pop(call, None)
        return bool(rows(_FORGET, self._asked(call))[0]["was_there"])

    def calls(self) -> typing.List[Call]:
        with self._lock:
            return list(self._order)

    def forget(self, tool: str, args: Args) -> bool:
        with self._lock:
            return self._gone(self.call(tool, args))

    def forget_all(self, tool: typing.Optional[str] = None) -> int:
        """The number of entries removed: all of the name, or one tool's."""
        with self._lock:
            removed = self.size(tool)
            for call in [call for call in self._order if tool is None or call[0] == tool]:
                self._gone(call)
            if self.size(tool):                         # others' entries of the same name
                self._forget_tools(tool)
            return removed

    def _forget_tools(self, tool: typing.Optional[str]) -> None:
        wanted = self._prefix if tool is None else self._prefix + tool
        rows("SELECT agentcore.cache_invalidate_tool(tool) FROM (SELECT DISTINCT tool FROM agentcore.cache_entries()"
             " WHERE CASE WHEN %(whole)s::boolean THEN tool = %(tool)s::text ELSE left(tool, length(%(tool)s::text)) = %(tool)s::text END) AS s",
             {"tool": wanted, "whole": tool is not None})

    def forget_expired(self) -> int:
        with self._lock:
            now = self._clock()
            ended = [call for call, ends in self._order.items() if ends is not None and ends <= now]
            for call in ended:
                self._gone(call)
            return len(ended)

    def size(self, tool: typing.Optional[str] = None) -> int:
        with self._lock:
            if tool is None:
                return int(rows(_COUNT, {"tool": self._prefix})[0]["n"])
            return int(rows("SELECT count(*) AS n FROM agentcore.cache_entries() WHERE tool = %(tool)s::text", {"tool": self._prefix + tool})[0]["n"])


def _new_store(name: typing.Optional[str], max_size: typing.Optional[int], clock: typing.Callable[[], float]) -> Store:
    return Store(own_name("cache", name), max_size, clock)


# ----- tool-result-cache ----------------------------------------------------

@dataclasses.dataclass
class CacheStats:
    """What this object saw; stat_tool has what all saw."""
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0


def make_key(tool_name: str, args: typing.Any) -> str:
    """SHA-256 of tool and arguments in the library's spelling, in hexadecimal."""
    try:
        canon = json.dumps(args, sort_keys=True, separators=(",", ":"), default=str)
    except (TypeError, ValueError):
        canon = repr(args)
    return hashlib.sha256(tool_name.encode() + b"\0" + canon.encode()).hexdigest()


class ToolCache:
    """tool_result_cache.ToolCache.  max_size 0 or less: no bound by number; ttl_s None: no end by time."""

    def __init__(self, max_size: int = 1024, ttl_s: typing.Optional[float] = None, *, clock: typing.Callable[[], float] = time.monotonic,
                 name: typing.Optional[str] = None) -> None:
        self._store = _new_store(name, max_size if max_size > 0 else None, clock)
        self._store.evicted = self._count_evicted
        self._store.expired = self._count_expired
        self._ttl = ttl_s
        self._counts = CacheStats()

    def _count_evicted(self, _tool: str) -> None:
        self._counts.evictions += 1

    def _count_expired(self, _tool: str) -> None:
        self._counts.expirations += 1

    hits = property(lambda self: self._counts.hits)
    misses = property(lambda self: self._counts.misses)
    evictions = property(lambda self: self._counts.evictions)
    expirations = property(lambda self: self._counts.expirations)

    @property
    def stats(self) -> CacheStats:
        return dataclasses.replace(self._counts)

    def __len__(self) -> int:
        return self._store.size()

    def __contains__(self, key: object) -> bool:
        """key: of make_key(), of an entry that this object has put or read."""
        for tool, args in self._store.calls():
            if make_key(tool, json.loads(args)) == key:
                return self._store.look(tool, json.loads(args))[0]
        return False

    def _look(self, tool_name: str, args: typing.Any) -> typing.Tuple[bool, typing.Any]:
        found, value = self._store.look(tool_name, args)
        if found:
            self._counts.hits += 1
        else:
            self._counts.misses += 1
        return found, value

    def get(self, tool_name: str, args: typing.Any) -> typing.Any:
        return self._look(tool_name, args)[1]

    def set(self, tool_name: str, args: typing.Any, value: typing.Any, *, ttl_s: typing.Optional[float] = None) -> None:
        self._store.put(tool_name, args, value, self._ttl if ttl_s is None else ttl_s)

    def get_or_set(self, tool_name: str, args: typing.Any, compute: typing.Callable[[], typing.Any], *,
                   ttl_s: typing.Optional[float] = None) -> typing.Any:
        found, value = self._look(tool_name, args)
        if not found:
            value = compute()
            self.set(tool_name, args, value, ttl_s=ttl_s)
        return value

    def invalidate(self, tool_name: str, args: typing.Any) -> bool:
        return self._store.forget(tool_name, args)

    def clear(self) -> None:
        self._store.forget_all()
        self._counts = CacheStats()

    def wrap(self, *, tool_name: typing.Optional[str] = None, ttl_s: typing.Optional[float] = None) -> typing.Any:
        def decorator(fn: typing.Callable[..., typing.Any]) -> typing.Callable[..., typing.Any]:
            @functools.wraps(fn)
            def inner(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
                return self.get_or_set(tool_name or fn.__name__, {"args": list(args), "kwargs": kwargs}, lambda: fn(*args, **kwargs), ttl_s=ttl_s)
            return inner
        return decorator


# ----- agent-tool-result-cache ----------------------------------------------

@dataclasses.dataclass
class CacheEntry:
    """What put() remembers of an entry."""
    key: str
    result: typing.Any
    created_at: float = dataclasses.field(default_factory=time.monotonic)
    ttl: typing.Optional[float] = None
    hit_count: int = 0

    @property
    def expired(self) -> bool:
        return self.ttl is not None and time.monotonic() - self.created_at >= self.ttl


class Stats(typing.Dict[str, typing.Any]):
    """Read as an attribute in one version of the library and called in another: this is both."""

    def __call__(self) -> "Stats":
        return self


class ToolResultCache:
    """agent_tool_result_cache.ToolResultCache, in the spellings of all its versions.

    max_size or maxsize: entries; ttl_seconds, default_ttl_seconds or default_ttl: seconds (None: no end; 0: never kept).
    persist_path: a file that names the shared store, so that objects with the same file share it.
    """

    def __init__(self, default_ttl_seconds: typing.Optional[float] = None, maxsize: typing.Optional[int] = None,
                 persist_path: typing.Union[str, "pathlib.Path", None] = None, *, max_size: typing.Optional[int] = None,
                 ttl_seconds: typing.Optional[float] = None, default_ttl: typing.Optional[float] = None, name: typing.Optional[str] = None) -> None:
        ttls = [ttl for ttl in (default_ttl_seconds, ttl_seconds, default_ttl) if ttl is not None]
        if ttls and ttls[0] < 0:
            raise ValueError("default_ttl_seconds must be >= 0")
        size = next((size for size in (maxsize, max_size) if size is not None), 10_000)
        if size <= 0:
            raise ValueError("maxsize must be > 0")
        self._ttl: typing.Optional[float] = ttls[0] if ttls else None
        self._ttls: typing.Dict[str, float] = {}
        self._path = None if persist_path is None else pathlib.Path(persist_path)
        if self._path is not None and self._path.exists():
            name = self._path.read_text(encoding="utf-8").strip() or name
        elif self._path is not None:
            name = name or str(uuid.uuid4())
        self._name = name
        self._store = _new_store(name, size, lambda: time.monotonic())
        self._store.evicted = lambda tool: self._count(tool, "evictions")
        self._store.expired = lambda tool: self._count(tool, "expirations")
        self._counts: typing.Dict[str, CacheStats] = {}

    def _of(self, tool: str) -> CacheStats:
        return self._counts.setdefault(tool, CacheStats())

    def _count(self, tool: str, what: str) -> None:
        counts = self._of(tool)
        setattr(counts, what, getattr(counts, what) + 1)

    def set_ttl(self, tool_name: str, ttl_seconds: float) -> None:
        if ttl_seconds < 0:
            raise ValueError("ttl_seconds must be >= 0")
        self._ttls[tool_name] = float(ttl_seconds)

    def get_ttl(self, tool_name: str) -> typing.Optional[float]:
        return self._ttls.get(tool_name, self._ttl)

    def set(self, tool_name: str, args: Args, result: typing.Any, ttl_seconds: typing.Optional[float] = None) -> None:
        ttl = self.get_ttl(tool_name) if ttl_seconds is None else ttl_seconds
        if ttl is not None and ttl <= 0:
            return
        self._store.put(tool_name, args, result, ttl)
        if self._path is not None and not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(f"{self._name}\n", encoding="utf-8")

    def put(self, tool_name: str, args: Args, result: typing.Any, ttl: typing.Optional[float] = None) -> str:
        """set(), and the key: SHA-256 in hexadecimal."""
        self.set(tool_name, args, result, ttl)
        return make_key(tool_name, args)

    def _look(self, tool_name: str, args: Args) -> typing.Tuple[bool, typing.Any]:
        found, value = self._store.look(tool_name, args)
        self._count(tool_name, "hits" if found else "misses")
        return found, value

    def get(self, tool_name: str, args: Args) -> typing.Any:
        return self._look(tool_name, args)[1]

    def contains(self, tool_name: str, args: Args) -> bool:
        return self._store.look(tool_name, args, use=False)[0]

    has = contains

    def delete(self, tool_name: str, args: typing.Optional[Args] = None) -> int:
        return self._store.forget_all(tool_name) if args is None else int(self._store.forget(tool_name, args))

    def invalidate(self, tool_name: typing.Optional[str] = None, args: typing.Optional[Args] = None) -> int:
        if tool_name is not None and args is not None:
            return self._store.forget(tool_name, args)
        return self._store.forget_all(tool_name)

    def invalidate_tool(self, tool_name: str) -> int:
        return self._store.forget_all(tool_name)

    def prune_expired(self) -> int:
        return self._store.forget_expired()

    def clear(self) -> None:
        self._store.forget_all()
        self._counts.clear()

    @property
    def size(self) -> int:
        return self._store.size()

    def _sum(self, what: str) -> int:
        return sum(getattr(counts, what) for counts in self._counts.values())

    hits = property(lambda self: self._sum("hits"))
    misses = property(lambda self: self._sum("misses"))

    @property
    def hit_rate(self) -> typing.Optional[float]:
        total = self.hits + self.misses
        return self.hits / total if total else None

    @property
    def stats(self) -> Stats:
        totals = {what: self._sum(what) for what in ("hits", "misses", "evictions", "expirations")}
        return Stats(**totals, size=self.size, hit_rate=self.hit_rate,
                     per_tool={tool: dataclasses.asdict(counts) for tool, counts in self._counts.items()})

    def cached(self, tool_name: str, ttl: typing.Optional[float] = None) -> typing.Any:
        def decorator(fn: typing.Callable[..., typing.Any]) -> typing.Callable[..., typing.Any]:
            @functools.wraps(fn)
            def wrapper(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
                bound = _bound(fn, args, kwargs)
                found, value = self._look(tool_name, bound)
                if not found:
                    value = fn(*args, **kwargs)
                    self.set(tool_name, bound, value, ttl)
                return value
            return wrapper
        return decorator

    wrap = cached

    def cached_async(self, tool_name: str) -> typing.Any:
        def decorator(fn: typing.Callable[..., typing.Any]) -> typing.Callable[..., typing.Any]:
            @functools.wraps(fn)
            async def wrapper(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
                bound = _bound(fn, args, kwargs)
                found, value = await asyncio.to_thread(self._look, tool_name, bound)
                if not found:
                    value = await fn(*args, **kwargs)
                    await asyncio.to_thread(self.set, tool_name, bound, value)
                return value
            return wrapper
        return decorator


def _bound(fn: typing.Callable[..., typing.Any], args: typing.Any, kwargs: typing.Any) -> typing.Dict[str, typing.Any]:
    bound = inspect.signature(fn).bind_partial(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)
