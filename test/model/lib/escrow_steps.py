"""What a transaction does next, and how it and its subtransactions end.

step(m, state, i) gives every state that the next step of transaction i may lead to.
"""
from lib.escrow_state import NOTHING, Broken, applied, keep_outermost, leave_queue, unlock_from, used
from lib.escrow_entry import ENDING, finished, give_back, into_base, through, with_budget, with_tx
from lib.escrow_operation import (by_hand, step_alone, step_asleep, step_decide, step_enter, step_make,
                                  step_peek, step_queued_alone, step_queued_share, step_read, step_set_alone,
                                  step_set_drop, step_set_queued, step_set_write)


def hands_end(m, state, i):
    """A writer by hand has ended, whichever way."""
    for b, rec in enumerate(state.txs[i].recs):
        budget = state.budgets[b]
        if rec is not None and rec.hand:
            epoch = budget.epoch + 1
            if m.wrong("the epoch stays at the end of a writer by hand"):
                epoch = budget.epoch
            state = with_budget(state, b, budget._replace(hands=max(budget.hands - 1, 0), epoch=epoch))
    return state


# ----- subtransactions -----

def release_savepoint(m, state, i):
    tx = state.txs[i]
    if m.wrong("a record does not pass to the parent"):
        for b, (old, new) in enumerate(zip(tx.recs, tx.stack[-1])):
            if old is not new:
                state = give_back(state, b, old, new)
    state = with_tx(state, i, stack=tx.stack[:-1])
    for b in range(len(state.budgets)):
        state = with_budget(state, b, keep_outermost(state.budgets[b], i, len(tx.stack) - 1))
    return finished(m, state, i, "g")


def rollback_to(m, state, i):
    """The callback runs before locks go."""
    tx = state.txs[i]
    if not m.wrong("not given back at ROLLBACK TO"):
        for b, (old, new) in enumerate(zip(tx.recs, tx.stack[-1])):
            if old is not new:
                state = give_back(state, b, old, new)
    # who wrote by hand counts as a writer to the end of the transaction
    recs = tuple((new or NOTHING)._replace(hand=True) if old is not None and old.hand else new
                 for old, new in zip(tx.recs, tx.stack[-1]))
    return with_tx(state, i, recs=recs, phase="back")


def step_back(m, state, i, _):
    tx = state.txs[i]
    level = len(tx.stack)
    if m.wrong("ROLLBACK TO gives the parent's lock back"):
        level = 0
    for b in range(len(state.budgets)):
        state = with_budget(state, b, unlock_from(state.budgets[b], i, level))
    return finished(m, state, i, "g")


# ----- the end of a transaction -----

def visible(m, state, i):
    """COMMIT: the rows are there, all at once."""
    tx = state.txs[i]
    for b, rec in enumerate(tx.recs):
        if rec is None:
            continue
        budget = state.budgets[b]
        before = budget.rows
        rows = applied(budget.rows, rec)
        state = with_budget(state, b, budget._replace(rows=rows, max=rec.max or budget.max))
        state = check_told(m, state, b, rec, before)
    first = "ring" if m.wrong("waiters are woken before the base") else "callback"
    if m.wrong("locks go before the base"):
        return with_tx(unlock_all(state, i), i, phase=first, level=0)
    return with_tx(state, i, phase=first, level=0)


def unlock_all(state, i):
    for b in range(len(state.budgets)):
        state = with_budget(state, b, unlock_from(state.budgets[b], i, 0))
    return state


def check_told(m, state, b, rec, before):
    """Told by the COMMIT that reaches the threshold, and once."""
    threshold = m.scenario.threshold
    if threshold is None:
        return state
    budget = state.budgets[b]
    if rec.mark >= 0:
        if budget.told >= rec.mark and not m.scenario.told_twice:
            raise Broken("told twice")
        budget = budget._replace(told=max(budget.told, rec.mark))
        win = budget.rows.wins[0]
        if win[0] == rec.mark and used(win, win[0]) < threshold and not rec.upper:
            raise Broken("told too early")
    win = budget.rows.wins[0]
    if used(win, win[0]) >= threshold and budget.told != win[0]:
        raise Broken("not told")
    return with_budget(state, b, budget)


