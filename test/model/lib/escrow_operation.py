"""Operations on budgets, step by step: a path is locked, judged, reserved; a budget is redefined.

One step is what happens without another process in between: the arithmetic under the entry's
LWLock, or one request to the lock manager.
"""
from lib.escrow_state import (NOTHING, Broken, Entry, applied, held_by, keep_outermost, leave_queue, lock_now,
                              lock_queued, roll_sum, unlock_one)
from lib.escrow_entry import (asked_of, check_denied, check_granted, finished, fits, give_back, limits_of, may_wait,
                              reaches, reserve, through, usable, with_budget, with_done, with_rec, with_tx)


# ----- an operation on a path -----

def undo(state, i):
    """Reservations of this operation."""
    tx = state.txs[i]
    for b, (old, new) in enumerate(zip(tx.recs, tx.before)):
        if old is not new:
            state = give_back(state, b, old, new)
    return with_tx(state, i, recs=tx.before)


def unlock_path(m, state, i):
    """Locks of this operation."""
    tx = state.txs[i]
    for b, mode in zip(m.programs[i].ops[tx.pc][1], tx.modes):
        if mode:
            state = with_budget(state, b, unlock_one(state.budgets[b], (i, mode, len(tx.stack))))
    return with_tx(state, i, modes=())


def given_up(m, state, i, result):
    if not m.wrong("not given back on refusal"):
        state = undo(state, i)
    return finished(m, unlock_path(m, state, i), i, result)


def again(m, state, i, exact):
    """From the beginning, with those locked alone."""
    tx = state.txs[i]
    if m.wrong("waits for exclusive without giving share up"):
        return with_tx(undo(state, i), i, phase="alone", modes=(), exact=tx.exact | exact)
    state = unlock_path(m, undo(state, i), i)
    return with_tx(state, i, phase="peek", level=0, exact=tx.exact | exact, waited=False)


def in_flight(m, tx, b):
    """Whether it has written a row of the budget, other than by hand."""
    if m.wrong("one in flight waits for exclusive"):
        return False
    return tx.recs[b] is not None and tx.recs[b].row is not None


def locked(m, state, i, mode):
    """One lock is there; the next, or all are to be judged."""
    tx = state.txs[i]
    path = m.programs[i].ops[tx.pc][1]
    modes = tx.modes + (mode,)
    if len(modes) < len(path):
        return with_tx(state, i, phase="peek", level=tx.level + 1, modes=modes, waited=False, seen=None)
    return with_tx(state, i, phase="decide", level=0, modes=modes, waited=False, seen=None, time=state.now)


def request(m, state, i, b, mode, wait, phase):
    """[state with the lock or in its queue, whether granted] or [] if it may neither."""
    level = len(state.txs[i].stack)
    now = lock_now(state.budgets[b], i, mode, level)
    if now is not None:
        return with_budget(state, b, now), True
    if not wait:
        return None, False
    state = with_budget(state, b, lock_queued(state.budgets[b], i, mode, level))
    return with_tx(state, i, phase=phase), False


def step_peek(m, state, i, b):
    """Chooses the lock by the entry, and asks for a share."""
    tx = state.txs[i]
    budget = state.budgets[b]
    if b in tx.exact or not usable(budget.entry, budget):
        return with_tx(state, i, phase="alone", waited=b in tx.exact)
    if m.wrong("reserves before the lock"):
        return with_tx(state, i, phase="decide", modes=("",), time=state.now)
    wait = may_wait(state, i, b) or m.wrong("the order of budgets is not kept")
    after, granted = request(m, state, i, b, "S", wait, "queued S")
    if after is None:
        return given_up(m, state, i, "c")
    return shared(m, after, i, b) if granted else after


def shared(m, state, i, b):
    budget = state.budgets[b]
    if usable(budget.entry, budget):
        return locked(m, state, i, "S")
    # it was dropped meanwhile: the lock alone
    state = with_budget(state, b, unlock_one(budget, (i, "S", len(state.txs[i].stack))))
    return with_tx(state, i, phase="alone", waited=True)


def impatient(m, state, i, b):
    """agentcore.budget_lock_wait has passed."""
    if not m.scenario.impatient:
        return None
    return given_up(m, with_budget(state, b, leave_queue(state.budgets[b], i)), i, "c")


def step_queued_share(m, state, i, b):
    if not held_by(state.budgets[b], i, "S"):
        return impatient(m, state, i, b)
    return shared(m, state, i, b)


def step_alone(m, state, i, b):
    tx = state.txs[i]
    order = may_wait(state, i, b) or m.wrong("the order of budgets is not kept")
    after, granted = request(m, state, i, b, "X", order and not in_flight(m, tx, b), "queued X")
    if after is None:
        return given_up(m, state, i, "c")
    return with_tx(after, i, phase="read") if granted else after


