"""The rules of a call: begin, run, settle.  Generators of steps; the runners are in gate.py and aio.py.

A call is settled on every way out of here: committed, failed, or released where it never ran.  What can be lost
is an answer: then the same is asked again, which the gate answers as before (same key and holder, same call_id).
"""
import json
import logging
import random
import time
import typing

from . import statements as sql
from . import values
from .errors import AGAIN, Away, GateError, GateUnavailable
from .requests import Request, Rules
from .result import Result
from .steps import Ask, Decision, Outcome, Run, Running, Shield, Sleep, Steps
from .turn import Asked

log = logging.getLogger("agentcore")


# ----- asking ---------------------------------------------------------------

def _pause(tries: int) -> Sleep:
    return Sleep(min(0.05 * 2 ** min(tries, 5), 1.0) * random.uniform(0.5, 1.0))


def _asked(rules: Rules, ask: Ask, what: str) -> Steps:
    """The rows of a question that may be repeated, for as long as the database may be away."""
    deadline = time.monotonic() + rules.reconnect
    tries = 0
    while True:
        try:
            return (yield ask)
        except Away as error:
            if time.monotonic() >= deadline:
                rules.count("unavailable")
                raise GateUnavailable(f"the gate could not be asked about {what}: {error}") from error
        except GateError as error:
            if error.sqlstate not in AGAIN or time.monotonic() >= deadline:
                raise
        yield _pause(tries)
        tries += 1


def ask_begin(rules: Rules, request: Request) -> Steps:
    """The gate's row.  Where the answer is lost, key and holder get the same one: run, detail "yours"."""
    try:
        rows = yield from _asked(rules, request.begin(), request.name)
        return rows[0]
    except Exception:
        raise
    except BaseException:
        yield from _give_back_unseen(rules, request)
        raise


def _give_back_unseen(rules: Rules, request: Request) -> Steps:
    """The caller gave up while the gate was asked: what it began nobody is going to run."""
    yield Shield(rules.settle_wait)
    try:
        rows = yield request.begin()
    except Exception as error:
        log.warning("call %s of %s may stay open until its lease ends: %s", request.key, request.name, error)
        return
    if rows[0]["verdict"] == "run":
        yield from settle(rules, request.release(rows[0]["call_id"]), rows[0]["call_id"])


def settle(rules: Rules, ask: Ask, call_id: str) -> Steps:
    """The row of a settlement; None where the gate could not be told: then the end of the lease ends the call.

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
    """Extends the lease while the tool runs; ends where the gate has closed the call, after the tool was told to stop."""
    call_id = typing.cast(str, running.call_id)
    while True:
        yield Sleep(request.lease / 3)
        tries = 0
        while True:
            try:
                rows = yield request.extend(call_id)
                break
            except (Away, GateError) as error:
                # the lease may end meanwhile; the gate takes a late answer too, so the tool goes on
                log.warning("no heartbeat of call %s: %s", call_id, error)
            yield _pause(tries)
            tries += 1
        if rows[0]["outcome"] == "closed":
            rules.count("lost")
            log.warning("the gate has closed call %s of %s while it ran", call_id, request.name)
            running.lost = True
            running.give_up()
            return


# ----- a call ---------------------------------------------------------------

class Patience:
    """How long a call is waited for in all: for people, and for anything else."""

    def __init__(self, rules: Rules) -> None:
        self._left = rules.max_wait
        self._people = rules.approval_wait
        self._look = rules.first_look

    def spend(self, seconds: float) -> bool:
        self._left -= seconds
        return self._left >= 0

    def next_look(self) -> float:
        """Seconds until the next look for a decision: growing, and 0 when patience is over."""
        pause = max(min(self._look, self._people), 0.0)
        self._look = max(self._look, min(self._look * 1.6, 15.0))
        self._people -= pause
        return pause


def call(rules: Rules, request: Request, row: typing.Optional[sql.Row] = None, keep: bool = False) -> Steps:
    """A whole call: a Result.  row: the gate's answer where it was asked already.  keep: the caller settles what succeeded, see Opened."""
    patience = Patience(rules)
    waits: typing.Dict[str, int] = {}
    attempts = 0
    failed: typing.Optional[Result] = None
    held = row["call_id"] if row and row["verdict"] == "run" else None      # a call that is ours and not settled
    try:
        while True:
            if row is None:
                try:
                    row = yield from ask_begin(rules, request)
                except GateUnavailable:
                    if not rules.opens(request.name) or request.fn is None:
                        raise
                    return (yield from run_open(rules, request))
            if row["verdict"] == "run":
                held = row["call_id"]
                if request.fn is None:
                    return _finish(rules, request, Result(ok=False, verdict="deny", reason="unknown_tool", call_id=held, settled="released",
                                                          feedback=f'There is no tool "{request.name}" here.'), 0, waits)
                attempts += 1
                result, delay = yield from attempt(rules, request, row, keep)
                if delay is None:
                    held = None
                    return _finish(rules, request, result, attempts, waits)
                failed = result
                step: typing.Any = Sleep(delay)
                patient = patience.spend(delay)
            elif row["verdict"] == "wait":
                waits[row["reason"]] = waits.get(row["reason"], 0) + 1
                if row["approval"] and row["reason"] == "approval_required":
                    pause = patience.next_look()
                    patient, step = pause > 0, Decision(row["approval"], pause)
                else:
                    delay = (row["retry_after_ms"] or 100) / 1000 * random.uniform(1.0, 1.2)
                    patient, step = patience.spend(delay), Sleep(max(delay, 0.005))
            else:
                return _finish(rules, request, of_row(row), attempts, waits)
            if not patient:
                return _finish(rules, request, failed or of_row(row), attempts, waits)
            row = None
            yield step
    finally:
        # what was done is never given back, though who waited for its settlement gave up twice
        if held is not None and not request.done:
            yield Shield(rules.settle_wait)
            yield from settle(rules, request.release(held), held)