def step_callback(m, state, i, _):
    tx = state.txs[i]
    if tx.level == 0 and any(budget.hands for budget in state.budgets):
        return with_tx(hands_end(m, state, i), i, level=1)
    for b in range(len(state.budgets)):
        if through(tx.recs[b], state.budgets[b].entry):
            return into_base(m, state, i, b)
    last = "unlock" if m.wrong("waiters are woken before the base") else "ring"
    return with_tx(state, i, phase=last, level=0)


def step_ring(m, state, i, _):
    gives = any(rec is not None and (rec.held < 0 or rec.flight < 0) for rec in state.txs[i].recs)
    if gives:
        state = state._replace(gen=state.gen + 1)
    return with_tx(state, i, phase="callback" if m.wrong("waiters are woken before the base") else "unlock", level=0)


def step_unlock(m, state, i, _):
    state = unlock_all(state, i)
    return with_tx(state, i, phase="done", pc=0, recs=(None,) * len(state.budgets), stack=(), results="")


def abort(m, state, i):
    """ROLLBACK, or an error, or a process that is ended: at any step."""
    tx = state.txs[i]
    state = hands_end(m, state, i)
    for b, rec in enumerate(tx.recs):
        if not m.wrong("a process that is ended leaves its reservation"):
            state = give_back(state, b, rec, None)
        state = with_budget(state, b, leave_queue(state.budgets[b], i))
    return with_tx(state, i, phase="unlock", stack=(), recs=(None,) * len(state.budgets))


def prepare(m, state, i):
    """The session forgets the transaction, so the entries go.  Its locks stay."""
    for b, rec in enumerate(state.txs[i].recs):
        budget = state.budgets[b]
        if through(rec, budget.entry) and not m.wrong("PREPARE keeps the entry"):
            state = with_budget(state, b, budget._replace(entry=None))
    if m.wrong("PREPARE gives the locks back"):
        state = unlock_all(state, i)
    return with_tx(state, i, phase="prepared")


def resolve(m, state, i, commit):
    """By any session: nothing but rows and locks."""
    after = visible(m, state, i) if commit else state
    return with_tx(after, i, phase="resolved", level=0)


# ----- one step -----

STEPS = {"peek": step_peek, "queued S": step_queued_share, "alone": step_alone, "queued X": step_queued_alone,
         "read": step_read, "make": step_make, "decide": step_decide, "enter": step_enter, "asleep": step_asleep,
         "set alone": step_set_alone, "set queued": step_set_queued, "set drop": step_set_drop,
         "set write": step_set_write, "back": step_back, "callback": step_callback, "ring": step_ring,
         "unlock": step_unlock, "resolved": step_unlock}


def begin(m, state, i, op):
    """The first step of an operation."""
    tx = state.txs[i]
    kind = op[0]
    if kind == "save":
        return finished(m, with_tx(state, i, stack=tx.stack + (tx.recs,)), i, "g")
    if kind == "release":
        return release_savepoint(m, state, i)
    if kind == "back":
        return rollback_to(m, state, i)
    if kind == "hand":
        return by_hand(m, state, i, op[1][0], op[2])
    if kind == "set":
        return step_set_alone(m, state, i, op[1][0])
    if kind == "settle" and len(op) > 4 and tx.results[op[4]] != "g":
        return finished(m, state, i, "-")
    state = with_tx(state, i, before=tx.recs, gen=state.gen if kind == "wait" else 0)
    return step_peek(m, state, i, op[1][0])


def step(m, state, i):
    """The states that the next step of the transaction may lead to; none: it waits or is done."""
    tx = state.txs[i]
    program = m.programs[i]
    if tx.phase == "done":
        return []
    if tx.phase == "prepared":
        return [resolve(m, state, i, True), resolve(m, state, i, False)]
    if tx.phase == "next":
        if tx.pc < len(program.ops):
            return [begin(m, state, i, program.ops[tx.pc])]
        ends = {"commit": (visible,), "abort": (abort,), "any": (visible, abort), "prepare": (prepare,)}
        return [end(m, state, i) for end in ends[program.end]]
    killed = [abort(m, state, i)] if m.scenario.killed and tx.phase not in ENDING + ("asleep",) else []
    path = program.ops[tx.pc][1] if tx.pc < len(program.ops) and len(program.ops[tx.pc]) > 1 else (None,)
    after = STEPS[tx.phase](m, state, i, path[tx.level] if tx.level < len(path) else None)
    return killed if after is None else killed + [after]