def step_queued_alone(m, state, i, b):
    if not held_by(state.budgets[b], i, "X"):
        return impatient(m, state, i, b)
    return with_tx(state, i, phase="read", waited=True)


def seen_now(m, budget, what):
    return (budget.epoch, budget.hands) if what == "epoch" else budget.rows


def step_read(m, state, i, b):
    """The epoch is read before the rows: what is written by hand between makes the entry unusable."""
    first = "rows" if m.wrong("the epoch is read after the rows") else "epoch"
    return with_tx(state, i, phase="make", seen=seen_now(m, state.budgets[b], first))


def step_make(m, state, i, b):
    """Reads the rows, and makes the entry if the budget has to have one."""
    tx = state.txs[i]
    budget = state.budgets[b]
    epoch, rows = tx.seen, budget.rows
    if m.wrong("the epoch is read after the rows"):
        epoch, rows = seen_now(m, budget, "epoch"), tx.seen
    if usable(budget.entry, budget):
        return locked(m, state, i, "X")
    if m.wrong("an entry is made over one's own rows"):
        if tx.recs[b] is not None:
            rows = applied(rows, tx.recs[b])
            epoch = (budget.epoch, 0)
        state = make(m, state, b, rows, epoch)
    elif tx.waited and epoch[1] == 0 and not in_flight(m, tx, b):
        state = make(m, state, b, rows, epoch)
    return locked(m, state, i, "X")


def make(m, state, b, rows, epoch):
    m.seen.add("made")
    budget = state.budgets[b]
    entry = Entry(rows, 0, 0, 0, frozenset(), epoch[0], budget.incs + 1)
    return with_budget(state, b, budget._replace(entry=entry, incs=budget.incs + 1))


def step_decide(m, state, i, b):
    tx = state.txs[i]
    budget = state.budgets[b]
    entry = budget.entry
    by_entry = usable(entry, budget)
    mode = tx.modes[tx.level]
    if not by_entry and mode != "X":
        return again(m, state, i, frozenset())
    rec = tx.recs[b] or NOTHING
    if by_entry and rec.inc not in (None, entry.inc) or by_entry and rec.inc is None and rec is not NOTHING:
        if not m.wrong("an entry is made over one's own rows"):
            raise Broken("an entry appeared over own rows")
    total = entry.base if by_entry else budget.rows
    starts = m.starts(b, tx.time)
    if any(win[0] > start for win, start in zip(total.wins, starts)):
        # another has been here at a later time: the whole path is judged as of that
        return with_tx(undo(state, i), i, level=0, time=tx.time + 1)
    if by_entry:
        entry = entry._replace(base=roll_sum(entry.base, starts))
        if m.wrong("the end of a window lowers what is reserved") and entry.base.wins != total.wins:
            entry = entry._replace(reserved=0)
        state = with_budget(state, b, budget._replace(entry=entry))
    return judge(m, state, i, b, by_entry, starts)


def judge(m, state, i, b, by_entry, starts):
    tx = state.txs[i]
    budget = state.budgets[b]
    entry = budget.entry
    rec = tx.recs[b] or NOTHING
    mine = rec if by_entry and through(rec, entry) else NOTHING
    amount, calls, done = asked_of(m.programs[i].ops[tx.pc])
    total = entry.base if by_entry else budget.rows
    others = (entry.reserved - mine.reserved, entry.flights - mine.flights) if by_entry else (0, 0)
    if m.wrong("calls in flight of others are not counted"):
        others = (others[0], 0)
    alone = tx.modes[tx.level] == "X"
    may_be_alone = not alone and not in_flight(m, tx, b) and may_wait(state, i, b)
    if amount is not None:
        limits = limits_of(budget, rec)
        denied = not fits(total, rec, amount, calls, starts, limits)
        if m.wrong("denied for what others may take back"):
            denied = not fits(total, rec, amount, calls, starts, limits, others)
        if denied:
            check_denied(state, i, b, amount, calls, starts)
            return refused(m, state, i)
        undecided = not fits(total, rec, amount, calls, starts, limits, others)
        if undecided and not m.wrong("undecided is taken as granted"):
            return undecided_path(m, state, i, b, may_be_alone)
    if by_entry and mine.row is None and len(entry.bits) == m.scenario.rows:
        if not m.wrong("rows in use are not looked at"):
            return undecided_path(m, state, i, b, may_be_alone)
    charging = entry.charging - mine.charging if by_entry else 0
    if m.wrong("a threshold is judged without charges in flight"):
        charging = 0
    tells = reaches(m, budget, total, rec, done[2], charging, starts)
    if tells and may_be_alone and not m.wrong("a threshold is told by the upper sum"):
        return again(m, state, i, frozenset({b}))
    if amount is not None:
        check_granted(state, i, b, amount, calls, starts)
    mark = starts[0] if tells else -1
    upper = tells and charging > 0 and not m.wrong("a threshold is told by the upper sum")
    m.seen.add("by entry" if by_entry else "cold")
    if tells:
        m.seen.add("told by the upper sum" if upper else "told")
    if by_entry:
        state = reserve(m, state, i, b, done, starts, mark, upper)
    else:
        rec = with_done(rec._replace(row=0 if rec.row is None else rec.row), done, starts, mark, upper)
        state = with_rec(state, i, b, rec)
    if tx.level + 1 < len(tx.modes):
        return with_tx(state, i, level=tx.level + 1)
    return with_tx(state, i, phase="enter")


