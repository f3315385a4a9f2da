"""The gate for asyncio: the same calls, awaited.  Tools are coroutine functions, or functions that run in a thread."""
import asyncio
import functools
import inspect
import logging
import time
import typing

from . import loop, surface
from .errors import Away, GateError, GateUnavailable
from .listening import AsyncListener
from .requests import ModelRequest, Request
from .result import Result
from .statements import Row
from .steps import Ask, Decision, Outcome, Run, Running, Shield, Sleep, Steps, advance
from .surface import Function

_END = object()

log = logging.getLogger("agentcore")


def _driver(pool: typing.Any, answer_wait: float) -> typing.Tuple[typing.Any, typing.Any, str]:
    """(driver, pool, its module's name)"""
    if isinstance(pool, str):
        try:
            from . import over_psycopg
            return over_psycopg.AsyncDriver(own := over_psycopg.AsyncPool(pool), answer_wait), own, "psycopg"
        except ImportError:
            from . import over_asyncpg
            return over_asyncpg.AsyncDriver(lazy := over_asyncpg.LazyPool(pool), answer_wait), lazy, "asyncpg"
    if type(pool).__module__.startswith("asyncpg") or type(pool).__name__ == "LazyPool":
        from . import over_asyncpg
        return over_asyncpg.AsyncDriver(pool, answer_wait), pool, "asyncpg"
    from . import over_psycopg
    return over_psycopg.AsyncDriver(pool, answer_wait), pool, "psycopg"


def _listener(dsn: typing.Optional[str], module: str) -> typing.Optional[AsyncListener]:
    if dsn is None:
        return None
    if module == "asyncpg":
        from .over_asyncpg import AsyncpgListener
        return AsyncpgListener(dsn)
    from .over_psycopg import AsyncPsycopgListener
    return AsyncPsycopgListener(dsn)


