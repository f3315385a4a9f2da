"""Situations that no recorded log can hold, because they need a second worker, or a person, at
the right moment.  A log line {"scenario": NAME, ...call...} plays one; it ends in
one outcome, like every other line.
"""
import dataclasses
import json
import time

from client import Done, Outcome, call

MANY = "SELECT * FROM agentcore.call_begin_many(%s, %s::jsonb, task => %s, subject => %s, tenant => %s)"


def settled(gate, request, answer, run):
    """The outcome where the gate said something else than the scenario is about."""
    if answer.verdict == "run":
        gate.commit(request, answer.call_id, run(answer.args))
    return Outcome(answer, runs=int(answer.verdict == "run"))


def same_key_twice(world, gate, request, run, line):
    """Two workers got the same job: one runs it, the other waits and gets its result."""
    first, second = gate, world.connect()
    try:
        begun = first.begin(request)
        if begun.verdict != "run":
            return settled(first, request, begun, run)
        outcome = Outcome(second.begin(request))     # in_progress
        outcome.waits[outcome.answer.reason] += 1
        first.commit(request, begun.call_id, run(begun.args))
        outcome.answer = second.begin(request)       # the first one's answer
        outcome.result = outcome.answer.result
        return outcome
    finally:
        second.close()


def worker_dies(world, gate, request, run, line):
    """A worker vanishes in the middle of a call that must not be made twice."""
    lost = world.connect()
    lost.begin(dataclasses.replace(request, lease="50 milliseconds"))
    lost.close()
    time.sleep(0.1)
    return call(gate, request, run)                  # outcome_unknown


def two_calls_in_one_transaction(world, gate, request, run, line):
    """What not to do: a transaction that holds one agent's budget and asks for another's.

    The second budget is busy, and waiting for it with the first in hand could
    deadlock, so the gate says contention; after COMMIT the same question works.
    """
    other = world.connect()
    try:
        with other.connection.transaction():
            busy = other.begin(dataclasses.replace(request, key=request.key + "-busy"))
            with gate.connection.transaction():
                held = gate.begin(dataclasses.replace(request, key=request.key + "-held", agent=line["second_agent"]))
                refused = gate.begin(request)        # contention
        for worker, begun in ((other, busy), (gate, held)):
            if begun.verdict == "run":
                worker.commit(request, begun.call_id, Done())
        if refused.verdict != "wait":
            return settled(gate, request, refused, run)
        outcome = call(gate, request, run)
        outcome.waits[refused.reason] += 1
        return outcome
    finally:
        other.close()


def approved(world, gate, request, run, line):
    """A person says yes while the worker waits."""
    asked = gate.begin(request)                      # approval_required
    if asked.verdict != "wait":
        return settled(gate, request, asked, run)
    world.admin.execute("SELECT agentcore.call_approve(id, note => 'demo', tenant => %s) FROM agentcore.approvals"
                        " WHERE tenant = %s AND state = 'pending' AND tool = %s AND task = %s",
                        (request.tenant, request.tenant, request.tool, request.task))
    outcome = call(gate, request, run)
    outcome.waits[asked.reason] += 1
    return outcome


def undecided(world, gate, request, run, line):
    """Nobody decides in time: agentcore.approval_decide_within is a second here, a day elsewhere."""
    asked = gate.begin(request)                      # approval_required
    if asked.verdict != "wait":
        return settled(gate, request, asked, run)
    time.sleep(1.1)
    outcome = Outcome(gate.begin(request))           # approval_expired
    outcome.waits[asked.reason] += 1
    return outcome


def same_id_for_two_calls(world, gate, request, run, line):
    """A turn of the model whose provider numbers its calls from 0: the id is another call's key."""
    turn = [{"type": "function", "id": request.key, "function": {"name": request.tool, "arguments": json.dumps(args)}}
            for args in (request.args, line["other_args"])]
    rows = gate.connection.execute(MANY, (request.agent, json.dumps(turn), request.task, request.subject, request.tenant)).fetchall()
    if rows[0].verdict != "run":
        return settled(gate, request, rows[0], run)
    gate.commit(request, rows[0].call_id, run(rows[0].args))
    if rows[1].verdict == "run":
        return settled(gate, request, rows[1], run)
    return Outcome(rows[1])                          # key_conflict


def redefined(world, gate, request, run, line):
    """The server of a tool sends another definition of it, and nobody has looked at that yet."""
    server, name = request.tool.split("/")
    world.admin.execute("SELECT agentcore.tool_import(%s::jsonb, prefix => %s, adopt => true, on_change => 'hold', tenant => %s)",
                        (json.dumps({"name": name, **line["definition"]}), server + "/", request.tenant))
    answer = gate.begin(request)                     # tool_changed
    if answer.verdict != "deny":
        return settled(gate, request, answer, run)
    return Outcome(answer)


def stopped(world, gate, request, run, line):
    """A person stops the task: what its agents ask after that is refused."""
    world.admin.execute("SELECT agentcore.task_stop(%s, tenant => %s)", (request.task, request.tenant))
    answer = gate.begin(request)                     # task_stopped
    if answer.verdict != "deny":
        return settled(gate, request, answer, run)
    return Outcome(answer)


def check_breaks(world, gate, request, run, line):
    """A check of the policy cannot read what it is given: what cannot be judged is refused."""
    world.admin.execute("CREATE OR REPLACE FUNCTION public.demo_known_parcel(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER"
                        " SET search_path = pg_catalog, pg_temp AS $$ SELECT 'No such parcel.' WHERE (context #>> '{args,parcel}')::bigint < 100000 $$")
    world.admin.execute("REVOKE EXECUTE ON FUNCTION public.demo_known_parcel(jsonb) FROM PUBLIC")
    world.admin.execute("SELECT agentcore.policy_check_set(%s, %s, 'known', 'public.demo_known_parcel', tenant => %s)",
                        (line["policy"], request.tool, request.tenant))
    answer = gate.begin(request)                     # check_failed
    if answer.verdict != "deny":
        return settled(gate, request, answer, run)
    return Outcome(answer)


def limited(world, gate, request, run, line):
    """The policy limits the tool: a call beyond it is refused, and one that names nothing to count it by."""
    world.admin.execute("SELECT agentcore.policy_limit_tool(%s, %s, 'demo', per => %s, max_calls => 0, tenant => %s)",
                        (line["policy"], request.tool, line["per"], request.tenant))
    without = {member: None for member in line.get("without", [])}
    answer = gate.begin(dataclasses.replace(request, **without))     # limit_exceeded, task_required or subject_required
    if answer.verdict != "deny":
        return settled(gate, request, answer, run)
    return Outcome(answer)


def done_otherwise(world, gate, request, run, line):
    """What took effect is not done again with another amount, whatever the key."""
    world.admin.execute("SELECT agentcore.tool_set(%s, once => '1 day', once_by => %s, tenant => %s)",
                        (request.tool, line["once_by"], request.tenant))
    first = gate.begin(dataclasses.replace(request, key=request.key + "-first", args=line["first_args"]))
    if first.verdict == "run":
        gate.commit(request, first.call_id, run(first.args))
    return Outcome(gate.begin(request), runs=int(first.verdict == "run"))     # already_done


SCENARIOS = {f.__name__: f for f in (same_key_twice, worker_dies, two_calls_in_one_transaction, approved, undecided,
                                   same_id_for_two_calls, redefined, stopped, check_breaks, limited, done_otherwise)}