def of_row(row: sql.Row) -> Result:
    """cached, wait and deny."""
    value = values.of_json(row["result"]) if row["verdict"] == "cached" else None
    return Result(ok=row["verdict"] == "cached", value=value, verdict=row["verdict"], reason=row["reason"], feedback=row["feedback"],
                  detail=row["detail"], errors=values.of_json(row["errors"]), call_id=row["call_id"], args=values.of_json(row["args"]),
                  approval=row["approval"], model=row["model"], enforced=bool(row["enforced"]), audit=audited(row))


def audited(row: sql.Row) -> typing.Optional[str]:
    return None if row["enforced"] else row["reason"]


def attempt(rules: Rules, request: Request, row: sql.Row, keep: bool = False) -> Steps:
    """(result, seconds until the next attempt or None): runs the tool once and settles."""
    call_id = row["call_id"]
    argument = request.argument(row)
    running = Running(call_id, request.key, row["attempt"] or 1)
    outcome: Outcome = yield Run(typing.cast(typing.Callable[..., typing.Any], request.fn), argument, request.spread, running,
                                 heartbeat(rules, request, running), keep)
    result = Result(ok=outcome.error is None, value=outcome.value, call_id=call_id, args=argument, approval=row["approval"], model=row["model"],
                    enforced=bool(row["enforced"]), audit=audited(row), detail=row["detail"], feedback=row["feedback"])
    if outcome.error is not None:
        return (yield from attempt_failed(rules, request, result, outcome, running.lost))
    request.done = True
    if keep and outcome.cancelled is None:
        result.value = Opened(running, outcome.value)
        return result, None
    if outcome.cancelled is not None:
        yield Shield(rules.settle_wait)
    result.settled = yield from commit(rules, request, call_id, outcome.value)
    if outcome.cancelled is not None:
        raise outcome.cancelled
    return result, None


def commit(rules: Rules, request: Request, call_id: str, value: typing.Any) -> Steps:
    settled = yield from settle(rules, request.commit(rules, call_id, value), call_id)
    if settled is None:
        return None
    if settled["outcome"] == "conflict":
        rules.count("conflict")
        log.error("call %s of %s was settled otherwise meanwhile: its work may have been done twice", call_id, request.name)
    return settled["outcome"]


def attempt_failed(rules: Rules, request: Request, result: Result, outcome: Outcome, lost: bool = False) -> Steps:
    error = typing.cast(BaseException, outcome.error)
    given_up = outcome.cancelled is not None or not isinstance(error, Exception)
    if given_up:
        yield Shield(rules.settle_wait)
    failure = values.Failure(499, "cancelled by the caller", None) if given_up else values.failure(error)
    call_id = typing.cast(str, result.call_id)
    advice = yield from settle(rules, request.fail(call_id, failure), call_id)
    if given_up and not (lost and outcome.cancelled is None):
        raise outcome.cancelled or error
    result.feedback = values.said(error)
    if lost and given_up:
        result.reason, result.feedback = "closed", f'The call of "{request.name}" was ended while it ran.'
        return result, None
    result.error = error
    if advice is None:
        return result, None
    result.settled, result.advice, result.reason = "failed", advice["action"], advice["reason"]
    if advice["action"] != "retry":
        return result, None
    # another model may go on at once; the gate says when it may not
    delay = 0.0 if getattr(request, "fallback", None) else advice["delay_ms"] / 1000
    return result, delay


