"""ArgValidator: a schema in this program, judged by the database, with words for the model that made the call."""
import dataclasses
import json
import typing

from ..values import of_args, plain
from .schema_tools import asked, json_of, tool_of

_VALIDATE = """SELECT agentcore.args_validate(%(tool)s::text, %(args)s::text::jsonb)::text AS errors,
 agentcore.args_feedback(%(tool)s::text, %(args)s::text::jsonb) AS feedback"""
_COERCE = "SELECT args::text, changes::text, errors::text FROM agentcore.args_coerce(%(tool)s::text, args_text => %(args)s::text)"


class ArgumentError(ValueError):
    """errors: rows of {path, keyword, message, ...}; the text is the feedback for the model."""

    def __init__(self, feedback: str, errors: typing.List[typing.Dict[str, typing.Any]]) -> None:
        super().__init__(feedback)
        self.errors = errors


@dataclasses.dataclass(frozen=True)
class Validation:
    """valid; errors and feedback say why not; args: as they are, or after the repairs that `changes` lists."""
    valid: bool
    args: typing.Any
    errors: typing.List[typing.Dict[str, typing.Any]]
    feedback: str
    changes: typing.List[typing.Dict[str, typing.Any]]

    def __bool__(self) -> bool:
        return self.valid

    def check(self) -> typing.Any:
        """The arguments, or ArgumentError."""
        if not self.valid:
            raise ArgumentError(self.feedback, self.errors)
        return self.args


class ArgValidator:
    """schema: JSON Schema of any draft, or agentvet's dialect; or tool: the name of a registered tool."""

    def __init__(self, schema: typing.Any = None, *, dialect: str = "auto", tool: typing.Optional[str] = None) -> None:
        if (schema is None) == (tool is None):
            raise ValueError("give a schema or the name of a tool")
        self.tool = tool or tool_of(schema, dialect)

    def validate(self, args: typing.Any) -> Validation:
        """args: a value, or a model's own string."""
        if isinstance(args, str):
            return self._judge_text(args)
        row = asked(_VALIDATE, {"tool": self.tool, "args": json.dumps(plain(args))})
        errors = json_of(row, "errors")
        return Validation(not errors, args, errors, row["feedback"], [])

    def coerce(self, args: typing.Any) -> Validation:
        """With the safe repairs of args_coerce()."""
        row = asked(_COERCE, {"tool": self.tool, "args": of_args(args)})
        errors, repaired = json_of(row, "errors"), json_of(row, "args")
        feedback = ""
        if errors:
            feedback = errors[0]["message"] if repaired is None else self.validate(repaired).feedback
        return Validation(not errors, repaired, errors, feedback, json_of(row, "changes"))

    def _judge_text(self, text: str) -> Validation:
        try:
            args = json.loads(text)
        except ValueError:
            unread = self.coerce(text)
            if unread.args is None:
                return unread
            errors = [{"path": "", "keyword": "json", "message": "the arguments are not JSON"}]
            return Validation(False, None, errors, "The arguments are not JSON: send one object.", [])
        return self.validate(args) if not isinstance(args, str) else self._judge_text(args)
