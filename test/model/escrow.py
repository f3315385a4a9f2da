#!/usr/bin/python3
"""Every interleaving of a few transactions on budgets that are kept in escrow.

    test/model/escrow.py [NAME]

Each scenario is walked through completely: every order of the steps, every end that a
transaction may have, and where the scenario says so, the end of a window, an eviction (of an
entry in flight too: dropping one is always right), an end of waiting or of a process at any
moment.  Invariants hold in every state.  Each mutation is one known way to build the protocol
wrong, and has to break the invariant named beside it.  No database is needed, and no seed.
With a name, only the scenarios and mutations run whose names contain it.

The invariants: whatever is granted fits, whatever others do (judged by rows); whatever is
denied did not fit; what is committed is within the limits in every window; nobody waits for
ever, and no waiter misses its wake-up; under the lock alone the entry is the rows, and
nothing is reserved but one's own; who has reserved holds the lock; a row has one writer; a
threshold is told by the COMMIT that reaches it, once; in the end base is rows, and nothing
is reserved.

Not modelled: sliding windows with thresholds, numbers too large for a reservation, and
definitions that are read before the lock is there.
"""
import gc
import pathlib
import sys
from collections import deque
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lib.escrow_entry import (ENDING, Model, fits, limits_of, through, usable, with_budget)  # noqa: E402
from lib.escrow_state import (NOTHING, Broken, Budget, Entry, State, Sum, Tx, held_by, roll_sum, start_of,  # noqa: E402
                              used)
from lib.escrow_steps import step  # noqa: E402


class Program(NamedTuple):
    ops: tuple
    end: str = "any"        # or commit, abort, prepare


class Scenario(NamedTuple):
    name: str
    programs: tuple
    seen: str                               # what has to come to pass in it, so that it tests something
    limits: tuple = ((10,),)                # per budget, per window
    windows: tuple = (((0, 1),),)           # per budget, per window: (span, buckets)
    used: tuple = ((0,),)                   # at the beginning
    held: tuple = (0,)
    flight: tuple = (0,)
    most: int = 100                         # calls in flight
    entries: bool = True                    # whether the budgets have entries at the beginning
    rows: int = 3
    threshold: int = None                   # of the first window
    told_twice: bool = False                # two that may not wait may both tell by the upper sum
    ticks: int = 0
    evict: bool = False
    impatient: bool = False                 # waits for a lock may end
    killed: bool = False                    # and so may processes
    over: bool = False                      # settlements, writers by hand or new limits may exceed limits


# ----- the walk -----

def begin(scenario):
    budgets = []
    for b, windows in enumerate(scenario.windows):
        wins = tuple((0, used_) + (0,) * (buckets - 1) for (_, buckets), used_ in zip(windows, scenario.used[b]))
        rows = Sum(wins, scenario.held[b], scenario.flight[b], -1)
        entry = Entry(rows, 0, 0, 0, frozenset(), 0, 1) if scenario.entries else None
        budgets.append(Budget(scenario.limits[b], scenario.most, rows, entry, (), (), 0, 0, -1, 1))
    return State(0, 0, tuple(budgets), tuple(Tx(recs=(None,) * len(budgets)) for _ in scenario.programs))


def moves(m, state):
    for i, tx in enumerate(state.txs):
        for after in step(m, state, i):
            yield f"T{i} {tx.phase}{tx.pc}", after
    if state.now < m.scenario.ticks and any(tx.phase != "done" for tx in state.txs):
        yield "tick", state._replace(now=state.now + 1)
    if m.scenario.evict:
        for b, budget in enumerate(state.budgets):
            if budget.entry is not None:
                yield "evict", with_budget(state, b, budget._replace(entry=None))


def check_budget(m, state, b):
    budget = state.budgets[b]
    entry = budget.entry
    reserved, bits, rows = [0, 0, 0], [], []
    for i, tx in enumerate(state.txs):
        rec = tx.recs[b]
        if rec is None:
            continue
        if rec.row is not None and tx.phase not in ENDING:
            rows.append(rec.row)
        if through(rec, entry):
            reserved = [a + more for a, more in zip(reserved, (rec.reserved, rec.flights, rec.charging))]
            bits.append(rec.row)
            if not held_by(budget, i):
                raise Broken("reserved without the lock")
    if len(set(rows)) < len(rows):
        raise Broken("two write one row")
    if entry is not None and ((entry.reserved, entry.flights, entry.charging) != tuple(reserved)
                              or sorted(entry.bits) != sorted(bits)):
        raise Broken("reserved by nobody")
    if not m.scenario.over:
        for w, win in enumerate(budget.rows.wins):
            start = max(win[0], start_of(m.scenario.windows[b][w], state.now))
            if used(win, start) + budget.rows.held > budget.max[w]:
                raise Broken("over the limit")
        if budget.rows.flight > budget.most:
            raise Broken("over the limit")
    check_alone(state, b)


