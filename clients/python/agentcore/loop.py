"""The rules of a call: begin, run, settle.  Generators of steps; the runners are in gate.py and aio.py.

A call is settled on every way out of here: committed, failed, or released where it never ran.  What can be lost
is an answer: then the same is asked again, which the gate answers as before (same key and holder, same call_id).
"""
import dataclasses
import logging
import random
import time
import typing
import uuid

from . import statements as sql
from . import values
from .errors import AGAIN, Away, GateError, GateUnavailable
from .result import Result
from .steps import Ask, Decision, Outcome, Run, Running, Shield, Sleep, Steps

log = logging.getLogger("agentcore")


@dataclasses.dataclass
class Rules:
    """How a gate behaves; times in seconds."""
    fail_open: typing.Container[str] = frozenset()   # tools that run although the database is away
    max_result: int = 1 << 20                        # bytes of a result that is kept
    max_wait: float = 30.0                           # all waits of one call, for time and for retries
    approval_wait: float = 300.0                     # for people
    reconnect: float = 5.0                           # a begin whose database is away
    settle_wait: float = 30.0                        # a settlement whose database is away
    lease: float = 60.0                              # without a heartbeat for so long, the worker counts as dead
    errors: str = "raise"                            # what a tool's exception becomes: "raise" | "result"
    counts: typing.Dict[str, int] = dataclasses.field(default_factory=dict)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclasses.dataclass
class Request:
    """One logical call, however often it is asked and tried."""
    agent: str
    tool: str
    args: typing.Any
    fn: typing.Callable[..., typing.Any]
    key: str
    holder: str
    lease: float
    task: typing.Optional[str] = None
    subject: typing.Optional[str] = None
    budgets: typing.Optional[typing.Sequence[str]] = None
    labels: typing.Optional[typing.Mapping[str, str]] = None
    est_tokens: typing.Optional[int] = None
    est_usd: typing.Any = None
    tenant: str = ""
    spread: bool = False
    cost: typing.Optional[typing.Callable[[typing.Any], typing.Tuple[typing.Any, typing.Any]]] = None

    @property
    def name(self) -> str:
        return self.tool

    def begin(self) -> Ask:
        return Ask(sql.CALL_BEGIN, {
            "agent": self.agent, "tool": self.tool, "args": values.of_args(self.args), "est_tokens": _text(self.est_tokens),
            "est_usd": _text(self.est_usd), "key": self.key, "task": self.task, "subject": self.subject,
            "budgets": None if self.budgets is None else list(self.budgets), "lease": f"{self.lease} s", "holder": self.holder,
            "labels": None if self.labels is None else values.to_json(self.labels), "tenant": self.tenant})

    def commit(self, rules: Rules, call_id: str, value: typing.Any) -> Ask:
        result = values.of_result(value, rules.max_result)
        if result is None:
            log.warning("the result of call %s of %s is larger than %s bytes: the gate does not keep it", call_id, self.tool, rules.max_result)
        tokens, usd = self.cost(value) if self.cost else (None, None)
        return Ask(sql.CALL_COMMIT, {"call_id": call_id, "result": result, "tokens": _text(tokens), "usd": _text(usd), "tenant": self.tenant})

    def fail(self, call_id: str, failure: values.Failure) -> Ask:
        return Ask(sql.CALL_FAIL, {"call_id": call_id, "status": _text(failure.status), "error": failure.error, "retry_after": failure.retry_after,
                                   "tokens": None, "usd": None, "usage": None, "tenant": self.tenant})

    def release(self, call_id: str) -> Ask:
        return Ask(sql.CALL_RELEASE, {"call_id": call_id, "tenant": self.tenant})

    def extend(self, call_id: str) -> Ask:
        return Ask(sql.CALL_EXTEND, {"call_id": call_id, "lease": f"{self.lease} s", "tenant": self.tenant})

    def argument(self, row: sql.Row) -> typing.Any:
        """What the tool runs with: the arguments that the gate returned, for it may have converted them."""
        return values.of_json(row["args"])


def new_key() -> str:
    return str(uuid.uuid4())


def _text(value: typing.Any) -> typing.Optional[str]:
    return None if value is None else str(value)


# ----- asking ---------------------------------------------------------------

def _pause(tries: int) -> Sleep:
    return Sleep(min(0.05 * 2 ** tries, 1.0) * random.uniform(0.5, 1.0))


