"""A client of the gate in one page: copy it, or read it as the pattern to follow.

    gate = Gate("dbname=app")
    outcome = call(gate, Request("researcher", tool="web/fetch", args={"url": "https://example.com/"},
                                 key="toolu_01"), run=fetch)
    if outcome.verdict == "deny":
        show_to_the_model(outcome.answer.feedback)

The one rule that matters: the connection is in autocommit, so call_begin() is
committed before the tool runs and call_commit() or call_fail() is a transaction
of its own.  Never begin and commit around a tool run: the budget's row would
stay locked all the while, and a ROLLBACK would take the charge back.
"""
import collections
import dataclasses
import json
import time
import typing

import psycopg
from psycopg.rows import namedtuple_row

BEGIN = """
SELECT verdict, call_id, args, result, reason, detail, errors, feedback, retry_after, attempt, enforced
  FROM agentcore.call_begin(%(agent)s, %(tool)s, args => %(args)s::jsonb, args_text => %(args_text)s,
                            key => %(key)s, task => %(task)s, subject => %(subject)s,
                            budget => %(budget)s, lease => %(lease)s::interval, tenant => %(tenant)s)"""
LLM_BEGIN = """
SELECT verdict, call_id, args, result, reason, detail, errors, feedback, retry_after, attempt, enforced
  FROM agentcore.llm_begin(%(agent)s, %(model)s, %(input_tokens)s::bigint, %(max_output_tokens)s::bigint,
                           key => %(key)s, task => %(task)s, subject => %(subject)s,
                           budget => %(budget)s, lease => %(lease)s::interval, tenant => %(tenant)s)"""
COMMIT = "SELECT agentcore.call_commit(%s, result => %s::jsonb, tokens => %s::bigint, usd => %s::numeric, tenant => %s)"
LLM_COMMIT = "SELECT agentcore.llm_commit(%s, usage => %s::jsonb, tokens => %s::bigint, usd => %s::numeric, tenant => %s)"
FAIL = "SELECT * FROM agentcore.call_fail(%s, status => %s::int, error => %s, retry_after_header => %s, tenant => %s)"


@dataclasses.dataclass
class Request:
    """A tool call (tool, args or args_text) or a model call (model, *_tokens)."""
    agent: str
    tool: typing.Optional[str] = None
    args: typing.Any = None
    args_text: typing.Optional[str] = None  # the model's raw string, where it is no JSON
    model: typing.Optional[str] = None
    input_tokens: int = 0
    max_output_tokens: int = 0
    key: typing.Optional[str] = None        # the same key is the same call, however often it is asked
    task: typing.Optional[str] = None
    subject: typing.Optional[str] = None
    budget: typing.Optional[str] = None
    lease: typing.Optional[str] = None
    tenant: str = ""


@dataclasses.dataclass
class Done:
    """What the tool, or the model, gave back; None: not known, so the estimate is charged."""
    result: typing.Any = None
    tokens: typing.Optional[int] = None
    usd: typing.Optional[float] = None
    usage: typing.Optional[dict] = None


class ToolError(Exception):
    """The tool failed: an HTTP status and a Retry-After header where there were any."""

    def __init__(self, message, status=None, retry_after=None):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


@dataclasses.dataclass
class Outcome:
    """How a call ended, and what happened on its way."""
    answer: typing.Any                      # the gate's last row
    result: typing.Any = None
    waits: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    runs: int = 0
    error: typing.Optional[str] = None      # the tool's last error, where it failed
    advice: typing.Optional[str] = None     # what call_fail() said to it

    @property
    def verdict(self):
        return self.answer.verdict


def to_json(value):
    """jsonb holds no NUL character; tools return them now and then."""
    def clean(part):
        if isinstance(part, str):
            return part.replace("\0", "")
        if isinstance(part, dict):
            return {clean(key): clean(item) for key, item in part.items()}
        if isinstance(part, list):
            return [clean(item) for item in part]
        return part
    return None if value is None else json.dumps(clean(value))


class Gate:
    """One connection, one statement a question."""

    def __init__(self, conninfo=""):
        self.connection = psycopg.connect(conninfo, autocommit=True, row_factory=namedtuple_row)
        self.begin_seconds = []
        self.settle_seconds = []

    def ask(self, times, sql, parameters):
        start = time.perf_counter()
        try:
            return self.connection.execute(sql, parameters).fetchone()
        finally:
            times.append(time.perf_counter() - start)

    def begin(self, request):
        parameters = dataclasses.asdict(request)
        parameters["args"] = None if request.args is None else json.dumps(request.args)
        return self.ask(self.begin_seconds, LLM_BEGIN if request.model else BEGIN, parameters)

    def commit(self, request, call_id, done):
        if request.model:
            row = self.ask(self.settle_seconds, LLM_COMMIT, (call_id, to_json(done.usage), done.tokens, done.usd, request.tenant))
        else:
            row = self.ask(self.settle_seconds, COMMIT, (call_id, to_json(done.result), done.tokens, done.usd, request.tenant))
        return row[0]

    def fail(self, request, call_id, error):
        return self.ask(self.settle_seconds, FAIL,
                        (call_id, error.status, str(error)[:1000], error.retry_after, request.tenant))

    def close(self):
        self.connection.close()


def call(gate, request, run, patience=3.0):
    """Ask, run, settle.  run(args) returns Done or raises ToolError.

    A wait is never shown to the model: the worker sleeps and asks again with
    the same key, for at most `patience` seconds in all.
    """
    outcome = Outcome(None)
    deadline = time.monotonic() + patience
    while True:
        answer = outcome.answer = gate.begin(request)
        if answer.verdict == "wait":
            outcome.waits[answer.reason] += 1
            delay = answer.retry_after.total_seconds() if answer.retry_after else 0.1
        elif answer.verdict == "cached":
            outcome.result = answer.result
            return outcome
        elif answer.verdict == "deny":
            return outcome
        else:
            outcome.runs += 1
            try:
                # outside of any transaction; with the arguments that the gate returned: it may have
                # converted them, and a URL must be fetched as it was judged
                done = run(answer.args)
            except ToolError as error:
                advice = gate.fail(request, answer.call_id, error)
                outcome.error, outcome.advice = str(error), f"{advice.action} ({advice.reason})"
                if advice.action != "retry":
                    return outcome
                delay = advice.delay.total_seconds()
            else:
                gate.commit(request, answer.call_id, done)
                outcome.result, outcome.error = done.result, None
                return outcome
        if time.monotonic() + delay > deadline:
            return outcome
        time.sleep(max(delay, 0.005))
