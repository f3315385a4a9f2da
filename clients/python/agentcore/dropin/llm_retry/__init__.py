"""llm_retry: retry(), retry_async() and with_retry(), with the library's own policies or one of the database.

A RetryPolicy is reckoned here, as in the library.  `policy="name"` is a retry policy of the database: then it decides
what may be tried again, and when, by the rules of retry_rules(): a Retry-After counts, a used-up quota does not come back.
"""
import asyncio
import dataclasses
import enum
import functools
import inspect
import random
import time
import typing

from ... import values
from .. import rows
from . import predicates

__all__ = ["Jitter", "RetryError", "RetryExhausted", "RetryPolicy", "by_gate", "predicates", "retry", "retry_async", "with_retry"]

_NEXT = """SELECT action, reason, delay_ms FROM agentcore.retry_next(%(attempt)s::text::integer, status => %(status)s::text::integer,
 error => %(error)s::text, retry_after_header => %(retry_after)s::text, retry_policy => %(policy)s::text)"""
Operation = typing.Callable[[], typing.Any]


class Jitter(enum.Enum):
    """How much of a delay is drawn by chance: nothing, its second half, all of it."""
    NONE = "none"
    EQUAL = "equal"
    FULL = "full"


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """max_attempts: in all, the first included.  Delays double from base_delay_ms to max_delay_ms."""
    max_attempts: int = 6
    base_delay_ms: int = 500
    max_delay_ms: int = 30_000
    jitter: Jitter = Jitter.FULL

    def __post_init__(self) -> None:
        for name in ("max_attempts", "base_delay_ms", "max_delay_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be >= 0")

    def delay_seconds(self, attempt_index: int, rng: typing.Optional[random.Random] = None) -> float:
        """Seconds before the attempt after attempt_index (from 0) failed."""
        if attempt_index < 0:
            raise ValueError("attempt_index must be >= 0")
        capped = min(self.base_delay_ms * 2.0 ** min(attempt_index, 30), self.max_delay_ms) / 1000
        chance = (rng or random).uniform
        if self.jitter is Jitter.NONE:
            return capped
        if self.jitter is Jitter.EQUAL:
            return capped / 2 + chance(0.0, capped / 2)
        return chance(0.0, capped)


class RetryExhausted(Exception):
    """Every attempt failed.  last_error: the last exception; attempts: how many there were."""

    def __init__(self, last_error: BaseException, attempts: int) -> None:
        self.last_error, self.attempts = last_error, attempts
        super().__init__(f"retry exhausted after {attempts} attempts: {last_error!r}")


RetryError = RetryExhausted
Policy = typing.Union[RetryPolicy, str, None]
Predicate = typing.Optional[typing.Callable[[BaseException], bool]]


def advice(error: BaseException, attempt: int, policy: str) -> typing.Dict[str, typing.Any]:
    """What the database says of the attempt-th failure (from 1): action, reason, delay_ms."""
    failure = values.failure(error)
    return rows(_NEXT, {"attempt": str(attempt), "status": None if failure.status is None else str(failure.status), "error": failure.error,
                        "retry_after": failure.retry_after, "policy": policy})[0]


def by_gate(error: BaseException) -> bool:
    """A predicate: whether the database's rules hold such a failure for one that passes."""
    return bool(advice(error, 1, "default")["action"] == "retry")


def _pause(error: BaseException, attempt: int, policy: typing.Union[RetryPolicy, str], should_retry: Predicate,
           rng: typing.Optional[random.Random]) -> float:
    """Seconds until the next attempt.  Raises where there is none: the error itself, or RetryExhausted."""
    if not isinstance(error, Exception) and (should_retry is None or isinstance(policy, str)):
        raise error                                     # a cancelled task, Ctrl-C: no failure of the call
    if should_retry is not None and not should_retry(error):
        raise error
    if isinstance(policy, str):
        row = advice(error, attempt, policy)
        if row["action"] == "retry":
            return float(row["delay_ms"]) / 1000
        if row["reason"] == "attempts_exhausted":
            raise RetryExhausted(error, attempt) from error
        raise error
    if attempt >= max(policy.max_attempts, 1):
        raise RetryExhausted(error, attempt) from error
    return policy.delay_seconds(attempt - 1, rng=rng)


def retry(op: Operation, *, policy: Policy = None, should_retry: Predicate = None, rng: typing.Optional[random.Random] = None,
          sleep: typing.Callable[[float], typing.Any] = time.sleep) -> typing.Any:
    """op() until it succeeds.  should_retry None: every Exception is tried again, or what the named policy says."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return op()
        except BaseException as error:
            delay = _pause(error, attempt, policy or RetryPolicy(), should_retry, rng)
        if delay > 0:
            sleep(delay)


async def retry_async(op: Operation, *, policy: Policy = None, should_retry: Predicate = None, rng: typing.Optional[random.Random] = None,
                      sleep: typing.Callable[[float], typing.Awaitable[typing.Any]] = asyncio.sleep) -> typing.Any:
    """retry() for an op() that gives an awaitable, a new one each time."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return await op()
        except BaseException as error:
            asked = policy or RetryPolicy()
            if isinstance(asked, str):
                delay = await asyncio.to_thread(_pause, error, attempt, asked, should_retry, rng)
            else:
                delay = _pause(error, attempt, asked, should_retry, rng)
        if delay > 0:
            await sleep(delay)


def with_retry(policy: Policy = None, **options: typing.Any) -> typing.Any:
    """A decorator: the function is called as retry() or, where it is a coroutine function, retry_async() would."""
    def decorator(fn: typing.Callable[..., typing.Any]) -> typing.Callable[..., typing.Any]:
        loop = retry_async if inspect.iscoroutinefunction(fn) else retry

        @functools.wraps(fn)
        def wrapper(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
            return loop(lambda: fn(*args, **kwargs), policy=policy, **options)
        return wrapper
    return decorator
