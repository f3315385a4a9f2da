"""One logical call, however often it is asked and tried, and how a gate behaves."""
import dataclasses
import logging
import typing
import uuid

from . import statements as sql
from . import usage, values
from .steps import Ask

log = logging.getLogger("agentcore")

Function = typing.Callable[..., typing.Any]


@dataclasses.dataclass
class Rules:
    """How a gate behaves; times in seconds."""
    fail_open: typing.Collection[str] = ()           # tools that run although the database is away; "read_*" means all that begin so
    max_result: int = 1 << 20                        # bytes of a result that is kept
    max_wait: float = 30.0                           # all waits of one call, for time and for retries
    approval_wait: float = 300.0                     # for people
    first_look: float = 0.5                          # pause before the first look for a decision; they grow to 15 s
    reconnect: float = 5.0                           # a begin whose database is away
    settle_wait: float = 30.0                        # a settlement whose database is away
    cancel_wait: float = 5.0                         # a tool that was told to stop
    lease: float = 60.0                              # without a heartbeat for so long, the worker counts as dead
    answer_wait: float = 20.0                        # one statement; then its connection is given up
    errors: str = "raise"                            # what a tool's exception becomes: "raise" | "result"
    observe: typing.Optional[typing.Callable[[str, float], None]] = None      # told of each statement: the function's name, and seconds
    counts: typing.Dict[str, int] = dataclasses.field(default_factory=dict)   # what became of calls, by verdict, and what went wrong

    def __post_init__(self) -> None:
        if isinstance(self.fail_open, str):
            raise TypeError("fail_open is a set of names")
        if self.errors not in ("raise", "result"):
            raise ValueError('errors is "raise" or "result"')

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def opens(self, tool: str) -> bool:
        return any(name == tool or name.endswith("*") and tool.startswith(name[:-1]) for name in self.fail_open)


def new_key() -> str:
    return str(uuid.uuid4())


def text(value: typing.Any) -> typing.Optional[str]:
    return None if value is None else str(value)


@dataclasses.dataclass
class Request:
    """What a call is asked for: the options of Gate.call()."""
    agent: str
    tool: str
    args: typing.Any
    fn: typing.Optional[Function]                    # None: there is no such function here
    lease: float = 60.0
    key: str = ""                                    # the same key is the same call; without one it gets its own
    holder: str = ""                                 # names one run of one worker
    task: typing.Optional[str] = None
    subject: typing.Optional[str] = None
    budgets: typing.Optional[typing.Sequence[str]] = None
    labels: typing.Optional[typing.Mapping[str, str]] = None
    trace: typing.Optional[str] = None               # a W3C traceparent
    est_tokens: typing.Optional[int] = None
    est_usd: typing.Any = None
    tenant: str = ""
    spread: bool = False                             # fn(**args), not fn(args)
    cost: typing.Optional[typing.Callable[[typing.Any], typing.Tuple[typing.Optional[int], typing.Any]]] = None   # (tokens, usd) of a value
    own_key: bool = dataclasses.field(init=False)
    done: bool = dataclasses.field(default=False, init=False)      # its function has succeeded

    def __post_init__(self) -> None:
        if not self.agent:
            raise TypeError("no agent: name one here or in Gate(agent=...)")
        if self.lease <= 0:
            raise ValueError("lease is a number of seconds")
        self.own_key = not self.key
        # a model may have named both
        self.tool = values.clean(self.tool)
        self.key = values.clean(str(self.key)) if self.key else new_key()
        self.holder = self.holder or new_key()

    @property
    def name(self) -> str:
        return self.tool

    def common(self) -> typing.Dict[str, typing.Any]:
        return {"agent": self.agent, "key": self.key, "holder": self.holder, "task": self.task, "subject": self.subject,
                "budgets": None if self.budgets is None else list(self.budgets), "lease": f"{self.lease} s",
                "labels": None if self.labels is None else values.to_json(self.labels),
                "trace": None if self.trace is None else values.clean(str(self.trace)), "tenant": self.tenant}

    def begin(self) -> Ask:
        return Ask(sql.CALL_BEGIN, {**self.common(), "tool": self.tool, "args": values.of_args(self.args),
                                    "est_tokens": text(self.est_tokens), "est_usd": text(self.est_usd)})

    def commit(self, rules: Rules, call_id: str, value: typing.Any) -> Ask:
        tokens, usd = self.costs(call_id, value)
        return Ask(sql.CALL_COMMIT, {"call_id": call_id, "result": self.kept(rules, call_id, value), "tokens": tokens, "usd": usd,
                                     "tenant": self.tenant})

    def kept(self, rules: Rules, call_id: str, value: typing.Any) -> typing.Optional[str]:
        """The work is done, so its call is committed in any case: without a result that nobody can keep."""
        try:
            result = values.of_result(value, rules.max_result)
            if result is not None:
                return result
            why = f"is larger than {rules.max_result} bytes"
        except Exception as error:
            why = f"cannot be put into JSON ({type(error).__name__})"
        rules.count("result_dropped")
        log.warning("the result of call %s of %s %s: it is not kept", call_id, self.name, why)
        return None

    def costs(self, call_id: str, value: typing.Any) -> typing.Tuple[typing.Optional[str], typing.Optional[str]]:
        """Tokens and usd, as the program says; what was held where it cannot."""
        if not self.cost:
            return None, None
        try:
            tokens, usd = self.cost(value)
            return text(tokens), text(usd)
        except Exception:
            log.exception("the costs of call %s of %s cannot be told: what was held is charged", call_id, self.name)
            return None, None

    def fail(self, call_id: str, failure: values.Failure) -> Ask:
        return Ask(sql.CALL_FAIL, {"call_id": call_id, "status": text(failure.status), "error": failure.error, "retry_after": failure.retry_after,
                                   "tokens": None, "usd": None, "usage": None, "tenant": self.tenant})

    def release(self, call_id: str) -> Ask:
        return Ask(sql.CALL_RELEASE, {"call_id": call_id, "tenant": self.tenant})

    def extend(self, call_id: str) -> Ask:
        return Ask(sql.CALL_EXTEND, {"call_id": call_id, "lease": f"{self.lease} s", "tenant": self.tenant})

    def argument(self, row: sql.Row) -> typing.Any:
        """What the tool runs with: the arguments that the gate returned, for it may have converted them."""
        return values.of_json(row["args"])

    def open_argument(self) -> typing.Any:
        """The same without the gate."""
        return values.of_json(self.args or "{}") if isinstance(self.args, str) else self.args or {}