def same(a, b):
    starts = tuple(max(x[0], y[0]) for x, y in zip(a.wins, b.wins))
    return roll_sum(a, starts) == roll_sum(b, starts)


def check_alone(state, b):
    """Who has the lock alone finds base and rows alike, and nobody else in flight."""
    budget = state.budgets[b]
    if not usable(budget.entry, budget):
        return
    for i, mode, _ in budget.holders:
        tx = state.txs[i]
        if mode == "X" and tx.phase not in ENDING:
            mine = tx.recs[b] if through(tx.recs[b], budget.entry) else NOTHING
            if not same(budget.entry.base, budget.rows):
                raise Broken("the entry is not the rows")
            if (budget.entry.reserved, budget.entry.flights) != (mine.reserved, mine.flights):
                raise Broken("reserved by nobody")


def check_end(m, state):
    """Nothing moves any more."""
    for i, tx in enumerate(state.txs):
        if tx.phase == "done":
            continue
        if tx.phase != "asleep":
            raise Broken("deadlock")
        op = m.programs[i].ops[tx.pc]
        if all(fits(state.budgets[b].rows, NOTHING, op[2], 1, m.starts(b, state.now),
                    limits_of(state.budgets[b], NOTHING)) for b in op[1]):
            raise Broken("a waiter missed its wake-up")
    for budget in state.budgets:
        if budget.holders or budget.queue:
            raise Broken("a lock is left")
        if usable(budget.entry, budget) and not (same(budget.entry.base, budget.rows) and not budget.entry.bits
                                                 and budget.entry[1:4] == (0, 0, 0)):
            raise Broken("the entry is not the rows")


class Failure(NamedTuple):
    what: str
    trace: list


def trace_to(parents, state):
    labels = []
    while parents[state] is not None:
        state, label = parents[state]
        labels.append(label)
    return labels[::-1]


def check_state(m, state, after):
    """What has changed."""
    whole = after.txs is not state.txs or after.now != state.now
    for b, budget in enumerate(after.budgets):
        if whole or budget is not state.budgets[b]:
            check_budget(m, after, b)


def walk(m):
    """(states, the first failure or None)"""
    state = begin(m.scenario)
    parents = {state: None}
    todo = deque([state])
    label = "end"
    try:
        while todo:
            state = todo.popleft()
            moved = False
            for label, after in moves(m, state):
                moved = moved or label not in ("tick", "evict")
                if after not in parents:
                    parents[after] = (state, label)
                    check_state(m, state, after)
                    todo.append(after)
            if not moved:
                label = "end"
                check_end(m, state)
    except Broken as broken:
        return len(parents), Failure(str(broken), trace_to(parents, state) + [label])
    return len(parents), None


# ----- scenarios -----

def take(amount, *path):
    return ("take", path or (0,), amount)


def wait(amount, *path):
    return ("wait", path or (0,), amount)


def settle(hold, charge, *path, after=None):
    """after: the operation that has taken the hold; without it the hold was there at the beginning."""
    return ("settle", path or (0,), hold, charge) + (() if after is None else (after,))


def refund(amount, *path):
    return ("refund", path or (0,), amount)


def redefine(limit=None, reset=False, b=0):
    return ("set", (b,), limit, reset)


def hand(amount, b=0):
    return ("hand", (b,), amount)


SAVE, RELEASE, BACK = ("save",), ("release",), ("back",)
FIXED, SLIDING, FOREVER = (1, 1), (1, 2), (0, 1)


def tx(*ops, end="any"):
    return Program(ops, end)


def two(**changes):
    """Two levels: 0 and 1 below it."""
    return {"limits": ((10,), (12,)), "windows": ((FOREVER,), (FOREVER,)), "used": ((0,), (0,)),
            "held": (0, 0), "flight": (0, 0), **changes}


