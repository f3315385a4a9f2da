"""Drivers: one statement in autocommit, on a connection that goes back at once; what is wrong becomes Away or GateError."""
import contextlib
import logging
import threading
import typing

import psycopg
from psycopg.rows import dict_row

from .errors import Away, GateError, from_sqlstate
from .statements import Parameters, Row

log = logging.getLogger("agentcore")

# A host that vanishes is noticed within half a minute.
CONNECT = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15000,
           "application_name": "agentcore"}


def connect_options(dsn: str) -> typing.Dict[str, typing.Any]:
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    return {name: value for name, value in CONNECT.items() if name not in given}


def on_notice(diagnostic: typing.Any) -> None:
    """A mistake with transactions, and a result that was not kept, are told by a WARNING only."""
    if diagnostic.severity_nonlocalized == "WARNING":
        log.warning("the gate warns: %s", diagnostic.message_primary)


def translated(error: BaseException, sent: bool) -> BaseException:
    if isinstance(error, psycopg.Error):
        if error.sqlstate:
            return from_sqlstate(error.diag.message_primary or str(error), error.sqlstate, sent)
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return Away(str(error).strip(), sent)
        return GateError(str(error))
    return Away(str(error), sent) if isinstance(error, OSError) else error


class Pool:
    """A small pool for psycopg 3 where there is no psycopg_pool: connections in autocommit, at most `size` in use."""

    def __init__(self, dsn: str = "", size: int = 10, **options: typing.Any) -> None:
        self._dsn = dsn
        self._options = {**connect_options(dsn), "prepare_threshold": None, **options, "autocommit": True}
        self._idle: typing.List["psycopg.Connection[typing.Any]"] = []
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def connection(self) -> typing.Iterator["psycopg.Connection[typing.Any]"]:
        with self._places:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = psycopg.connect(self._dsn, **self._options)
            try:
                yield connection
            except psycopg.Error:
                self._put(connection)
                raise
            except BaseException:
                # in the middle of a statement, perhaps
                connection.close()
                raise
            else:
                self._put(connection)

    def _put(self, connection: "psycopg.Connection[typing.Any]") -> None:
        with self._lock:
            if not self._closed and not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class Psycopg:
    """psycopg 3 in threads: over a pool, which is anything whose connection() is a context manager."""

    def __init__(self, pool: typing.Any) -> None:
        self._pool = pool

    def ask(self, sql: str, parameters: Parameters) -> typing.List[Row]:
        sent = False
        try:
            with self._pool.connection() as connection, _autocommit(connection):
                connection.add_notice_handler(on_notice)
                try:
                    with connection.cursor(row_factory=dict_row) as cursor:
                        sent = True
                        cursor.execute(sql, parameters)
                        return list(cursor.fetchall())
                finally:
                    connection.remove_notice_handler(on_notice)
        except Exception as error:
            raise translated(error, sent) from error


@contextlib.contextmanager
def _autocommit(connection: "psycopg.Connection[typing.Any]") -> typing.Iterator[None]:
    """A pool may hand out connections that open a transaction with each statement."""
    if connection.autocommit:
        yield
        return
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            connection.autocommit = False
