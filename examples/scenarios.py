"""Situations that no recorded log can hold, because they need a second worker, or a person, at
the right moment.  A log line {"scenario": NAME, ...call...} plays one; it ends in
one outcome, like every other line.
"""
import collections
import dataclasses
import json
import threading
import time
import typing

import psycopg
from psycopg.rows import namedtuple_row

import agentcore

ROW = "verdict, call_id, args, result, reason, detail, errors, feedback, enforced"
BEGIN = f"""SELECT {ROW} FROM agentcore.call_begin(%(agent)s, %(tool)s, args_text => %(args_text)s, key => %(key)s, task => %(task)s,
 subject => %(subject)s, budgets => %(budgets)s::text[], lease => %(lease)s::interval, tenant => %(tenant)s)"""
MANY = f"SELECT {ROW} FROM agentcore.call_begin_many(%s, %s::jsonb, task => %s, subject => %s, tenant => %s)"
COMMIT = "SELECT agentcore.call_commit(%s, result => %s::jsonb, tenant => %s)"


@dataclasses.dataclass
class Request:
    """A tool call (tool, args or args_text) or a model call (model, *_tokens), as the log has it."""
    agent: str
    tool: typing.Optional[str] = None
    args: typing.Any = None
    args_text: typing.Optional[str] = None  # the model's raw string, where it is no JSON
    model: typing.Optional[str] = None
    input_tokens: int = 0
    max_output_tokens: int = 0
    key: typing.Optional[str] = None
    task: typing.Optional[str] = None
    subject: typing.Optional[str] = None
    budget: typing.Optional[str] = None
    lease: typing.Optional[str] = None
    tenant: str = ""

    def common(self):
        return {"key": self.key, "task": self.task, "subject": self.subject, "budgets": self.budget and [self.budget], "tenant": self.tenant}


class Worker:
    """The bare statements on a connection of its own, in autocommit: a begin is committed before anything else happens."""

    def __init__(self, conninfo):
        self.connection = psycopg.connect(conninfo, autocommit=True, row_factory=namedtuple_row)

    def begin(self, request, **changes):
        request = dataclasses.replace(request, **changes)
        args = request.args_text if request.args is None else json.dumps(request.args)
        return self.connection.execute(BEGIN, {**request.common(), "agent": request.agent, "tool": request.tool, "args_text": args,
                                               "lease": request.lease}).fetchone()

    def commit(self, request, call_id, result=None):
        self.connection.execute(COMMIT, (call_id, json.dumps(result), request.tenant))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.connection.close()


def outcome(row, *waits, attempts=0):
    """A row of the gate as the client would give it."""
    return agentcore.Result(ok=row.verdict in ("run", "cached"), value=row.result, verdict=row.verdict, reason=row.reason, detail=row.detail,
                            feedback=row.feedback, errors=row.errors, enforced=row.enforced, audit=None if row.enforced else row.reason,
                            attempts=attempts, waits=collections.Counter(waits))


def asked_again(world, request, tool, *before):
    """The call through the client, after answers that were waits."""
    result = world.ask(request, tool)
    result.waits = collections.Counter(result.waits) + collections.Counter(before)
    return result


def settled(worker, request, row, tool):
    """The outcome where the gate said something else than the scenario is about."""
    if row.verdict == "run":
        worker.commit(request, row.call_id, tool(row.args))
    return outcome(row, attempts=int(row.verdict == "run"))


def refused(world, request, tool, **changes):
    """What the gate says of a call that it should refuse."""
    with world.worker() as worker:
        row = worker.begin(request, **changes)
        return outcome(row) if row.verdict == "deny" else settled(worker, request, row, tool)


def same_key_twice(world, request, tool, line):
    """Two workers got the same job: one runs it, the other waits and gets its result."""
    with world.worker() as first, world.worker() as second:
        begun = first.begin(request)
        if begun.verdict != "run":
            return settled(first, request, begun, tool)
        waiting = second.begin(request)                   # in_progress
        first.commit(request, begun.call_id, tool(begun.args))
        return outcome(second.begin(request), waiting.reason)      # the first one's answer


def worker_dies(world, request, tool, line):
    """A worker vanishes in the middle of a call that must not be made twice."""
    with world.worker() as lost:
        lost.begin(request, lease="50 milliseconds")
    time.sleep(0.1)
    return world.ask(request, tool)                       # outcome_unknown


def two_calls_in_one_transaction(world, request, tool, line):
    """What not to do: a transaction that holds one agent's budget and asks for another's.

    The second budget is busy, and waiting for it with the first in hand could
    deadlock, so the gate says contention; after COMMIT the same question works.
    Nobody else uses these budgets: one that others wait for is soon used by many at once.
    """
    with world.worker() as other, world.worker() as worker:
        with other.connection.transaction():
            busy = other.begin(request, key=request.key + "-busy")
            with worker.connection.transaction():
                held = worker.begin(request, key=request.key + "-held", agent=line["second_agent"])
                contended = worker.begin(request)         # contention
        for owner, begun in ((other, busy), (worker, held)):
            if begun.verdict == "run":
                owner.commit(request, begun.call_id)
        if contended.verdict != "wait":
            return settled(worker, request, contended, tool)
    return asked_again(world, request, tool, contended.reason)


