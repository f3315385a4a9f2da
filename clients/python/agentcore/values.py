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
_MOST = 1 << 20     # members: what refers to itself in many ways would have no end


def clean(text: str) -> str:
    """The text without what PostgreSQL cannot hold."""
    return text if text.isascii() and "\0" not in text else text.translate(_UNFIT)


def words(thing: typing.Any) -> str:
    """The thing as text, whatever its class does."""
    try:
        return str(thing)
    except Exception:
        return f"({type(thing).__name__}, which cannot be put into words)"


def said(error: BaseException) -> str:
    return f"{type(error).__name__}: {words(error)}"


def plain(value: typing.Any, most: int = _MOST) -> typing.Any:
    """The value as JSON can say it.  What it cannot say becomes text; NaN and the infinities become null; what stands in itself becomes "...".

    TooMuch where it has more members than `most`.  What a method of somebody's class raises is raised.
    """
    return _Plain(most).of(value, 0)


class TooMuch(ValueError):
    """A value has more members than it may."""


class _Plain:
    """One value on its way; `above` has the places that the present one stands in."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._above: typing.Set[int] = set()

    def of(self, value: typing.Any, depth: int) -> typing.Any:
        self._left -= 1
        if self._left < 0:
            raise TooMuch("it has too many members")
        if isinstance(value, enum.Enum):
            value = value.value
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if id(value) in self._above:
            return "..."
        if depth > _DEEPEST:
            return clean(str(value))[:1000]
        self._above.add(id(value))
        try:
            if isinstance(value, typing.Mapping):
                return {clean(str(key)): self.of(item, depth + 1) for key, item in value.items()}
            if isinstance(value, (list, tuple, set, frozenset)):
                return [self.of(item, depth + 1) for item in value]
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                return {field.name: self.of(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
            for method in ("model_dump", "to_dict", "_asdict"):
                if callable(getattr(value, method, None)) and not isinstance(value, type):
                    return self.of(getattr(value, method)(), depth + 1)
            return _text(value)
        finally:
            self._above.remove(id(value))


def _text(value: typing.Any) -> typing.Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(value))
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return (int(value) if value == value.to_integral_value() else float(value)) if value.is_finite() else None
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
    try:
        text = json.dumps(plain(value, limit), ensure_ascii=False, separators=(",", ":"))
    except TooMuch:
        return None
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
    lines = [] if explicit is None else [f"retry-after: {words(explicit)}"]
    try:
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()
                  if str(name).lower().startswith(("retry-after", "x-ratelimit", "ratelimit", "x-ms-retry-after"))]
    except Exception:  # headers of another shape
        pass
    return clean("\n".join(lines)) if lines else None


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"


def _body(body: typing.Any) -> str:
    try:
        return to_json(body)
    except Exception:  # values of somebody's class
        return words(body)


def failure(error: BaseException) -> Failure:
    """Status, words and headers of an exception of any HTTP library; its causes too, for they name the network's part."""
    told: typing.List[str] = []
    cause: typing.Optional[BaseException] = error
    while cause is not None and len(told) < 4:
        told.append(f"{_name(cause)}: {words(cause)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    body = _get(error, "body")
    if isinstance(body, (str, dict, list)):
        told.insert(1, body if isinstance(body, str) else _body(body))
    return Failure(_status(error), clean("\n".join(told))[:60000], _headers(error))
