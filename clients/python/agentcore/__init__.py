"""A client of agentcore: ask, run, settle.

    gate = agentcore.Gate("dbname=app", agent="researcher")
    result = gate.call(None, "web__fetch", {"url": "https://example.com/"}, fetch, key="toolu_01")
    show_to_the_model(result.content())
"""
from .aio import AsyncGate, AsyncStream
from .errors import GateError, GateUnavailable
from .gate import Gate, Stream
from .requests import Rules
from .result import Result
from .surface import current

__all__ = ["AsyncGate", "AsyncStream", "Gate", "GateError", "GateUnavailable", "Result", "Rules", "Stream", "current"]