def ask_begin(rules: Rules, request: Request) -> Steps:
    """The gate's row.  Where the answer is lost, key and holder get the same one: run, detail "yours"."""
    deadline = time.monotonic() + rules.reconnect
    tries = 0
    while True:
        try:
            rows = yield request.begin()
            return rows[0]
        except Away as error:
            if time.monotonic() >= deadline:
                raise GateUnavailable(f"the gate could not be asked about {request.name}: {error}") from error
        except GateError as error:
            if error.sqlstate not in AGAIN or time.monotonic() >= deadline:
                raise
        except BaseException:
            # it may have been begun: nobody is going to run it
            yield from give_back_unseen(rules, request)
            raise
        yield _pause(tries)
        tries += 1


def give_back_unseen(rules: Rules, request: Request) -> Steps:
    yield Shield(rules.settle_wait)
    try:
        rows = yield request.begin()
    except Exception as error:
        log.warning("call %s of %s may stay open until its lease ends: %s", request.key, request.name, error)
        return
    if rows[0]["verdict"] == "run":
        yield from settle(rules, request.release(rows[0]["call_id"]), rows[0]["call_id"])


def settle(rules: Rules, ask: Ask, call_id: str) -> Steps:
    """The row of a settlement; NULL where the gate could not be told in time: then the lease ends the call.

    A caller that gives up meanwhile does so after the settlement.
    """
    deadline = time.monotonic() + rules.settle_wait
    tries = 0
    cancelled: typing.Optional[BaseException] = None
    row: typing.Optional[sql.Row] = None
    while True:
        try:
            rows = yield ask
            row = rows[0]
            break
        except (Away, GateError) as error:
            sqlstate = getattr(error, "sqlstate", None)
            if (sqlstate is not None and sqlstate not in AGAIN) or time.monotonic() >= deadline:
                rules.count("unsettled")
                log.error("call %s could not be settled: %s", call_id, error)
                break
        except BaseException as error:
            if cancelled is not None:
                raise
            cancelled = error
            yield Shield(rules.settle_wait)
            continue
        yield _pause(tries)
        tries += 1
    if cancelled is not None:
        raise cancelled
    return row


def heartbeat(rules: Rules, request: Request, running: Running) -> Steps:
    """Extends the lease while the tool runs.  Ends where the gate has closed the call, after it was given up."""
    while True:
        yield Sleep(request.lease / 3)
        tries = 0
        while True:
            try:
                rows = yield request.extend(typing.cast(str, running.call_id))
                break
            except (Away, GateError) as error:
                # the lease may end meanwhile; the gate still takes the answer, so the tool goes on
                log.warning("no heartbeat of call %s: %s", running.call_id, error)
            yield _pause(tries)
            tries += 1
        if rows[0]["outcome"] == "closed":
            rules.count("lost")
            log.warning("the gate has closed call %s of %s while it ran", running.call_id, request.name)
            running.lost = True
            running.give_up()
            return


# ----- a call ---------------------------------------------------------------

class Patience:
    """How long a call is waited for in all: for people, and for anything else."""

    def __init__(self, rules: Rules) -> None:
        self.left = rules.max_wait
        self.people = rules.approval_wait
        self.looks = 0

    def spend(self, seconds: float) -> bool:
        """Whether there is still so much; a little more than asked, so that those who wait together do not come back together."""
        self.left -= seconds
        return self.left >= 0

    def look_after(self) -> float:
        """Seconds until the next look for a decision: growing, and 0 when patience is over."""
        pause = min(0.5 * 1.6 ** self.looks, 15.0, self.people)
        self.looks += 1
        self.people -= pause
        return max(pause, 0.0)


