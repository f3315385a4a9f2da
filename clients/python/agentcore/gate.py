"""The gate for programs with threads."""
import contextvars
import threading
import time
import typing

from . import loop
from .drivers import Pool, Psycopg
from .errors import Away, GateError
from .result import Result
from .steps import Ask, Decision, Outcome, Run, Running, Shield, Sleep, Steps

_running: "contextvars.ContextVar[typing.Optional[Running]]" = contextvars.ContextVar("agentcore_call", default=None)


def current() -> Running:
    """The call that runs, for its tool."""
    running = _running.get()
    if running is None:
        raise LookupError("no call of a gate runs here")
    return running


class Gate:
    """Asks before a tool runs, and settles afterwards.

    pool: a psycopg_pool.ConnectionPool, an agentcore.Pool, anything with such a connection(), or a connection string.
    The other arguments are the fields of Rules, and defaults of call().
    """

    def __init__(self, pool: typing.Any, *, agent: typing.Optional[str] = None, tenant: str = "", task: typing.Optional[str] = None,
                 listen: typing.Optional[str] = None, **rules: typing.Any) -> None:
        self._driver = Psycopg(Pool(pool) if isinstance(pool, str) else pool)
        self._defaults = {"agent": agent, "tenant": tenant, "task": task}
        self.rules = loop.Rules(**rules)

    def call(self, agent: typing.Optional[str], tool: str, args: typing.Any, fn: typing.Callable[..., typing.Any], **options: typing.Any) -> Result:
        """Asks for the call, runs fn(args) with the arguments that the gate returned, and settles it."""
        request = make_request(self.rules, self._defaults, agent, tool, args, fn, options)
        return typing.cast(Result, drive(self._driver, loop.call(self.rules, request)))


def make_request(rules: loop.Rules, defaults: typing.Mapping[str, typing.Any], agent: typing.Optional[str], tool: str, args: typing.Any,
                 fn: typing.Callable[..., typing.Any], options: typing.Dict[str, typing.Any]) -> loop.Request:
    chosen = {**{name: value for name, value in defaults.items() if value is not None}, **options}
    if agent is not None:
        chosen["agent"] = agent
    chosen.setdefault("lease", rules.lease)
    chosen["key"] = chosen.get("key") or loop.new_key()
    chosen["holder"] = chosen.get("holder") or loop.new_key()
    return loop.Request(tool=tool, args=args, fn=fn, **chosen)


def drive(driver: Psycopg, steps: Steps) -> typing.Any:
    """Runs the steps in this thread."""
    answer: typing.Any = None
    thrown: typing.Optional[BaseException] = None
    while True:
        try:
            step = steps.send(answer) if thrown is None else steps.throw(thrown)
        except StopIteration as end:
            return end.value
        answer = thrown = None
        try:
            answer = _do(driver, step)
        except BaseException as error:
            thrown = error


def _do(driver: Psycopg, step: typing.Any) -> typing.Any:
    if isinstance(step, Ask):
        return driver.ask(step.sql, step.parameters)
    if isinstance(step, (Sleep, Decision)):
        time.sleep(step.seconds)
        return None
    if isinstance(step, Run):
        return _run(driver, step)
    assert isinstance(step, Shield)
    return None


def _run(driver: Psycopg, step: Run) -> Outcome:
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(driver, step.heartbeat(), stop), daemon=True, name="agentcore heartbeat")
    if step.call.call_id is not None:
        beating.start()
    token = _running.set(step.call)
    try:
        return Outcome(step.fn(**step.argument) if step.spread else step.fn(step.argument))
    except BaseException as error:
        return Outcome(error=error)
    finally:
        _running.reset(token)
        stop.set()


def _beat(driver: Psycopg, steps: Steps, stop: threading.Event) -> None:
    """Runs the steps of a heartbeat until it is told to stop."""
    answer: typing.Any = None
    thrown: typing.Optional[BaseException] = None
    while not stop.is_set():
        try:
            step = steps.send(answer) if thrown is None else steps.throw(thrown)
        except StopIteration:
            return
        answer = thrown = None
        if isinstance(step, Sleep):
            stop.wait(step.seconds)
            continue
        try:
            answer = driver.ask(step.sql, step.parameters)
        except (Away, GateError) as error:
            thrown = error
