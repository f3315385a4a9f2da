"""Small libraries' names over the database: one import changed, and every process shares one answer.

    from agentcore.dropin.token_budget import BudgetPool           # was: from token_budget import BudgetPool
    from agentcore.dropin.tool_result_cache import ToolResultCache

The database is the one that the environment names (PGHOST, PGDATABASE, ...) unless use() names another.  An object
without a name is as new and as private as in the library; with `name=` all processes that give the same name share it.
doc/migration.md lists every difference that stays.
"""
import json
import threading
import typing
import uuid

from .. import over_psycopg
from ..statements import Row
from ..values import plain

_lock = threading.Lock()
_pool: typing.Any = None


def use(pool: typing.Any) -> None:
    """The pool of all drop-ins: a connection string, an agentcore.Pool, a psycopg_pool.ConnectionPool."""
    global _pool
    with _lock:
        _pool = over_psycopg.Pool(pool) if isinstance(pool, str) else pool


def pool() -> typing.Any:
    global _pool
    with _lock:
        if _pool is None:
            _pool = over_psycopg.Pool()
        return _pool


def rows(sql: str, parameters: typing.Mapping[str, typing.Any]) -> typing.List[Row]:
    """One statement in a transaction of its own.  Raises Away or GateError."""
    return over_psycopg.Driver(pool(), ANSWER_WAIT).ask(sql, parameters)


ANSWER_WAIT = 30.0


def own_name(kind: str, name: typing.Optional[str]) -> str:
    return f"{kind}:{name}" if name is not None else f"{kind}:{uuid.uuid4()}"


def as_json(value: typing.Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
