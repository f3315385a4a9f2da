"""tool_arg_coerce: coerce() and coerce_value(), by the repairs of args_coerce().

They are stricter than the library's where a repair could change what was meant; doc/migration.md has the list.
"""
import dataclasses
import re
import typing

from ..values import to_json
from .schema_tools import asked, json_of, tool_of

_COERCE = "SELECT args::text, changes::text, errors::text FROM agentcore.args_coerce(%(tool)s::text, %(args)s::text::jsonb)"
_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
Coerced = typing.Tuple[typing.Any, typing.List[str]]


class CoerceError(ValueError):
    """strict: what could not be repaired, where, and the type that it should have."""

    def __init__(self, path: str, value: typing.Any, target_type: str) -> None:
        self.path, self.value, self.target_type = path, value, target_type
        super().__init__(f"{path}: could not coerce {value!r} to {target_type}")


@dataclasses.dataclass
class CoerceResult:
    """A value and what was changed on its way."""
    value: typing.Any
    warnings: typing.List[str]


def _spelled(pointer: str) -> str:
    """$.rows[0].n of /rows/0/n."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return "$" + "".join(f"[{step}]" if re.fullmatch("[0-9]+", step) else f".{step}" for step in steps)


def _at(value: typing.Any, pointer: str) -> typing.Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step.replace("~1", "/").replace("~0", "~")]
    return value


def _kind(value: typing.Any) -> str:
    return "null" if value is None else type(value).__name__


def _said(change: typing.Mapping[str, typing.Any]) -> str:
    path = _spelled(change["path"])
    if "to" not in change:
        return f"{path}: removed ({change['rule']})"
    if "from" not in change:
        return f"{path}: filled in ({change['rule']})"
    return f"{path}: coerced {_kind(change['from'])} {change['from']!r} to {_kind(change['to'])} ({change['rule']})"


def _run(args: typing.Any, schema: typing.Any, strict: bool) -> Coerced:
    row = asked(_COERCE, {"tool": tool_of(schema, "2020-12"), "args": to_json(args)})
    errors = [error for error in json_of(row, "errors") if error["keyword"] in ("type", "anyOf", "oneOf")]
    fixed = json_of(row, "args")
    if strict and errors:
        path, expected = errors[0]["path"], (errors[0].get("params") or {}).get("expected", [])
        raise CoerceError(_spelled(path), _at(fixed, path), " or ".join(expected))
    return fixed, [_said(change) for change in json_of(row, "changes")]


def coerce(args: typing.Any, schema: typing.Any, *, strict: bool = False) -> Coerced:
    """(args, warnings).  What cannot be repaired stays as it was; strict: CoerceError."""
    if not isinstance(args, dict):
        if strict:
            raise CoerceError("$", args, "object")
        return args, []
    return _run(args, schema, strict)


def coerce_value(value: typing.Any, target_type: str, *, path: str = "$", strict: bool = False) -> Coerced:
    """(value, warnings) for one value of a type of JSON Schema; an unknown type leaves it as it is."""
    if target_type not in _TYPES:
        return value, []
    try:
        fixed, warnings = _run({"v": value}, {"type": "object", "properties": {"v": {"type": target_type}}, "required": ["v"]}, strict)
    except CoerceError as error:
        raise CoerceError(error.path.replace("$.v", path, 1), error.value, target_type) from None
    return fixed["v"], [warning.replace("$.v", path, 1) for warning in warnings]
