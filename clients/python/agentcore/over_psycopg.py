"""psycopg 3, in threads and under asyncio: one statement in autocommit, on a connection that goes back at once."""
import asyncio
import contextlib
import logging
import os
import select
import socket
import threading
import time
import typing
import weakref

import psycopg
from psycopg.rows import dict_row

from .errors import Away, GateError, from_sqlstate
from .listening import CHANNEL, AsyncListener, Listener
from .statements import Parameters, Row

log = logging.getLogger("agentcore")

Connection = psycopg.Connection[typing.Any]
AsyncConnection = psycopg.AsyncConnection[typing.Any]
IDLE = psycopg.pq.TransactionStatus.IDLE

# A host that vanishes is noticed within half a minute.
CONNECT = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15000,
           "application_name": "agentcore"}


def connect_options(dsn: str) -> typing.Dict[str, typing.Any]:
    """No prepared statements: a pooler between here and the server may not know them."""
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    return {**{name: value for name, value in CONNECT.items() if name not in given}, "prepare_threshold": None, "autocommit": True}


def on_notice(diagnostic: typing.Any) -> None:
    """A mistake with transactions, and a result that was not kept, are told by a WARNING only."""
    if diagnostic.severity_nonlocalized == "WARNING":
        log.warning("the gate warns: %s", diagnostic.message_primary)


def translated(error: Exception, sent: bool) -> Exception:
    if isinstance(error, psycopg.Error):
        if error.sqlstate:
            return from_sqlstate(error.diag.message_primary or str(error), error.sqlstate, sent)
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return Away(str(error).strip(), sent)
        return GateError(str(error))
    return Away(str(error), sent) if isinstance(error, OSError) else error


def reusable(connection: typing.Any) -> bool:
    return not connection.closed and connection.info.transaction_status == IDLE


def give_up(connection: typing.Any) -> None:
    """Whoever waits for its answer hears that the connection is gone."""
    with contextlib.suppress(OSError, psycopg.Error), contextlib.closing(socket.socket(fileno=os.dup(connection.fileno()))) as end:
        end.shutdown(socket.SHUT_RDWR)


# ----- threads --------------------------------------------------------------

