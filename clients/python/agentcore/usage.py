"""What a model call may use, and what its response, or the events of its stream, say that it used.

The gate reads usage objects; here they are only found, so that no answer of a model travels to the gate for its usage.
"""
import json
import logging
import typing

from . import values

log = logging.getLogger("agentcore")

STREAMED: typing.Any = object()     # in place of a response: the events were collected

# Where usage stands, and what tells its price.
_USAGE = ("usage", "usageMetadata", "usage_metadata", "last_token_usage", "token_usage")
_FLAT = ("prompt_eval_count", "eval_count")
_INSIDE = ("message", "response", "metadata", "x_groq", "meta", "response_metadata", "llm_output")
_BESIDE = ("type", "object", "service_tier", "serviceTier")
_MOST = ("max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "maxTokens", "num_predict")


def _reduced(thing: typing.Any, depth: int = 0) -> typing.Optional[typing.Dict[str, typing.Any]]:
    """The part of a response or event that speaks of usage."""
    if not isinstance(thing, dict) or depth > 3:
        return None
    part = {name: thing[name] for name in (*_USAGE, *_FLAT) if thing.get(name) is not None}
    for name in _INSIDE:
        inner = _reduced(thing.get(name), depth + 1)
        if inner is not None:
            part[name] = inner
    if not part:
        return None
    part.update((name, thing[name]) for name in _BESIDE if isinstance(thing.get(name), str))
    return part


def _seen(thing: typing.Any) -> typing.Any:
    """A response that cannot be read says nothing of its usage: then the hold is charged."""
    try:
        return values.plain(thing)
    except Exception as error:
        log.warning("what a model sent cannot be read for its usage (%s)", type(error).__name__)
        return None


def of_response(response: typing.Any) -> typing.Optional[str]:
    part = _reduced(_seen(response))
    return None if part is None else json.dumps(part)


class Collector:
    """The events of a stream that speak of usage.  Counts are cumulative, so the last one tells; only Anthropic counts the input in its first one."""

    def __init__(self) -> None:
        self._first: typing.Optional[typing.Dict[str, typing.Any]] = None
        self._last: typing.Optional[typing.Dict[str, typing.Any]] = None

    def add(self, event: typing.Any) -> None:
        part = _reduced(_seen(event))
        if part is not None and part.get("type") == "message_start":
            self._first = part
        elif part is not None:
            self._last = part

    def told(self) -> typing.Optional[str]:
        events = [event for event in (self._first, self._last) if event is not None]
        if not events:
            return None
        return json.dumps(events if len(events) > 1 else events[0])


def most_output(request: typing.Any) -> typing.Optional[int]:
    if not isinstance(request, typing.Mapping):
        return None
    places = [request] + [request[name] for name in ("generationConfig", "generation_config", "config", "inferenceConfig", "options")
                          if isinstance(request.get(name), typing.Mapping)]
    for place in places:
        for name in _MOST:
            if isinstance(place.get(name), int) and not isinstance(place[name], bool):
                return int(place[name])
    return None


def input_estimate(request: typing.Any) -> int:
    """A token is hardly ever shorter than three bytes of a request."""
    return len(values.to_json(request).encode("utf-8")) // 3 + 1
