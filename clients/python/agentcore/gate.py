"""The gate for programs with threads."""
import concurrent.futures
import contextvars
import inspect
import threading
import time
import typing

from . import loop, surface
from .errors import Away, GateError, GateUnavailable
from .listening import Listener
from .requests import ModelRequest, Request
from .result import Result
from .statements import Row
from .steps import Ask, Decision, Outcome, Run, Running, Shield, Sleep, Steps, advance
from .surface import Function

__all__ = ["Gate", "Stream"]
_END = object()


class Gate(surface.Surface):
    """Asks before a tool runs, and settles afterwards.

    pool: a psycopg_pool.ConnectionPool, an agentcore.Pool, anything with such a connection(), or a connection string.
    agent, tenant, task: of calls that name none.  listen: connection string of a direct connection, to hear of decisions.
    The other arguments are the fields of Rules.
    """

    def __init__(self, pool: typing.Any, *, agent: typing.Optional[str] = None, tenant: str = "", task: typing.Optional[str] = None,
                 listen: typing.Optional[str] = None, **rules: typing.Any) -> None:
        super().__init__(agent, tenant, task, rules)
        from . import over_psycopg
        self._pool = over_psycopg.Pool(pool) if isinstance(pool, str) else pool
        self._driver = over_psycopg.Driver(self._pool, self.rules.answer_wait)
        self._listener: typing.Optional[Listener] = None if listen is None else over_psycopg.PsycopgListener(listen)

    def call(self, agent: typing.Optional[str], tool: str, args: typing.Any, fn: Function, **options: typing.Any) -> Result:
        """Asks for the call, runs fn(args) with the arguments that the gate returned, and settles it.  options: fields of Request."""
        return typing.cast(Result, self._drive(loop.call(self.rules, self._request(agent, tool, args, self._plain(fn), options))))

    def tool(self, name: typing.Union[str, Function, None] = None, **options: typing.Any) -> typing.Any:
        """A decorator: the function runs through the gate, under its name or another, and gives a Result."""
        return self._decorate(name, options, self._wrapped)

    def _wrapped(self, fn: Function, name: str, options: typing.Dict[str, typing.Any]) -> Function:
        def call(args: typing.Any, **more: typing.Any) -> Result:
            merged: typing.Dict[str, typing.Any] = {**options, **more, "spread": True}
            return self.call(merged.pop("agent", None), name, args, fn, **merged)

        def wrapped(*args: typing.Any, **kwargs: typing.Any) -> Result:
            return call(surface.bound(fn, args, kwargs))

        return surface.dressed(wrapped, fn, name, call)

    def model(self, agent: typing.Optional[str], model: str, request: typing.Any, fn: Function, *, stream: bool = False,
              **options: typing.Any) -> typing.Any:
        """A call of a model: fn(request) is the provider's response, whose usage is charged.

        stream: fn(request) gives an iterator of events; so does this, a Stream.  options: fields of ModelRequest, fallback among them.
        """
        asked = typing.cast(ModelRequest, self._request(agent, model, request, self._plain(fn), options, ModelRequest))
        if not stream:
            return self._drive(loop.call(self.rules, asked))
        asked.fn = surface.first_event(fn)
        return Stream(self, asked, self._drive(loop.call(self.rules, asked, keep=True)))

    def many(self, agent: typing.Optional[str], calls: typing.Any, fns: typing.Any, *, key_prefix: str = "", threads: int = 8,
             **options: typing.Any) -> typing.List[Result]:
        """The calls of one turn of a model, as its provider sent them; a Result each, in their order, with the provider's id.

        fns: function by name of the tool.  They run at the same time, in threads.
        """
        asked, requests = self._turn(agent, calls, fns, key_prefix, options)
        if not requests:
            return []
        try:
            rows = self._drive(loop.begin_many(self.rules, requests, asked))
        except GateUnavailable as error:
            return [self._one_open(request, one, error) for request, one in zip(requests, self._openly(requests, asked, error))]
        started: typing.Set[int] = set()
        executor = concurrent.futures.ThreadPoolExecutor(min(threads, len(requests)))
        try:
            futures: typing.List["concurrent.futures.Future[Result]"] = []
            for place, request in enumerate(requests):
                futures.append(executor.submit(self._one, place, request, rows[place], started, contextvars.copy_context()))
            return [surface.marked(future.result(), mark) for future, mark in zip(futures, asked)]
        finally:
            executor.shutdown(cancel_futures=True)
            left = [place for place in range(len(requests)) if place not in started]
            self._drive(loop.give_back_rows(self.rules, [requests[place] for place in left], [rows[place] for place in left]))

    def _one(self, place: int, request: Request, row: typing.Optional[Row], started: typing.Set[int], context: contextvars.Context) -> Result:
        started.add(place)
        try:
            return typing.cast(Result, context.run(self._drive, loop.call(self.rules, request, row)))
        except Exception as error:
            return surface.of_error(request, error)

    def _one_open(self, request: Request, mark: surface.Asked, error: GateUnavailable) -> Result:
        if not (self.rules.opens(request.name) and request.fn):
            return surface.marked(surface.unavailable(request, error), mark)
        try:
            return surface.marked(self._drive(loop.run_open(self.rules, request)), mark)
        except Exception as failed:
            return surface.marked(surface.of_error(request, failed), mark)

    def tools(self, agent: typing.Optional[str] = None, format: str = "openai_chat", strict: bool = False) -> typing.Any:
        """The tools that the agent may call, for its next request to a model."""
        return self._drive(loop.tools(self.rules, *self._tools(agent, format, strict)))

    def close(self) -> None:
        if hasattr(self._pool, "close"):
            self._pool.close()

    def _plain(self, fn: Function) -> Function:
        if inspect.iscoroutinefunction(fn):
            raise TypeError("this is a Gate for threads: a coroutine function needs AsyncGate")
        return fn

    # ----- the runner -----

    def _drive(self, steps: Steps) -> typing.Any:
        """Runs the steps in this thread."""
        answer: typing.Any = None
        thrown: typing.Optional[BaseException] = None
        while True:
            try:
                step = advance(steps, answer, thrown)
            except StopIteration as end:
                return end.value
            answer = thrown = None
            try:
                answer = self._do(step)
            except BaseException as error:
                thrown = error

    def _do(self, step: typing.Any) -> typing.Any:
        if isinstance(step, Ask):
            start = time.perf_counter()
            try:
                return self._driver.ask(step.sql, step.parameters)
            finally:
                self._observed(step, time.perf_counter() - start)
        if isinstance(step, Run):
            return self._run(step)
        if isinstance(step, Decision) and self._listener is not None:
            self._listener.wait(step.approval, step.seconds)
        elif isinstance(step, (Sleep, Decision)):
            time.sleep(step.seconds)
        else:
            assert isinstance(step, Shield)
        return None

    def _run(self, step: Run) -> Outcome:
        stop = threading.Event()
        step.call.stop = stop.set
        if step.heartbeat is not None:
            threading.Thread(target=self._beat, args=(step.heartbeat, stop), daemon=True, name="agentcore heartbeat").start()
        token = surface.running.set(step.call)
        kept = False
        try:
            outcome = Outcome(step.fn(**step.argument) if step.spread else step.fn(step.argument))
            kept = step.keep
            return outcome
        except BaseException as error:
            return Outcome(error=error)
        finally:
            surface.running.reset(token)
            if not kept:
                stop.set()

    def _beat(self, steps: Steps, stop: threading.Event) -> None:
        """Runs the steps of a heartbeat until it is told to stop."""
        answer: typing.Any = None
        thrown: typing.Optional[BaseException] = None
        while not stop.is_set():
            try:
                step = advance(steps, answer, thrown)
            except StopIteration:
                return
            answer = thrown = None
            try:
                if isinstance(step, Sleep):
                    stop.wait(step.seconds)
                else:
                    answer = self._driver.ask(step.sql, step.parameters)
            except (Away, GateError) as error:
                thrown = error