class AsyncGate(surface.Surface):
    """Asks before a tool runs, and settles afterwards, also where its task is cancelled.

    pool: a psycopg_pool.AsyncConnectionPool, an agentcore.AsyncPool, an asyncpg.Pool, or a connection string.
    The rest is as in Gate.
    """

    def __init__(self, pool: typing.Any, *, agent: typing.Optional[str] = None, tenant: str = "", task: typing.Optional[str] = None,
                 listen: typing.Optional[str] = None, **rules: typing.Any) -> None:
        super().__init__(agent, tenant, task, rules)
        self._driver, self._pool, module = _driver(pool, self.rules.answer_wait)
        self._listener = _listener(listen, module)
        self._tasks: typing.Set["asyncio.Task[typing.Any]"] = set()

    async def call(self, agent: typing.Optional[str], tool: str, args: typing.Any, fn: Function, **options: typing.Any) -> Result:
        """Asks for the call, runs fn(args) with the arguments that the gate returned, and settles it.  options: fields of Request."""
        return typing.cast(Result, await self._drive(loop.call(self.rules, self._request(agent, tool, args, fn, options))))

    def tool(self, name: typing.Union[str, Function, None] = None, **options: typing.Any) -> typing.Any:
        """A decorator: the function runs through the gate, under its name or another, and gives a Result."""
        return self._decorate(name, options, self._wrapped)

    def _wrapped(self, fn: Function, name: str, options: typing.Dict[str, typing.Any]) -> Function:
        async def call(args: typing.Any, **more: typing.Any) -> Result:
            merged: typing.Dict[str, typing.Any] = {**options, **more, "spread": True}
            return await self.call(merged.pop("agent", None), name, args, fn, **merged)

        async def wrapped(*args: typing.Any, **kwargs: typing.Any) -> Result:
            return await call(surface.bound(fn, args, kwargs))

        return surface.dressed(wrapped, fn, name, call)

    async def model(self, agent: typing.Optional[str], model: str, request: typing.Any, fn: Function, *, stream: bool = False,
                    **options: typing.Any) -> typing.Any:
        """As Gate.model(): a Result, or an AsyncStream."""
        asked = typing.cast(ModelRequest, self._request(agent, model, request, fn, options, ModelRequest))
        if not stream:
            return await self._drive(loop.call(self.rules, asked))
        asked.fn = _first_event(fn)
        return AsyncStream(self, asked, await self._drive(loop.call(self.rules, asked, keep=True)))

    async def many(self, agent: typing.Optional[str], calls: typing.Any, fns: typing.Any, *, key_prefix: str = "",
                   **options: typing.Any) -> typing.List[Result]:
        """As Gate.many(), in tasks."""
        asked, requests = self._turn(agent, calls, fns, key_prefix, options)
        if not requests:
            return []
        try:
            rows = await self._drive(loop.begin_many(self.rules, requests, asked))
        except GateUnavailable as error:
            return list(await asyncio.gather(*(self._one_open(request, one, error) for request, one in zip(requests, self._openly(requests, asked, error)))))
        started: typing.Set[int] = set()
        tasks = [asyncio.ensure_future(self._one(place, request, rows[place], started)) for place, request in enumerate(requests)]
        try:
            return [surface.marked(result, one) for result, one in zip(await asyncio.gather(*tasks), asked)]
        finally:
            if not all(task.done() for task in tasks):
                await self._ended(tasks)
            left = [place for place in range(len(requests)) if place not in started]
            if left:
                await self._drive(loop.give_back_rows(self.rules, [requests[place] for place in left], [rows[place] for place in left]))

    async def _one(self, place: int, request: Request, row: typing.Optional[Row], started: typing.Set[int]) -> Result:
        started.add(place)
        try:
            return typing.cast(Result, await self._drive(loop.call(self.rules, request, row)))
        except Exception as error:
            return surface.of_error(request, error)

    async def _one_open(self, request: Request, mark: surface.Asked, error: GateUnavailable) -> Result:
        if not (self.rules.opens(request.name) and request.fn):
            return surface.marked(surface.unavailable(request, error), mark)
        try:
            return surface.marked(await self._drive(loop.run_open(self.rules, request)), mark)
        except Exception as failed:
            return surface.marked(surface.of_error(request, failed), mark)

    async def tools(self, agent: typing.Optional[str] = None, format: str = "openai_chat", strict: bool = False) -> typing.Any:
        """The tools that the agent may call, for its next request to a model."""
        return await self._drive(loop.tools(self.rules, *self._tools(agent, format, strict)))

    async def close(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            await self._listener.close()
        if hasattr(self._pool, "close"):
            try:
                await asyncio.wait_for(self._pool.close(), self.rules.answer_wait)
            except asyncio.TimeoutError:
                # asyncpg waits without end for a connection whose other end is gone
                log.warning("the pool did not close in time: its connections are given up")
                if hasattr(self._pool, "terminate"):
                    self._pool.terminate()

    # ----- the runner -----

    async def _drive(self, steps: Steps, shielded: bool = False) -> typing.Any:
        """Runs the steps in this task; from a Shield on in one of its own."""
        answer: typing.Any = None
        thrown: typing.Optional[BaseException] = None
        while True:
            try:
                step = advance(steps, answer, thrown)
            except StopIteration as end:
                return end.value
            answer = thrown = None
            if isinstance(step, Shield):
                if shielded:
                    continue
                return await self._shielded(self._start(self._drive(steps, shielded=True)), step.seconds)
            try:
                answer = await self._do(step)
            except BaseException as error:
                thrown = error

    def _start(self, work: typing.Coroutine[typing.Any, typing.Any, typing.Any]) -> "asyncio.Task[typing.Any]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _shielded(self, task: "asyncio.Task[typing.Any]", seconds: float) -> typing.Any:
        """What the task gives, though this one is cancelled meanwhile; that counts afterwards."""
        cancelled = await self._ended([task], seconds + self.rules.answer_wait)
        if not task.done():
            raise cancelled or GateUnavailable("a settlement took too long; it goes on")
        value = task.result()
        if cancelled is not None:
            raise cancelled
        return value

    async def _ended(self, tasks: typing.Collection["asyncio.Future[typing.Any]"], seconds: typing.Optional[float] = None
                     ) -> typing.Optional[BaseException]:
        """Waits for all of them, cancelled or not; the cancellation that came meanwhile."""
        clock = asyncio.get_running_loop()
        deadline = None if seconds is None else clock.time() + seconds
        cancelled: typing.Optional[BaseException] = None
        while not all(task.done() for task in tasks):
            left = None if deadline is None else deadline - clock.time()
            if left is not None and left <= 0:
                break
            try:
                await asyncio.wait(tasks, timeout=left)
            except asyncio.CancelledError as error:
                cancelled = error
        return cancelled

    async def _do(self, step: typing.Any) -> typing.Any:
        if isinstance(step, Ask):
            # never cancelled in its middle: whether it was done would be anybody's guess
            start = time.perf_counter()
            task = self._start(self._driver.ask(step.sql, step.parameters))
            cancelled = await self._ended([task])
            self._observed(step, time.perf_counter() - start)
            if cancelled is not None:
                task.exception()
                raise cancelled
            return task.result()
        if isinstance(step, Run):
            return await self._run(step)
        if isinstance(step, Decision) and self._listener is not None:
            await self._listener.wait(step.approval, step.seconds)
        else:
            assert isinstance(step, (Sleep, Decision))
            await asyncio.sleep(step.seconds)
        return None

    async def _run(self, step: Run) -> Outcome:
        stop = asyncio.Event()
        step.call.stop = stop.set
        if step.heartbeat is not None:
            self._start(self._beat(step.heartbeat, stop))
        work = asyncio.ensure_future(_work(step))
        step.call.give_up = functools.partial(_cancel, work)
        cancelled: typing.Optional[BaseException] = None
        kept = False
        try:
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError as error:
                cancelled = error
                work.cancel()
                await self._ended([work], self.rules.cancel_wait)
            if not work.done():
                # it does not heed: nobody knows what it is still going to do
                return Outcome(error=cancelled, cancelled=cancelled)
            if work.cancelled():
                return Outcome(error=cancelled or asyncio.CancelledError(), cancelled=cancelled)
            outcome = work.result()
            outcome.cancelled = cancelled
            kept = step.keep and cancelled is None and outcome.error is None
            return outcome
        finally:
            if not kept:
                stop.set()

    async def _beat(self, steps: Steps, stop: asyncio.Event) -> None:
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
                    await asyncio.wait_for(stop.wait(), step.seconds)
                else:
                    answer = await self._driver.ask(step.sql, step.parameters)
            except asyncio.TimeoutError:
                pass
            except (Away, GateError) as error:
                thrown = error


def _cancel(work: "asyncio.Future[typing.Any]") -> None:
    work.cancel()


async def _work(step: Run) -> Outcome:
    """A coroutine function in this task, anything else in a thread: it may block."""
    surface.running.set(step.call)
    args, kwargs = ((), step.argument) if step.spread else ((step.argument,), {})
    try:
        if inspect.iscoroutinefunction(step.fn) or inspect.iscoroutinefunction(getattr(step.fn, "__call__", None)):
            return Outcome(await step.fn(*args, **kwargs))
        value = await asyncio.to_thread(step.fn, *args, **kwargs)
        return Outcome(await value if inspect.isawaitable(value) else value)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        # an interrupt too: it goes on when the call is settled
        return Outcome(error=error)


def _first_event(fn: Function) -> Function:
    """As surface.first_event(), for a function, or coroutine function, that gives an asynchronous iterator."""

    async def begun(argument: typing.Any) -> typing.Any:
        source = fn(argument)
        if inspect.isawaitable(source):
            source = await source
        events = source.__aiter__()
        try:
            return source, events, [await events.__anext__()]
        except StopAsyncIteration:
            return source, events, []

    return begun


class AsyncStream:
    """As Stream: `async for event in stream`, or `async with`."""

    def __init__(self, gate: AsyncGate, request: ModelRequest, result: Result) -> None:
        self._gate, self._request, self.result = gate, request, result
        self._opened: typing.Optional[loop.Opened] = None
        self._pending: typing.List[typing.Any] = []
        self._source: typing.Any = None
        self._events: typing.Any = None
        if isinstance(result.value, loop.Opened):
            self._opened = result.value
            self._source, self._events, self._pending = self._opened.value
            result.value = None

    def __aiter__(self) -> "AsyncStream":
        return self

    async def __anext__(self) -> typing.Any:
        if self._opened is None and not self._pending:
            raise StopAsyncIteration
        try:
            event = self._pending.pop(0) if self._pending else await self._events.__anext__()
        except StopAsyncIteration:
            await self._end()
            raise
        except BaseException as error:
            await self._cut(error)
            raise
        self._request.collected.add(event)
        return event

    async def _end(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.running.stop()
            await self._gate._drive(loop.stream_ended(self._gate.rules, self._request, self.result, surface.STREAMED))

    async def _cut(self, error: typing.Optional[BaseException]) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        for event in self._pending:
            self._request.collected.add(event)
        self._pending = []
        opened.running.stop()
        closing = self._gate._start(_close(self._source, self._events))
        cancelled = await self._gate._ended([closing], self._gate.rules.cancel_wait)
        await self._gate._drive(loop.stream_cut(self._gate.rules, self._request, self.result, error))
        if cancelled is not None:
            raise cancelled

    async def close(self) -> None:
        """The rest is not wanted."""
        await self._cut(None)

    async def __aenter__(self) -> "AsyncStream":
        return self

    async def __aexit__(self, _kind: typing.Any, error: typing.Optional[BaseException], _trace: typing.Any) -> None:
        await self._cut(None)


async def _close(source: typing.Any, events: typing.Any) -> None:
    for thing in (events, source):
        method = getattr(thing, "aclose", None) or getattr(thing, "close", None)
        if callable(method):
            try:
                ended = method()
                if inspect.isawaitable(ended):
                    await ended
            except Exception:  # a stream that broke already
                pass
