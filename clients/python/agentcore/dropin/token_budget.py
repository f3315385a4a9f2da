"""token_budget.BudgetPool over a budget of the database: a pool of many processes, exact, and there after a restart.

`name=` is a budget's name: made with the caps that are given, and left as it is where none is.  Money is exact to
a billionth of a dollar.
"""
import contextlib
import dataclasses
import threading
import typing

import psycopg.rows

from . import own_name, pool, rows

_CHARGE = """SELECT granted, reason, denied_by, denied_dimension, used, held, max, asked FROM agentcore.budget_charge(%(budget)s::text,
 tokens => %(tokens)s::text::bigint, usd => %(usd)s::text::numeric)"""
_HOLD = """SELECT permit::text, granted, reason, denied_by, denied_dimension, used, held, max, asked FROM agentcore.budget_try_acquire(%(budget)s::text,
 tokens => %(tokens)s::text::bigint, usd => %(usd)s::text::numeric, lease => make_interval(secs => %(lease)s::text::double precision))"""
_COMMIT = "SELECT agentcore.budget_commit(%(permit)s::text::uuid, %(tokens)s::text::bigint, %(usd)s::text::numeric) AS outcome"
_RELEASE = "SELECT agentcore.budget_release(%(permit)s::text::uuid) AS outcome"
_STATE = """SELECT used[1] AS tokens, used[2] / 1e9 AS usd, held[1] AS tokens_held, held[2] / 1e9 AS usd_held, max[1] AS token_cap, max[2] / 1e9 AS usd_cap
 FROM agentcore.budget_windows(%(budget)s::text) WHERE place = 0"""


class BudgetExceeded(Exception):
    """axis: tokens or usd; attempted: what would have been used and held; cap: the limit."""

    def __init__(self, axis: str, attempted: float, cap: float) -> None:
        self.axis, self.attempted, self.cap = axis, attempted, cap
        super().__init__(f"budget exceeded on {axis}: attempted {attempted:.6g} > cap {cap:.6g}")


@dataclasses.dataclass(frozen=True)
class BudgetSnapshot:
    """The pool at one moment.  Money is in dollars; None: no cap."""
    tokens_used: int
    usd_used: float
    token_cap: typing.Optional[int]
    usd_cap: typing.Optional[float]
    tokens_remaining: typing.Optional[int]
    usd_remaining: typing.Optional[float]


@dataclasses.dataclass(frozen=True)
class BudgetConfig:
    """The caps of a pool; window_seconds: they hold for any such span of time (None: for ever)."""
    max_tokens: typing.Optional[int] = None
    max_usd: typing.Optional[float] = None
    window_seconds: typing.Optional[float] = None


