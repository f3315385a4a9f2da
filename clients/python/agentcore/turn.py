"""The calls of one turn of a model, out of what its provider sent."""
import dataclasses
import typing

from . import values


@dataclasses.dataclass
class Asked:
    """id: the provider's, which names the call; None where it names none for good."""
    id: typing.Any
    tool: typing.Any
    args: typing.Any
    unique: bool


def _as_dict(thing: typing.Any) -> typing.Any:
    return thing if isinstance(thing, (dict, list)) else values.plain(thing)


def calls_of(sent: typing.Any) -> typing.List[Asked]:
    """Messages, responses and lists of OpenAI, Anthropic and MCP, as call_begin_many() reads them; other parts are skipped."""
    sent = _as_dict(sent)
    if isinstance(sent, list):
        return [asked for part in sent for asked in _part(_as_dict(part))]
    return _part(sent)


def _part(part: typing.Any) -> typing.List[Asked]:
    if not isinstance(part, dict):
        return []
    kind = part.get("type")
    if kind == "function" or isinstance(part.get("function"), dict):
        function = part["function"] if isinstance(part.get("function"), dict) else {}
        return [Asked(part.get("id"), function.get("name"), function.get("arguments"), True)]
    if kind == "function_call":
        return [Asked(part.get("call_id") or part.get("id"), part.get("name"), part.get("arguments"), True)]
    if kind == "tool_use":
        return [Asked(part.get("id"), part.get("name"), part.get("input"), True)]
    if part.get("method") == "tools/call":
        given = part.get("params")
        parameters = given if isinstance(given, dict) else {}
        # the ids of JSON-RPC begin anew with each connection
        return [Asked(part.get("id"), parameters.get("name"), parameters.get("arguments"), False)]
    if "args" in part and isinstance(part.get("name"), str):
        return [Asked(part.get("id"), part["name"], part["args"], True)]
    if isinstance(part.get("choices"), list) and part["choices"]:
        return _part(_as_dict(part["choices"][0]))
    if isinstance(part.get("message"), dict):
        return _part(part["message"])
    for name in ("tool_calls", "output", "content"):
        if isinstance(part.get(name), list):
            found = calls_of(part[name])
            if found or name == "tool_calls":
                return found
    return []