def approved(world, request, tool, line):
    """A person says yes while the worker waits."""
    with world.worker() as worker:
        asked = worker.begin(request)                     # approval_required
        if asked.verdict != "wait":
            return settled(worker, request, asked, tool)
    world.admin.execute("SELECT agentcore.call_approve(id, note => 'demo', tenant => %s) FROM agentcore.approvals"
                        " WHERE tenant = %s AND state = 'pending' AND tool = %s AND task = %s",
                        (request.tenant, request.tenant, request.tool, request.task))
    return asked_again(world, request, tool, asked.reason)


def undecided(world, request, tool, line):
    """Nobody decides in time: agentcore.approval_decide_within is a second here, a day elsewhere."""
    with world.worker() as worker:
        asked = worker.begin(request)                     # approval_required
        if asked.verdict != "wait":
            return settled(worker, request, asked, tool)
        time.sleep(1.1)
        return outcome(worker.begin(request), asked.reason)        # approval_expired


def same_id_for_two_calls(world, request, tool, line):
    """A turn of the model whose provider numbers its calls from 0: the id is another call's key."""
    turn = [{"type": "function", "id": request.key, "function": {"name": request.tool, "arguments": json.dumps(args)}}
            for args in (request.args, line["other_args"])]
    with world.worker() as worker:
        first, second = worker.connection.execute(MANY, (request.agent, json.dumps(turn), request.task, request.subject, request.tenant)).fetchall()
        if first.verdict != "run":
            return settled(worker, request, first, tool)
        worker.commit(request, first.call_id, tool(first.args))
        return outcome(second) if second.verdict != "run" else settled(worker, request, second, tool)       # key_conflict


def redefined(world, request, tool, line):
    """The server of a tool sends another definition of it, and nobody has looked at that yet."""
    server, name = request.tool.split("/")
    world.admin.execute("SELECT agentcore.tool_import(%s::jsonb, prefix => %s, adopt => true, on_change => 'hold', tenant => %s)",
                        (json.dumps({"name": name, **line["definition"]}), server + "/", request.tenant))
    return refused(world, request, tool)                  # tool_changed


def stopped(world, request, tool, line):
    """A person stops the task: what its agents ask after that is refused."""
    world.admin.execute("SELECT agentcore.task_stop(%s, tenant => %s)", (request.task, request.tenant))
    return refused(world, request, tool)                  # task_stopped


def check_breaks(world, request, tool, line):
    """A check of the policy cannot read what it is given: what cannot be judged is refused."""
    world.admin.execute("CREATE OR REPLACE FUNCTION public.demo_known_parcel(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER"
                        " SET search_path = pg_catalog, pg_temp AS $$ SELECT 'No such parcel.' WHERE (context #>> '{args,parcel}')::bigint < 100000 $$")
    world.admin.execute("REVOKE EXECUTE ON FUNCTION public.demo_known_parcel(jsonb) FROM PUBLIC")
    world.admin.execute("SELECT agentcore.policy_check_set(%s, %s, 'known', 'public.demo_known_parcel', tenant => %s)",
                        (line["policy"], request.tool, request.tenant))
    return refused(world, request, tool)                  # check_failed


# several lines set the same limit, and play at the same time
one_limit = threading.Lock()


def limited(world, request, tool, line):
    """The policy limits the tool: a call beyond it is refused, and one that names nothing to count it by."""
    with one_limit:
        world.admin.execute("SELECT agentcore.policy_limit_tool(%s, %s, 'demo', per => %s, max_calls => 0, tenant => %s)",
                            (line["policy"], request.tool, line["per"], request.tenant))
        # limit_exceeded, task_required or subject_required
        return refused(world, request, tool, **{member: None for member in line.get("without", [])})


def done_otherwise(world, request, tool, line):
    """What took effect is not done again with another amount, whatever the key."""
    world.admin.execute("SELECT agentcore.tool_set(%s, once => '1 day', once_by => %s, tenant => %s)",
                        (request.tool, line["once_by"], request.tenant))
    with world.worker() as worker:
        first = worker.begin(request, key=request.key + "-first", args=line["first_args"])
        if first.verdict == "run":
            worker.commit(request, first.call_id, tool(first.args))
        return outcome(worker.begin(request), attempts=int(first.verdict == "run"))     # already_done


SCENARIOS = {f.__name__: f for f in (same_key_twice, worker_dies, two_calls_in_one_transaction, approved, undecided,
                                   same_id_for_two_calls, redefined, stopped, check_breaks, limited, done_otherwise)}