def call(rules: Rules, request: Request, row: typing.Optional[sql.Row] = None) -> Steps:
    """A whole call: a Result.  row: the gate's answer where it was asked already."""
    patience = Patience(rules)
    waits: typing.Dict[str, int] = {}
    attempts = 0
    failed: typing.Optional[Result] = None
    held: typing.Optional[str] = None           # an attempt failed, and the call waits for the next one
    try:
        while True:
            if row is None:
                try:
                    row = yield from ask_begin(rules, request)
                except GateUnavailable:
                    if request.name not in rules.fail_open:
                        raise
                    return (yield from run_open(rules, request))
            if row["verdict"] == "run":
                attempts += 1
                held = row["call_id"]
                result, delay = yield from attempt(rules, request, row)
                if delay is None or result.ok:
                    held = None
                    return _finish(rules, result, attempts, waits)
                failed = result
                step: typing.Any = Sleep(delay)
                patient = patience.spend(delay)
            elif row["verdict"] == "wait":
                reason = row["reason"]
                waits[reason] = waits.get(reason, 0) + 1
                if row["approval"] and reason == "approval_required":
                    pause = patience.look_after()
                    patient, step = pause > 0, Decision(row["approval"], pause)
                else:
                    delay = (row["retry_after_ms"] or 100) / 1000 * random.uniform(1.0, 1.2)
                    patient, step = patience.spend(delay), Sleep(max(delay, 0.005))
            else:
                return _finish(rules, of_row(row), attempts, waits)
            if not patient:
                return _finish(rules, failed or of_row(row), attempts, waits)
            row = None
            yield step
    finally:
        if held is not None:
            yield Shield(rules.settle_wait)
            yield from settle(rules, request.release(held), held)


def of_row(row: sql.Row) -> Result:
    """cached, wait and deny."""
    value = values.of_json(row["result"]) if row["verdict"] == "cached" else None
    return Result(ok=row["verdict"] == "cached", value=value, verdict=row["verdict"], reason=row["reason"], feedback=row["feedback"],
                  detail=row["detail"], errors=values.of_json(row["errors"]), call_id=row["call_id"], args=values.of_json(row["args"]),
                  approval=row["approval"], model=row["model"], enforced=bool(row["enforced"]))


def attempt(rules: Rules, request: Request, row: sql.Row) -> Steps:
    """(result, seconds until the next attempt or None): runs the tool once and settles."""
    call_id = row["call_id"]
    argument = request.argument(row)
    running = Running(call_id, request.key, row["attempt"] or 1)
    outcome: Outcome = yield Run(request.fn, argument, request.spread, running, lambda: heartbeat(rules, request, running))
    result = Result(ok=outcome.error is None, value=outcome.value, call_id=call_id, args=argument, approval=row["approval"], model=row["model"],
                    enforced=bool(row["enforced"]), detail=row["detail"])
    if outcome.error is None:
        if outcome.cancelled is not None:
            yield Shield(rules.settle_wait)
        settled = yield from settle(rules, request.commit(rules, call_id, outcome.value), call_id)
        result.settled = settled["outcome"] if settled else None
        if result.settled == "conflict":
            log.error("call %s of %s was settled otherwise meanwhile: its work may have been done twice", call_id, request.name)
        if outcome.cancelled is not None:
            raise outcome.cancelled
        return result, None
    return (yield from attempt_failed(rules, request, result, outcome.error))


def attempt_failed(rules: Rules, request: Request, result: Result, error: BaseException) -> Steps:
    failure = values.failure(error)
    given_up = not isinstance(error, Exception)
    if given_up:
        yield Shield(rules.settle_wait)
        failure = values.Failure(499, f"cancelled: {failure.error}", None)
    call_id = typing.cast(str, result.call_id)
    advice = yield from settle(rules, request.fail(call_id, failure), call_id)
    if given_up:
        raise error
    result.error, result.feedback = error, f"{type(error).__name__}: {error}"
    if advice is None:
        return result, None
    result.settled, result.advice, result.reason = "failed", advice["action"], advice["reason"]
    return result, advice["delay_ms"] / 1000 if advice["action"] == "retry" else None


def run_open(rules: Rules, request: Request) -> Steps:
    """Without the gate, for a tool that may."""
    rules.count("fail_open")
    log.warning("the gate is away: %s runs without it", request.name)
    argument = values.of_json(request.args) if isinstance(request.args, str) else request.args or {}
    outcome: Outcome = yield Run(request.fn, argument, request.spread, Running(None, request.key, 1), lambda: iter(()))  # type: ignore[arg-type,return-value]
    if outcome.cancelled is not None:
        raise outcome.cancelled
    if outcome.error is not None:
        raise outcome.error
    return Result(ok=True, value=outcome.value, verdict="open", args=argument, attempts=1)


def _finish(rules: Rules, result: Result, attempts: int, waits: typing.Dict[str, int]) -> Result:
    result.attempts, result.waits = attempts, waits
    rules.count(result.verdict if result.error is None else "failed")
    if result.error is not None and rules.errors == "raise":
        raise result.error
    return result