class Stream:
    """The events of a model's response.  Read to its end, or leave it: its call is settled either way.

    `result` says what became of the call; where it is not ok from the beginning there are no events.
    """

    def __init__(self, gate: Gate, request: ModelRequest, result: Result) -> None:
        self._gate, self._request, self.result = gate, request, result
        self._opened: typing.Optional[loop.Opened] = None
        self._pending: typing.List[typing.Any] = []
        self._events: typing.Iterator[typing.Any] = iter(())
        self._source: typing.Any = None
        if isinstance(result.value, loop.Opened):
            self._opened = result.value
            self._source, self._events, self._pending = self._opened.value
            result.value = None

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> typing.Any:
        if self._opened is None and not self._pending:
            raise StopIteration
        try:
            event = self._pending.pop(0) if self._pending else next(self._events, _END)
        except BaseException as error:
            self._cut(error)
            raise
        if event is _END:
            self._end()
            raise StopIteration
        self._request.collected.add(event)
        return event

    def _end(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.running.stop()
            self._gate._drive(loop.stream_ended(self._gate.rules, self._request, self.result, surface.STREAMED))

    def _cut(self, error: typing.Optional[BaseException]) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        for event in self._pending:
            self._request.collected.add(event)
        self._pending = []
        opened.running.stop()
        try:
            surface.close(self._source)
        finally:
            self._gate._drive(loop.stream_cut(self._gate.rules, self._request, self.result, error))

    def close(self) -> None:
        """The rest is not wanted."""
        self._cut(None)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, _kind: typing.Any, error: typing.Optional[BaseException], _trace: typing.Any) -> None:
        self._cut(None)

    def __del__(self) -> None:
        if getattr(self, "_opened", None) is not None:
            self._cut(None)