class BudgetPool:
    """A budget shared by all who name it.  lease: seconds after which a hold that nobody settled is given back."""

    def __init__(self, token_cap: typing.Union[int, BudgetConfig, None] = None, usd_cap: typing.Optional[float] = None, *,
                 name: typing.Optional[str] = None, lease: float = 600.0) -> None:
        config = token_cap if isinstance(token_cap, BudgetConfig) else BudgetConfig(token_cap, usd_cap)
        if config.max_tokens is not None and config.max_tokens < 0:
            raise ValueError("token_cap must be >= 0 or None")
        if config.max_usd is not None and config.max_usd < 0:
            raise ValueError("usd_cap must be >= 0 or None")
        self.name = own_name("budget", None) if name is None else name
        self._lease = lease
        self._open: typing.Set["Reservation"] = set()
        self._lock = threading.Lock()
        if name is None or config != BudgetConfig():
            self._define(config)

    def _define(self, config: BudgetConfig) -> None:
        rows("""SELECT agentcore.budget_set(%(name)s::text, max_tokens => %(tokens)s::text::bigint, max_usd => %(usd)s::text::numeric,
 period => make_interval(secs => %(window)s::text::double precision), kind => CASE WHEN %(window)s::text IS NOT NULL THEN 'sliding' END)""",
             {"name": self.name, "tokens": _text(config.max_tokens), "usd": _text(config.max_usd), "window": _text(config.window_seconds)})

    def record(self, *, tokens: int = 0, usd: float = 0.0) -> None:
        """Charges what was used, or raises BudgetExceeded and charges nothing."""
        _positive("record amounts", tokens, usd)
        self._granted(rows(_CHARGE, self._amounts(tokens, usd))[0])

    def try_reserve(self, *, tokens: int = 0, usd: float = 0.0) -> "Reservation":
        """Holds an upper bound until commit() or release(), or raises BudgetExceeded."""
        _positive("reserve amounts", tokens, usd)
        row = rows(_HOLD, {**self._amounts(tokens, usd), "lease": _text(self._lease)})[0]
        self._granted(row)
        reservation = Reservation(self, str(row["permit"]), tokens, usd)
        with self._lock:
            self._open.add(reservation)
        return reservation

    def acquire(self, tokens: int = 0, usd: float = 0.0) -> "Reservation":
        return self.try_reserve(tokens=tokens, usd=usd)

    @contextlib.contextmanager
    def reserve(self, *, tokens: int = 0, usd: float = 0.0) -> typing.Iterator["Reservation"]:
        """try_reserve() that is given back at the end of the block, unless it was committed."""
        reservation = self.try_reserve(tokens=tokens, usd=usd)
        try:
            yield reservation
        finally:
            reservation.release()

    def snapshot(self) -> BudgetSnapshot:
        row = rows(_STATE, {"budget": self.name})[0]
        token_cap = None if row["token_cap"] is None else int(row["token_cap"])
        usd_cap = None if row["usd_cap"] is None else float(row["usd_cap"])
        return BudgetSnapshot(
            int(row["tokens"]), float(row["usd"]), token_cap, usd_cap,
            None if token_cap is None else token_cap - int(row["tokens"]) - int(row["tokens_held"]),
            None if usd_cap is None else float(row["usd_cap"] - row["usd"] - row["usd_held"]))

    def reset(self) -> None:
        """Counts anew.  What this object holds is given back; a commit of it is charged to the new count."""
        with self._lock:
            stale, self._open = self._open, set()
        for reservation in stale:
            reservation._drop()
        rows("SELECT agentcore.budget_reset_window(%(budget)s::text)", {"budget": self.name})

    def _amounts(self, tokens: int, usd: float) -> typing.Dict[str, typing.Any]:
        return {"budget": self.name, "tokens": _text(tokens), "usd": _text(usd)}

    @staticmethod
    def _granted(row: typing.Mapping[str, typing.Any]) -> None:
        if row["granted"]:
            return
        axis = row["denied_dimension"] or row["reason"]
        raise BudgetExceeded(axis, float((row["used"] or 0) + (row["held"] or 0) + (row["asked"] or 0)), float(row["max"] or 0))

    def _forgotten(self, reservation: "Reservation") -> None:
        with self._lock:
            self._open.discard(reservation)

    def _exchange(self, permit: str, tokens: int, usd: float) -> None:
        """The hold for a charge that is larger, in one transaction: the caps decide, and the hold is gone either way."""
        with pool().connection() as connection, connection.transaction():
            with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
                cursor.execute(_RELEASE, {"permit": permit})
                cursor.execute(_CHARGE, self._amounts(tokens, usd))
                row = cursor.fetchone()
        self._granted(row)


class Reservation:
    """A part of the pool that is held.  It is settled once: committed, or given back."""

    def __init__(self, owner: BudgetPool, permit: str, tokens: int, usd: float) -> None:
        self._pool = owner
        self._permit: typing.Optional[str] = permit
        self.reserved_tokens = tokens
        self.reserved_usd = usd
        self.completed = False

    def commit(self, *, tokens: typing.Optional[int] = None, usd: typing.Optional[float] = None) -> None:
        """Charges what was used (None: what is held).  More than is held must fit, else BudgetExceeded, and the hold is gone."""
        if self.completed:
            raise RuntimeError("reservation already committed or released")
        tokens = self.reserved_tokens if tokens is None else tokens
        usd = self.reserved_usd if usd is None else usd
        _positive("actual amounts", tokens, usd)
        permit = self._settled()
        if permit is None:
            self._pool.record(tokens=tokens, usd=usd)
        elif tokens > self.reserved_tokens or usd > self.reserved_usd:
            self._pool._exchange(permit, tokens, usd)
        else:
            rows(_COMMIT, {"permit": permit, "tokens": _text(tokens), "usd": _text(usd)})

    def release(self) -> None:
        """Gives the hold back; nothing after the first time, and after a commit."""
        if not self.completed:
            self._give_back(self._settled())

    def _drop(self) -> None:
        permit, self._permit = self._permit, None
        self._give_back(permit)

    @staticmethod
    def _give_back(permit: typing.Optional[str]) -> None:
        if permit is not None:
            rows(_RELEASE, {"permit": permit})

    def _settled(self) -> typing.Optional[str]:
        self.completed = True
        self._pool._forgotten(self)
        permit, self._permit = self._permit, None
        return permit


def _positive(what: str, tokens: int, usd: float) -> None:
    if tokens < 0 or usd < 0:
        raise ValueError(f"{what} must be non-negative")


def _text(value: typing.Any) -> typing.Optional[str]:
    return None if value is None else str(value)