def undecided_path(m, state, i, b, may_be_alone):
    """Others decide; looking again is this same step, taken later."""
    m.seen.add("undecided")
    return again(m, state, i, frozenset({b})) if may_be_alone else given_up(m, state, i, "c")


def refused(m, state, i):
    tx = state.txs[i]
    op = m.programs[i].ops[tx.pc]
    if op[0] != "wait":
        return given_up(m, state, i, "d")
    m.seen.add("asleep")
    # it sleeps without a transaction, unless somebody has rung since it looked
    state = unlock_path(m, undo(state, i), i)
    return with_tx(state, i, phase="asleep", level=0, exact=frozenset(), time=0)


def step_enter(m, state, i, _):
    """All are reserved: who has a lock alone that has an entry now shares it."""
    tx = state.txs[i]
    level = len(tx.stack)
    for b, mode in zip(m.programs[i].ops[tx.pc][1], tx.modes):
        budget = state.budgets[b]
        if mode == "X" and through(tx.recs[b], budget.entry):
            if m.wrong("the lock is dropped at the downgrade"):
                budget = unlock_one(budget, (i, "X", level))
            else:
                budget = downgraded(m, budget, i, level)
                if budget is None:
                    return given_up(m, state, i, "c")
        elif mode == "":
            budget = lock_now(budget, i, "S", level)
            if budget is None:
                return None
        state = with_budget(state, b, keep_outermost(budget, i, level))
    return finished(m, state, i, "g")


def downgraded(m, budget, i, level):
    """A request that may wait, although it never does."""
    budget = lock_queued(budget, i, "S", level)
    if not held_by(budget, i, "S"):
        raise Broken("a downgrade waits")
    return unlock_one(budget, (i, "X", level))


def step_asleep(m, state, i, _):
    tx = state.txs[i]
    return with_tx(state, i, phase="peek", gen=state.gen) if state.gen != tx.gen else None


# ----- redefinition, and writing by hand -----

def step_set_alone(m, state, i, b):
    tx = state.txs[i]
    after, granted = request(m, state, i, b, "X", may_wait(state, i, b) and not in_flight(m, tx, b), "set queued")
    if after is None:
        return finished(m, state, i, "c")
    return with_tx(after, i, phase="set drop") if granted else after


def step_set_queued(m, state, i, b):
    return with_tx(state, i, phase="set drop") if held_by(state.budgets[b], i, "X") else None


def step_set_drop(m, state, i, b):
    budget = state.budgets[b]
    if not m.wrong("a redefinition keeps the entry"):
        budget = budget._replace(entry=None)
    return with_tx(with_budget(state, b, budget), i, phase="set write")


def step_set_write(m, state, i, b):
    tx = state.txs[i]
    _, _, limit, reset = m.programs[i].ops[tx.pc]
    rec = tx.recs[b] or NOTHING
    rec = rec._replace(row=0 if rec.row is None else rec.row, max=limit or rec.max)
    if reset:
        rec = rec._replace(reset=True, charges=())
    state = with_rec(state, i, b, rec)
    state = with_budget(state, b, keep_outermost(state.budgets[b], i, len(tx.stack)))
    return finished(m, state, i, "g")


def by_hand(m, state, i, b, amount):
    """The trigger counts the writer at its first row.  No lock, and a row that nobody else writes."""
    rec = state.txs[i].recs[b] or NOTHING
    budget = state.budgets[b]
    if not rec.hand:
        budget = budget._replace(hands=budget.hands + (0 if m.wrong("a writer by hand is not counted") else 1))
    starts = tuple(max(a, win[0]) for a, win in zip(m.starts(b, state.now), budget.rows.wins))
    rec = rec._replace(hand=True, charges=rec.charges + ((starts, amount),))
    return finished(m, with_rec(with_budget(state, b, budget), i, b, rec), i, "g")