SCENARIOS = [
    Scenario("three takers", (tx(take(5)), tx(take(5)), tx(take(5))), "by entry, undecided, denied"),
    Scenario("three takers, no entry", (tx(take(5)), tx(take(5)), tx(take(5))), "cold, made, by entry, denied",
             entries=False),
    Scenario("takers that come back", (tx(take(4), take(4)), tx(take(4), take(2))), "undecided, contention, denied"),
    Scenario("takers that come back, no entry", (tx(take(4), end="commit"), tx(take(2), take(2)), tx(take(2), take(1))),
             "cold, made, contention, undecided", entries=False),
    Scenario("calls in flight", (tx(take(1)), tx(take(1)), tx(take(1))), "undecided, denied", most=2),
    Scenario("all rows in use", (tx(take(1)), tx(take(1, 0), take(1)), tx(take(1, 0))), "undecided", rows=2),
    Scenario("redefinition", (tx(take(6)), tx(take(4)), tx(redefine((8,)))), "denied, granted", over=True),
    Scenario("counted anew", (tx(take(3)), tx(take(3)), tx(redefine(reset=True))), "by entry, made",
             used=((5,),), over=True),
    Scenario("redefinition in flight", (tx(take(4), redefine((12,)), take(4)), tx(take(4))), "contention, cold",
             over=True),
    Scenario("two redefinitions in flight", (tx(take(2), redefine((12,))), tx(take(2), redefine((12,)))), "contention",
             over=True),

    Scenario("window ends", (tx(settle(4, 4), take(4)), tx(take(4), settle(4, 4, after=0))), "by entry, denied",
             windows=((FIXED,),), used=((2,),), held=(4,), flight=(1,), ticks=1),
    Scenario("sliding window ends", (tx(take(4), settle(4, 4, after=0)), tx(take(5))), "by entry, undecided",
             windows=((SLIDING,),), used=((2,),), ticks=2),
    Scenario("two windows", (tx(take(3), settle(3, 3, after=0), take(3)), tx(take(3))), "by entry, denied",
             limits=((5, 8),), windows=((FIXED, SLIDING),), used=((0, 2),), ticks=1, over=True),
    Scenario("window ends, no entry", (tx(take(4), settle(4, 4, after=0)), tx(take(4), settle(4, 4, after=0))),
             "cold, made", windows=((FIXED,),), used=((6,),), ticks=1, entries=False),
    Scenario("a refund pays for a hold", (tx(refund(3), take(3)), tx(take(5))), "by entry, undecided",
             windows=((FIXED,),), used=((5,),), held=(5,), flight=(1,), ticks=1),

    Scenario("less than the hold", (tx(settle(5, 2)), tx(take(5)), tx(take(3))), "denied, undecided",
             held=(5,), flight=(1,)),
    Scenario("more than the hold", (tx(settle(2, 5)), tx(take(5)), tx(take(3))), "denied, undecided",
             held=(2,), flight=(1,), over=True),
    Scenario("a release and a waiter", (tx(settle(10, 4), end="commit"), tx(wait(6)), tx(wait(6))), "asleep",
             held=(10,), flight=(1,)),
    Scenario("a release and a waiter, no entry", (tx(settle(10, 0)), tx(wait(6))), "asleep, cold",
             held=(10,), flight=(1,), entries=False),

    Scenario("a savepoint is rolled back", (tx(take(3), SAVE, take(3), BACK, take(4)), tx(take(4))),
             "by entry, undecided, contention"),
    Scenario("a savepoint is released", (tx(SAVE, take(3), RELEASE, SAVE, take(3), BACK), tx(take(4)), tx(take(3))),
             "by entry, undecided"),
    Scenario("released and taken again, partly rolled back", (
        tx(SAVE, settle(5, 0), SAVE, take(5), BACK, take(2), BACK, take(2)), tx(take(3)), tx(take(2))),
        "by entry, undecided, denied", used=((3,),), held=(5,), flight=(1,)),
    Scenario("first use in a savepoint", (tx(SAVE, take(6), BACK, take(6)), tx(SAVE, take(6), BACK, take(2))),
             "by entry, undecided"),
    Scenario("first use in a savepoint, no entry", (tx(SAVE, take(6), BACK, take(6)), tx(take(6)), tx(take(2))),
             "cold, made", entries=False),
    Scenario("redefinition in a savepoint", (tx(SAVE, redefine((12,)), BACK, take(4)), tx(take(6))),
             "by entry, cold, made, denied", over=True, used=((1,),)),
    Scenario("redefinition in a savepoint, in flight", (tx(take(4), SAVE, redefine((12,), reset=True), take(1), BACK, take(3)),
                                                        tx(take(4))),
             "by entry, cold, made, contention", used=((2,),), over=True),

    Scenario("a prepared taker", (tx(take(5), end="prepare"), tx(take(5)), tx(take(5))), "by entry, made"),
    Scenario("a prepared taker of several", (tx(take(3), end="prepare"), tx(take(3), take(3)), tx(take(4))),
             "by entry, made, contention"),
    Scenario("a prepared taker, no entry", (tx(take(5), end="prepare"), tx(take(5)), tx(take(5))), "cold, made",
             entries=False),
    Scenario("prepared redefinition", (tx(redefine((12,), reset=True), end="prepare"), tx(take(5)), tx(take(5))),
             "made", used=((6,),), over=True),

    Scenario("two levels", (tx(take(6, 0, 1)), tx(take(6, 0, 1)), tx(take(6, 1))), "by entry, undecided, denied",
             **two(limits=((12,), (10,)))),
    Scenario("below and above", (tx(take(3, 0), take(3, 0, 1)), tx(take(6, 1), take(5, 0, 1))),
             "contention, undecided, denied", **two()),
    Scenario("below and above, no entries", (tx(take(3, 0, 1)), tx(take(3, 1), take(3, 0))), "contention, cold, made",
             entries=False, **two()),
    Scenario("two levels, no entries", (tx(take(6, 0, 1)), tx(take(6, 0, 1)), tx(take(6, 1))), "cold, made, denied",
             entries=False, **two()),
    Scenario("two levels, and the end of a window", (tx(settle(3, 3, 0, 1)), tx(take(4, 0, 1))), "by entry, denied, granted",
             ticks=1, **two(windows=((FIXED,), (FIXED,)), used=((4,), (6,)), held=(3, 3), flight=(1, 1))),
    Scenario("two levels, and a redefinition above", (tx(take(6, 0, 1)), tx(take(6, 0, 1)), tx(redefine((6,), b=1))),
             "denied, made", over=True, **two()),

    Scenario("by hand", (tx(hand(4)), tx(take(5)), tx(take(5))), "by entry, made, cold, denied", over=True),
    Scenario("by hand, then a taker", (tx(hand(4), take(3)), tx(take(3)), tx(take(3))), "by entry, cold, made", over=True),
    Scenario("by hand, no entry", (tx(hand(4)), tx(take(5)), tx(take(5))), "made, cold, denied", over=True, entries=False),
    Scenario("a taker comes back after a writer by hand", (tx(hand(-2)), tx(take(4), take(4)), tx(take(4))),
             "by entry, cold, made", used=((2,),), over=True),
    Scenario("impatient takers", (tx(take(5)), tx(take(5, 0)), tx(take(5), take(5))), "undecided, contention, denied",
             impatient=True),
    Scenario("ended processes", (tx(take(5)), tx(settle(4, 2), take(3)), tx(take(3))), "undecided, denied", killed=True,
             held=(4,), flight=(1,), entries=False),
    Scenario("eviction", (tx(take(5)), tx(take(5)), tx(SAVE, take(5), BACK)), "by entry, cold, made", evict=True),

    Scenario("a threshold", (tx(settle(8, 8)), tx(settle(8, 8))), "told, by entry", threshold=80,
             limits=((100,),), used=((70,),), held=(16,), flight=(2,)),
    Scenario("a threshold, three", (tx(settle(8, 8)), tx(settle(8, 8)), tx(settle(8, 8))), "told, by entry", threshold=80,
             limits=((100,),), used=((62,),), held=(24,), flight=(3,)),
    Scenario("a threshold, no entry", (tx(settle(8, 8)), tx(settle(8, 8)), tx(settle(8, 8))), "told, cold, made",
             threshold=80, limits=((100,),), used=((70,),), held=(24,), flight=(3,), entries=False),
    Scenario("a threshold, and the end of a window", (tx(settle(8, 8)), tx(settle(12, 12))), "told, by entry",
             threshold=80, limits=((100,),), windows=((FIXED,),), used=((70,),), held=(20,), flight=(2,), ticks=1),
    Scenario("a threshold, told by those who may not wait", (tx(take(1), settle(8, 8)), tx(take(1), settle(8, 8))),
             "told by the upper sum, by entry", threshold=80, told_twice=True,
             limits=((100,),), used=((70,),), held=(16,), flight=(2,)),
]


