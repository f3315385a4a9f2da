"""What the gates for threads and for asyncio have in common: their arguments, and how results are made of them."""
import contextvars
import functools
import inspect
import typing

from . import statements as sql, values
from .errors import GateUnavailable
from .requests import Function, ModelRequest, Request, Rules, new_key
from .result import Result
from .steps import Ask, Running
from .turn import Asked, calls_of
from .usage import STREAMED

__all__ = ["Asked", "Function", "ModelRequest", "STREAMED", "Surface", "current"]

running: "contextvars.ContextVar[typing.Optional[Running]]" = contextvars.ContextVar("agentcore_call", default=None)


def current() -> Running:
    """The call that runs, for its tool: its key, for a provider that knows such keys, and whether it was lost."""
    found = running.get()
    if found is None:
        raise LookupError("no call of a gate runs here")
    return found


class Surface:
    def __init__(self, agent: typing.Optional[str], tenant: str, task: typing.Optional[str], rules: typing.Dict[str, typing.Any]) -> None:
        self.rules = Rules(**rules)
        self._defaults = {name: value for name, value in (("agent", agent), ("tenant", tenant), ("task", task)) if value is not None}

    @property
    def counts(self) -> typing.Dict[str, int]:
        """What became of calls, by verdict, and what went wrong: failed, unavailable, fail_open, lost, unsettled, conflict, result_dropped."""
        return dict(self.rules.counts)

    def _observed(self, ask: Ask, seconds: float) -> None:
        if self.rules.observe is not None:
            self.rules.observe(sql.name_of(ask.sql), seconds)

    def _request(self, agent: typing.Optional[str], tool: str, args: typing.Any, fn: typing.Optional[Function],
                 options: typing.Mapping[str, typing.Any], kind: typing.Type[Request] = Request) -> Request:
        chosen: typing.Dict[str, typing.Any] = {"agent": "", "lease": self.rules.lease, **self._defaults,
                                                **{name: value for name, value in options.items() if value is not None}}
        if agent is not None:
            chosen["agent"] = agent
        return kind(tool=tool, args=args, fn=fn, **chosen)

    def _tools(self, agent: typing.Optional[str], format: str, strict: bool) -> typing.Tuple[Ask, str]:
        agent = agent or self._defaults.get("agent")
        if not agent:
            raise TypeError("no agent: name one here or in Gate(agent=...)")
        parameters = {"agent": agent, "format": format, "strict": str(bool(strict)).lower(), "tenant": self._defaults["tenant"]}
        return Ask(sql.TOOLS_FOR, parameters), f"the tools of {agent}"

    def _turn(self, agent: typing.Optional[str], calls: typing.Any, fns: typing.Any, key_prefix: str,
              options: typing.Mapping[str, typing.Any]) -> typing.Tuple[typing.List[Asked], typing.List[Request]]:
        find = fns.get if hasattr(fns, "get") else fns
        asked = calls_of(calls)
        holder = new_key()
        requests = []
        for one in asked:
            key = f"{key_prefix}{one.id}" if one.id is not None and (one.unique or key_prefix) else new_key()
            name = one.tool if isinstance(one.tool, str) else ""
            fn = find(name)
            chosen = {"holder": holder, **options, "key": key, "spread": bool(getattr(fn, "agentcore_tool", None))}
            requests.append(self._request(agent, name, one.args, getattr(fn, "__wrapped__", fn) if chosen["spread"] else fn, chosen))
        # a call that stands twice is asked for once more when the first has ended: by another holder, so that it waits
        seen: typing.Set[str] = set()
        for request in requests:
            if request.key in seen:
                request.holder = new_key()
            seen.add(request.key)
        return asked, requests

    def _openly(self, requests: typing.Sequence[Request], asked: typing.List[Asked], error: GateUnavailable) -> typing.List[Asked]:
        """The gate is away: raises unless some of the calls may run without it."""
        if not any(self.rules.opens(request.name) and request.fn for request in requests):
            raise error
        return asked

    @staticmethod
    def _decorate(name: typing.Union[str, Function, None], options: typing.Dict[str, typing.Any],
                  wrap: typing.Callable[[Function, str, typing.Dict[str, typing.Any]], Function]) -> typing.Any:
        if callable(name):
            return wrap(name, name.__name__, options)
        return lambda fn: wrap(fn, name or fn.__name__, options)


def bound(fn: Function, args: typing.Tuple[typing.Any, ...], kwargs: typing.Dict[str, typing.Any]) -> typing.Dict[str, typing.Any]:
    """The arguments by name, without defaults: those are the schema's business."""
    signature = inspect.signature(fn)
    arguments = dict(signature.bind(*args, **kwargs).arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments.update(arguments.pop(parameter.name, {}))
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{fn.__name__}: a tool's arguments have names")
    return arguments


def dressed(wrapped: typing.Any, fn: Function, name: str, call: Function) -> Function:
    """wrapped looks like fn; .call(args, key=..., task=...) takes arguments as a dictionary, and options."""
    functools.update_wrapper(wrapped, fn)
    wrapped.agentcore_tool, wrapped.call = name, call
    return typing.cast(Function, wrapped)


def marked(result: Result, one: Asked) -> Result:
    result.id = one.id
    return result


def of_error(request: Request, error: Exception) -> Result:
    """In a turn nothing raises: the other calls have results too."""
    found = getattr(error, "agentcore", None)
    if isinstance(found, Result):
        return found
    if isinstance(error, GateUnavailable):
        return unavailable(request, error)
    return Result(ok=False, tool=request.name, verdict="deny", reason="error", feedback=values.said(error), error=error)


def unavailable(request: Request, error: GateUnavailable) -> Result:
    return Result(ok=False, tool=request.name, verdict="unavailable", reason="unavailable", error=error,
                  feedback=f'"{request.name}" cannot be called now. Go on without it, or try again later.')


def first_event(fn: Function) -> Function:
    """fn whose stream has begun: what is wrong with a request comes with the first event, while it can be tried again."""

    def begun(argument: typing.Any) -> typing.Any:
        source = fn(argument)
        events = iter(source)
        try:
            return source, events, [next(events)]
        except StopIteration:
            return source, events, []

    return begun


def close(source: typing.Any) -> None:
    method = getattr(source, "close", None)
    if callable(method):
        method()
