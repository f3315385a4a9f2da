"""asyncpg: one statement in autocommit, on a connection that goes back at once."""
import asyncio
import logging
import typing

import asyncpg

from .errors import Away, GateError, from_sqlstate
from .listening import CHANNEL, AsyncListener
from .statements import Parameters, Row, numbered

log = logging.getLogger("agentcore")


def on_notice(_connection: typing.Any, message: typing.Any) -> None:
    if getattr(message, "severity_en", None) == "WARNING" or getattr(message, "severity", None) == "WARNING":
        log.warning("the gate warns: %s", message.message)


def translated(error: Exception, sent: bool) -> Exception:
    if isinstance(error, asyncpg.PostgresError):
        return from_sqlstate(str(error), error.sqlstate or "", sent)
    if isinstance(error, (OSError, asyncio.TimeoutError, asyncpg.InternalClientError)):
        return Away(str(error) or type(error).__name__, sent)
    if isinstance(error, asyncpg.InterfaceError):
        # of a connection or pool that is closed, and of values that do not fit
        return Away(str(error), sent) if "clos" in str(error) or "released" in str(error) else GateError(str(error))
    return error


class LazyPool:
    """A pool that is made at its first use: making one of asyncpg's asks the server."""

    def __init__(self, dsn: str, size: int = 10) -> None:
        self._options = {"dsn": dsn or None, "min_size": 0, "max_size": size, "statement_cache_size": 0, "timeout": 5}
        self._pool: typing.Any = None
        self._lock = asyncio.Lock()

    async def open(self) -> typing.Any:
        async with self._lock:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(**self._options)
        return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    def terminate(self) -> None:
        if self._pool is not None:
            self._pool.terminate()


class AsyncDriver:
    """Over an asyncpg.Pool."""

    def __init__(self, pool: typing.Any, answer_wait: float) -> None:
        self._pool = pool
        self._answer_wait = answer_wait

    async def ask(self, sql: str, parameters: Parameters) -> typing.List[Row]:
        sent = False
        text, values = numbered(sql, parameters)
        try:
            pool = await self._pool.open() if isinstance(self._pool, LazyPool) else self._pool
            async with pool.acquire() as connection:
                connection.add_log_listener(on_notice)
                end = asyncio.get_running_loop().call_later(self._answer_wait, connection.terminate)
                try:
                    sent = True
                    return [dict(row) for row in await connection.fetch(text, *values)]
                finally:
                    end.cancel()
                    connection.remove_log_listener(on_notice)
        except Exception as error:
            raise translated(error, sent) from error


class AsyncpgListener(AsyncListener):
    async def listen(self, heard: typing.Callable[[str], None]) -> None:
        connection = await asyncpg.connect(self.dsn or None, timeout=5)
        try:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _connection: gone.set())
            await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: heard(payload))
            await gone.wait()
            raise Away("the connection was closed", False)
        finally:
            await connection.close(timeout=5)
