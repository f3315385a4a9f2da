"""What became of a call."""
import dataclasses
import json
import typing

from . import values


@dataclasses.dataclass
class Result:
    """ok: `value` is the tool's answer.  Else `content()` says why not, in words for the model.

    verdict: run | cached | wait (patience ended) | deny | open (run without the gate) | unavailable (of many()).  reason, feedback, detail
    and errors are the gate's, or, after the tool failed, the reason of call_fail()'s advice and the tool's words.
    """
    ok: bool
    value: typing.Any = None
    verdict: str = "run"
    reason: typing.Optional[str] = None
    feedback: typing.Optional[str] = None
    detail: typing.Optional[str] = None
    errors: typing.Any = None
    tool: str = ""
    id: typing.Any = None                               # of many(): the provider's, for the answer to it
    call_id: typing.Optional[str] = None
    args: typing.Any = None
    approval: typing.Optional[str] = None
    model: typing.Optional[str] = None
    attempts: int = 0                                   # how often the tool was run for this call, here
    waits: typing.Dict[str, int] = dataclasses.field(default_factory=dict)
    error: typing.Optional[BaseException] = None        # the tool's exception, where it failed for good
    advice: typing.Optional[str] = None                 # call_fail()'s last action: retry | fail | defer
    settled: typing.Optional[str] = None                # committed, replayed, late, conflict, failed, released; None: not known
    enforced: bool = True
    audit: typing.Optional[str] = None                  # where it is not enforced: the reason that enforcement would have given

    @property
    def cached(self) -> bool:
        return self.verdict == "cached"

    def content(self) -> str:
        """The tool result that a model reads."""
        if self.ok:
            if self.value is None and self.cached:
                return "The call was made before; its result was not kept."
            text = self.value if isinstance(self.value, str) else self._json()
            # a person may have corrected the arguments
            return f"{text}\n\n{self.feedback}" if self.feedback else text
        return self.feedback or self.reason or self.verdict

    def _json(self) -> str:
        try:
            return json.dumps(values.plain(self.value), ensure_ascii=False)
        except Exception as error:
            return f"The call was made, and its result cannot be put into words ({type(error).__name__})."