@dataclasses.dataclass
class ModelRequest(Request):
    """A call of a model: `tool` is the model and `args` the request for its provider."""
    input_tokens: typing.Optional[int] = None        # None: estimated from the request, too many rather than too few
    max_output_tokens: typing.Optional[int] = None   # None: what the request says
    fallback: typing.Optional[typing.Sequence[str]] = None
    service_tier: typing.Optional[str] = None
    fees: typing.Optional[typing.Mapping[str, int]] = None
    collected: usage.Collector = dataclasses.field(default_factory=usage.Collector)

    def begin(self) -> Ask:
        most = self.max_output_tokens if self.max_output_tokens is not None else usage.most_output(self.args)
        if most is None:
            raise TypeError("max_output_tokens: the request does not say how many tokens may come at most")
        given = self.input_tokens if self.input_tokens is not None else usage.input_estimate(self.args)
        return Ask(sql.LLM_BEGIN, {**self.common(), "model": self.tool, "input_tokens": text(given), "max_output_tokens": text(most),
                                   "service_tier": self.service_tier, "fees": None if self.fees is None else values.to_json(self.fees),
                                   "fallback": None if self.fallback is None else list(self.fallback)})

    def commit(self, rules: Rules, call_id: str, value: typing.Any) -> Ask:
        # only who names a key can ask for the answer again
        result = None if self.own_key or value is usage.STREAMED else self.kept(rules, call_id, value)
        told = self.collected.told() if value is usage.STREAMED else usage.of_response(value)
        tokens, usd = self.costs(call_id, value)
        return Ask(sql.LLM_COMMIT, {"call_id": call_id, "usage": told, "tokens": tokens, "usd": usd, "result": result, "tenant": self.tenant})

    def fail(self, call_id: str, failure: values.Failure) -> Ask:
        ask = super().fail(call_id, failure)
        return Ask(ask.sql, {**ask.parameters, "usage": self.collected.told()})

    def argument(self, row: sql.Row) -> typing.Any:
        """The request, for the model that the gate chose."""
        return {**self.args, "model": row["model"]} if row["model"] and isinstance(self.args, typing.Mapping) else self.args

    def open_argument(self) -> typing.Any:
        return self.args