# What is built wrong, where that shows, and as what.
MUTATIONS = [
    ("reserves before the lock", "counted anew", "reserved without the lock"),
    ("the lock is dropped at the downgrade", "three takers", "reserved without the lock"),
    ("undecided is taken as granted", "three takers", "granted without room"),
    ("not given back at ROLLBACK TO", "a savepoint is rolled back", "reserved by nobody"),
    ("a redefinition keeps the entry", "counted anew", "denied with room"),
    ("an entry is made over one's own rows", "redefinition in flight", "the entry is not the rows"),
    ("a charge is applied twice", "less than the hold", "denied with room"),
    ("a charge goes to the next window", "window ends", "denied with room"),
    ("a charge goes to the next window", "sliding window ends", "the entry is not the rows"),
    ("waiters are woken before the base", "a release and a waiter", "a waiter missed its wake-up"),

    ("locks go before the base", "three takers", "reserved without the lock"),
    ("not given back on refusal", "two levels", "reserved without the lock"),
    ("denied for what others may take back", "three takers", "denied with room"),
    ("calls in flight of others are not counted", "calls in flight", "granted without room"),
    ("rows in use are not looked at", "three takers", "two write one row"),
    ("a refund or a release lowers what is reserved", "a refund pays for a hold", "granted without room"),
    ("a refund or a release lowers what is reserved", "less than the hold", "granted without room"),
    ("the running maximum of one's own sum is reserved", "a refund pays for a hold", "granted without room"),
    ("the end of a window lowers what is reserved", "window ends", "reserved by nobody"),
    ("a process that is ended leaves its reservation", "ended processes", "reserved by nobody"),
    ("a record does not pass to the parent", "a savepoint is released", "reserved by nobody"),
    ("ROLLBACK TO gives the parent's lock back", "a savepoint is rolled back", "reserved without the lock"),
    ("PREPARE keeps the entry", "a prepared taker", "reserved by nobody"),
    ("PREPARE gives the locks back", "a prepared taker", "two write one row"),
    ("one in flight waits for exclusive", "two redefinitions in flight", "deadlock"),
    ("waits for exclusive without giving share up", "by hand", "deadlock"),
    ("the order of budgets is not kept", "below and above, no entries", "deadlock"),
    ("a writer by hand is not counted", "by hand", "granted without room"),
    ("the epoch stays at the end of a writer by hand", "by hand", "the entry is not the rows"),
    ("the epoch is read after the rows", "by hand, no entry", "the entry is not the rows"),
    ("a threshold is judged without charges in flight", "a threshold", "not told"),
    ("a threshold is told by the upper sum", "a threshold", "told too early"),
]


def report(name, good, facts, failure=None):
    print(f"{'ok    ' if good else 'not ok'}  {name} ({facts})")
    if failure and not good:
        print(f"        {failure.what}: {' | '.join(failure.trace)}")
    return good


def check_scenario(scenario):
    m = Model(scenario)
    states, failure = walk(m)
    missed = [what for what in scenario.seen.split(", ") if what not in m.seen]
    facts = f"{states} states" + (f"; never seen: {', '.join(missed)}" if missed else "")
    return report(scenario.name, not failure and not missed, facts, failure), states


def check_mutation(mutation, where, what):
    scenario = next(s for s in SCENARIOS if s.name == where)
    _, failure = walk(Model(scenario, mutation))
    found = failure.what if failure else "not seen"
    return report(f"mutation: {mutation}", found == what, f"{found}, in: {where}", failure)


def main():
    gc.disable()        # immutable values make no circles
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    scenarios = [check_scenario(scenario) for scenario in SCENARIOS if wanted in scenario.name]
    results = [good for good, _ in scenarios]
    results += [check_mutation(*row) for row in MUTATIONS if wanted in row[0]]
    print(f"{sum(states for _, states in scenarios)} states")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
