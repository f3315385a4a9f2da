"""A client of agentcore: ask, run, settle.

    gate = agentcore.Gate("dbname=app", agent="researcher")
    result = gate.call(None, "web__fetch", {"url": "https://example.com/"}, fetch, key="toolu_01")
    show_to_the_model(result.content())
"""
from .drivers import Pool
from .errors import GateError, GateUnavailable
from .gate import Gate, current
from .loop import Rules
from .result import Result

__all__ = ["Gate", "GateError", "GateUnavailable", "Pool", "Result", "Rules", "current"]