def run_open(rules: Rules, request: Request) -> Steps:
    """Without the gate, for a tool that may."""
    rules.count("fail_open")
    log.warning("the gate is away: %s runs without it", request.name)
    argument = request.open_argument()
    outcome: Outcome = yield Run(typing.cast(typing.Callable[..., typing.Any], request.fn), argument, request.spread, Running(None, request.key, 1), None)
    if outcome.cancelled is not None:
        raise outcome.cancelled
    result = Result(ok=outcome.error is None, value=outcome.value, verdict="open", args=argument, error=outcome.error)
    if outcome.error is not None:
        if not isinstance(outcome.error, Exception):
            raise outcome.error
        result.feedback = values.said(outcome.error)
    return _finish(rules, request, result, 1, {})


def _finish(rules: Rules, request: Request, result: Result, attempts: int, waits: typing.Dict[str, int]) -> Result:
    result.tool, result.attempts, result.waits = request.name, attempts, waits
    rules.count(result.verdict if result.error is None else "failed")
    if result.error is not None and rules.errors == "raise":
        try:
            result.error.agentcore = result      # type: ignore[attr-defined]
        except Exception:                        # a class with slots, or frozen
            pass
        raise result.error
    return result


# ----- streams --------------------------------------------------------------

class Opened:
    """A stream that has begun, with its first event; its call is settled when it ends."""

    def __init__(self, running: Running, value: typing.Any) -> None:
        self.running, self.value = running, value


def stream_ended(rules: Rules, request: Request, result: Result, value: typing.Any) -> Steps:
    result.settled = yield from commit(rules, request, typing.cast(str, result.call_id), value)


def stream_cut(rules: Rules, request: Request, result: Result, error: typing.Optional[BaseException]) -> Steps:
    """It broke (error), or the reader left: charged is what the events told."""
    yield Shield(rules.settle_wait)
    gone = error is None or not isinstance(error, Exception)
    failure = values.Failure(499, "cancelled by the caller", None) if gone else values.failure(typing.cast(BaseException, error))
    call_id = typing.cast(str, result.call_id)
    advice = yield from settle(rules, request.fail(call_id, failure), call_id)
    result.ok, result.error = False, error
    if advice is not None:
        result.settled, result.advice, result.reason = "failed", advice["action"], advice["reason"]
        if advice["action"] == "retry":
            # what was read already cannot be read again
            yield from settle(rules, request.release(call_id), call_id)


# ----- a turn of a model ----------------------------------------------------

MANY = 128      # calls that call_begin_many() takes at once


def begin_many(rules: Rules, requests: typing.Sequence[Request], asked: typing.Sequence[Asked]) -> Steps:
    """The gate's rows, one per request; None for one whose key stands before it in the turn: it is asked once that has ended."""
    rows: typing.List[typing.Optional[sql.Row]] = [None] * len(requests)
    seen: typing.Set[str] = set()
    first: typing.List[int] = []
    for place, request in enumerate(requests):
        if request.key not in seen:
            seen.add(request.key)
            first.append(place)
    try:
        for start in range(0, len(first), MANY):
            places = first[start:start + MANY]
            some = yield from _asked(rules, _many(requests, asked, places), "the calls of a turn")
            for place, row in zip(places, some):
                rows[place] = row
    except Exception:
        yield from give_back_rows(rules, requests, rows)
        raise
    except BaseException:
        yield Shield(rules.settle_wait)
        for request in requests:
            yield from _give_back_unseen(rules, request)
        raise
    return rows


def _many(requests: typing.Sequence[Request], asked: typing.Sequence[Asked], places: typing.Sequence[int]) -> Ask:
    calls = [{"id": requests[place].key, "type": "function", "function": {"name": values.plain(asked[place].tool), "arguments": values.of_args(asked[place].args) or "{}"}}
             for place in places]
    return Ask(sql.CALL_BEGIN_MANY, {**requests[places[0]].common(), "calls": json.dumps(calls)})


def give_back_rows(rules: Rules, requests: typing.Sequence[Request], rows: typing.Sequence[typing.Optional[sql.Row]]) -> Steps:
    yield Shield(rules.settle_wait)
    for request, row in zip(requests, rows):
        if row is not None and row["verdict"] == "run":
            yield from settle(rules, request.release(row["call_id"]), row["call_id"])


def tools(rules: Rules, ask: Ask, what: str) -> Steps:
    rows = yield from _asked(rules, ask, what)
    return values.of_json(rows[0]["tools"])
