"""Values on their way to the gate: arguments, results, and what an exception says."""
import base64
import dataclasses
import datetime
import decimal
import enum
import json
import math
import typing

# jsonb holds neither NUL nor half of a surrogate pair, and UTF-8 no half either.
_UNFIT = {0: "\ufffd", **{code: "\ufffd" for code in range(0xD800, 0xE000)}}
_DEEPEST = 200


def clean(text: str) -> str:
    """The text without what PostgreSQL cannot hold."""
    return text if text.isascii() and "\0" not in text else text.translate(_UNFIT)


def plain(value: typing.Any, depth: int = 0) -> typing.Any:
    """The value as JSON can say it.  What it cannot say becomes text; NaN and the infinities become null."""
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > _DEEPEST:
        return clean(str(value))[:1000]
    if isinstance(value, typing.Mapping):
        return {clean(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(value))
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return (int(value) if value == value.to_integral_value() else float(value)) if value.is_finite() else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
    for method in ("model_dump", "to_dict", "_asdict"):
        if callable(getattr(value, method, None)) and not isinstance(value, type):
            return plain(getattr(value, method)(), depth + 1)
    return clean(str(value))


def _of_bytes(data: bytes) -> str:
    try:
        return clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")


def to_json(value: typing.Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def of_args(args: typing.Any) -> typing.Optional[str]:
    """Arguments as the gate reads them: a model's own string as it is, anything else as JSON that keeps what it should complain of."""
    if args is None:
        return None
    if isinstance(args, str):
        return "".join(f"\\u{ord(c):04x}" if ord(c) in _UNFIT else c for c in args)
    return json.dumps(args, default=plain)


def of_json(text: typing.Optional[str]) -> typing.Any:
    return None if text is None else json.loads(text)


def of_result(value: typing.Any, limit: int) -> typing.Optional[str]:
    """A tool's answer as text of at most `limit` bytes; NULL where it is larger: half of an answer is none."""
    text = to_json(value)
    return text if len(text.encode("utf-8")) <= limit else None


# ----- exceptions -----------------------------------------------------------

@dataclasses.dataclass
class Failure:
    """What call_fail() is told of an exception."""
    status: typing.Optional[int]
    error: str
    retry_after: typing.Optional[str]


def _get(thing: typing.Any, *names: str) -> typing.Any:
    for name in names:
        try:
            found = getattr(thing, name, None)
        except Exception:  # a property of somebody's class
            found = None
        if found is not None:
            return found
    return None


def _status(error: BaseException) -> typing.Optional[int]:
    for holder in (error, _get(error, "response")):
        found = _get(holder, "status_code", "status", "code", "http_status")
        if isinstance(found, int) and not isinstance(found, bool) and 100 <= found <= 599:
            return int(found)
    return None


def _headers(error: BaseException) -> typing.Optional[str]:
    headers = _get(error, "headers") or _get(_get(error, "response"), "headers")
    explicit = _get(error, "retry_after")
    lines = [] if explicit is None else [f"retry-after: {explicit}"]
    try:
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()
                  if str(name).lower().startswith(("retry-after", "x-ratelimit", "ratelimit", "x-ms-retry-after"))]
    except Exception:  # headers of another shape
        pass
    return clean("\n".join(lines)) if lines else None


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"


def failure(error: BaseException) -> Failure:
    """Status, words and headers of an exception of any HTTP library; its causes too, for they name the network's part."""
    words: typing.List[str] = []
    cause: typing.Optional[BaseException] = error
    while cause is not None and len(words) < 4:
        words.append(f"{_name(cause)}: {cause}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    body = _get(error, "body")
    if isinstance(body, (str, dict, list)):
        words.insert(1, body if isinstance(body, str) else to_json(body))
    return Failure(_status(error), clean("\n".join(words))[:60000], _headers(error))
