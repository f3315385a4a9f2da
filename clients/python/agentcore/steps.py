"""What a loop asks its runner to do.

The rules of a call are generators that yield these steps and are sent what came of them, or thrown the
exception.  They do no I/O, so one copy of them serves threads and asyncio, and every driver.
"""
import dataclasses
import typing

from .statements import Parameters

Value = typing.Any
Steps = typing.Generator[typing.Any, typing.Any, Value]


@dataclasses.dataclass(frozen=True)
class Ask:
    """One statement in autocommit, on a connection that goes back before the next step: a list of rows.  Raises Away or GateError."""
    sql: str
    parameters: Parameters


@dataclasses.dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclasses.dataclass(frozen=True)
class Run:
    """The tool, with `argument`, while `heartbeat` runs beside it; an Outcome, never an exception.

    keep: where it succeeds the heartbeat goes on until call.stop().
    """
    fn: typing.Callable[..., typing.Any]
    argument: typing.Any
    spread: bool                 # the argument's members are the function's keyword arguments
    call: "Running"
    heartbeat: typing.Optional[Steps]
    keep: bool = False


@dataclasses.dataclass(frozen=True)
class Shield:
    """From here on the call is settled: another cancellation does not stop it for so many seconds."""
    seconds: float


@dataclasses.dataclass(frozen=True)
class Decision:
    """Until a person decides about the approval, for so many seconds at most."""
    approval: str
    seconds: float


@dataclasses.dataclass
class Outcome:
    """Of a tool: its value or the exception; cancelled: the caller gave up meanwhile."""
    value: typing.Any = None
    error: typing.Optional[BaseException] = None
    cancelled: typing.Optional[BaseException] = None


@dataclasses.dataclass
class Running:
    """The call that runs: current() gives it to the tool, which may pass `key` to a provider and look at `lost` now and then."""
    call_id: typing.Optional[str]
    key: str
    attempt: int
    lost: bool = False           # the gate has closed the call: its work is not wanted any more
    give_up: typing.Callable[[], None] = dataclasses.field(default=lambda: None, repr=False)    # cancels the tool where that can be done
    stop: typing.Callable[[], None] = dataclasses.field(default=lambda: None, repr=False)       # ends the heartbeat


def advance(steps: Steps, answer: typing.Any, thrown: typing.Optional[BaseException]) -> typing.Any:
    """The next step; StopIteration with the value at the end."""
    return steps.send(answer) if thrown is None else steps.throw(thrown)