class Watchdog:
    """A thread that gives up connections whose answer does not come: the other end may be silent without being gone."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._due: typing.Dict[Connection, float] = {}
        self._thread: typing.Optional[threading.Thread] = None

    @contextlib.contextmanager
    def watch(self, connection: Connection) -> typing.Iterator[None]:
        with self._lock:
            self._due[connection] = time.monotonic() + self._seconds
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, daemon=True, name="agentcore watchdog")
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._due.pop(connection, None)

    def _serve(self) -> None:
        while True:
            time.sleep(min(self._seconds / 4, 1.0))
            now = time.monotonic()
            with self._lock:
                for connection in [connection for connection, due in self._due.items() if due <= now]:
                    del self._due[connection]
                    give_up(connection)


class Pool:
    """A small pool where there is no psycopg_pool: at most `size` connections in use."""

    def __init__(self, dsn: str = "", size: int = 10) -> None:
        self._dsn = dsn
        self._idle: typing.List[Connection] = []
        self._places = threading.BoundedSemaphore(size)
        self._size = size
        self._process = os.getpid()
        self._closed = False

    @contextlib.contextmanager
    def connection(self) -> typing.Iterator[Connection]:
        if self._process != os.getpid():
            # forked: the connections are the parent's
            self._idle, self._places, self._process = [], threading.BoundedSemaphore(self._size), os.getpid()
        if not self._places.acquire(timeout=30):
            raise psycopg.OperationalError("no connection of the pool came free")
        try:
            connection: typing.Optional[Connection] = None
            with contextlib.suppress(IndexError):
                connection = self._idle.pop()
            if connection is None:
                connection = psycopg.connect(self._dsn, **connect_options(self._dsn))
            try:
                yield connection
            finally:
                self._put(connection)
        finally:
            self._places.release()

    def _put(self, connection: Connection) -> None:
        if reusable(connection) and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class Driver:
    """Over a pool, which is anything whose connection() is a context manager."""

    def __init__(self, pool: typing.Any, answer_wait: float) -> None:
        self._pool = pool
        self._watchdog = Watchdog(answer_wait)

    def ask(self, sql: str, parameters: Parameters) -> typing.List[Row]:
        sent = False
        try:
            with self._pool.connection() as connection, _autocommit(connection):
                connection.add_notice_handler(on_notice)
                try:
                    with connection.cursor(row_factory=dict_row) as cursor, self._watchdog.watch(connection):
                        sent = True
                        cursor.execute(sql, parameters)
                        return list(cursor.fetchall())
                finally:
                    connection.remove_notice_handler(on_notice)
        except Exception as error:
            raise translated(error, sent) from error


@contextlib.contextmanager
def _autocommit(connection: Connection) -> typing.Iterator[None]:
    """A pool may hand out connections that open a transaction with each statement."""
    if connection.autocommit:
        yield
        return
    connection.autocommit = True
    try:
        yield
    finally:
        if reusable(connection):
            connection.autocommit = False


class PsycopgListener(Listener):
    def listen(self, heard: typing.Callable[[str], None], stopped: typing.Callable[[], bool]) -> None:
        with psycopg.connect(self.dsn, **connect_options(self.dsn)) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not stopped():
                if select.select([connection.fileno()], [], [], 1.0)[0]:
                    connection.pgconn.consume_input()
                    notification = connection.pgconn.notifies()
                    while notification:
                        heard(notification.extra.decode())
                        notification = connection.pgconn.notifies()


# ----- asyncio --------------------------------------------------------------

class _OfLoop:
    """What an event loop has of a pool: neither connections nor locks go from one to another."""

    def __init__(self, size: int) -> None:
        self.idle: typing.List[AsyncConnection] = []
        self.places = asyncio.Semaphore(size)


class AsyncPool:
    """The same for asyncio: at most `size` connections in use per event loop."""

    def __init__(self, dsn: str = "", size: int = 10) -> None:
        self._dsn = dsn
        self._size = size
        self._loops: typing.MutableMapping[asyncio.AbstractEventLoop, _OfLoop] = weakref.WeakKeyDictionary()
        self._closed = False

    def _here(self) -> _OfLoop:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = _OfLoop(self._size)
        return self._loops[loop]

    @contextlib.asynccontextmanager
    async def connection(self) -> typing.AsyncIterator[AsyncConnection]:
        here = self._here()
        async with here.places:
            if here.idle:
                connection = here.idle.pop()
            else:
                connection = await psycopg.AsyncConnection.connect(self._dsn, **connect_options(self._dsn))
            try:
                yield connection
            finally:
                await self._put(here, connection)

    async def _put(self, here: _OfLoop, connection: AsyncConnection) -> None:
        if reusable(connection) and not self._closed:
            here.idle.append(connection)
        else:
            await connection.close()

    async def close(self) -> None:
        self._closed = True
        here = self._here()
        while here.idle:
            await here.idle.pop().close()


class AsyncDriver:
    """Over a psycopg_pool.AsyncConnectionPool, or anything whose connection() is an asynchronous context manager."""

    def __init__(self, pool: typing.Any, answer_wait: float) -> None:
        self._pool = pool
        self._answer_wait = answer_wait

    async def ask(self, sql: str, parameters: Parameters) -> typing.List[Row]:
        sent = False
        try:
            async with self._pool.connection() as connection, _async_autocommit(connection):
                connection.add_notice_handler(on_notice)
                end = asyncio.get_running_loop().call_later(self._answer_wait, give_up, connection)
                try:
                    async with connection.cursor(row_factory=dict_row) as cursor:
                        sent = True
                        await cursor.execute(sql, parameters)
                        return list(await cursor.fetchall())
                finally:
                    end.cancel()
                    connection.remove_notice_handler(on_notice)
        except Exception as error:
            raise translated(error, sent) from error


@contextlib.asynccontextmanager
async def _async_autocommit(connection: AsyncConnection) -> typing.AsyncIterator[None]:
    if connection.autocommit:
        yield
        return
    await connection.set_autocommit(True)
    try:
        yield
    finally:
        if reusable(connection):
            await connection.set_autocommit(False)


class AsyncPsycopgListener(AsyncListener):
    async def listen(self, heard: typing.Callable[[str], None]) -> None:
        async with await psycopg.AsyncConnection.connect(self.dsn, **connect_options(self.dsn)) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for notification in connection.notifies():
                heard(notification.payload)
