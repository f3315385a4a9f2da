"""Budgets, their entries, locks and transactions as immutable values.

Time is a small integer.  A window is (span, buckets, start): it began at a multiple of its
span, and counts what was charged in so many buckets up to the current one.  One bucket is
a fixed window, more are a sliding one, and a span of 0 is a window without end.
"""
from typing import NamedTuple


class Broken(Exception):
    """An invariant does not hold."""


class Sum(NamedTuple):
    """What counter rows come to, or what an entry says they do."""
    wins: tuple         # per window: (start, used in the current bucket, in the one before, ...)
    held: int
    flight: int
    mark: int           # start of the first window in which its threshold was told; -1: not told


class Entry(NamedTuple):
    base: Sum
    reserved: int       # the most that transactions in flight may add to used + held
    flights: int        # the same of calls in flight
    charging: int       # the most that they may add to used
    bits: frozenset     # rows in use
    epoch: int          # of rows written by hand, when the rows were read
    inc: int


class Budget(NamedTuple):
    max: tuple          # per window
    most: int           # calls in flight
    rows: Sum           # what has been committed
    entry: Entry        # or None
    holders: tuple      # of the lock: (transaction, "S" or "X", nesting level), sorted
    queue: tuple        # who waits for the lock, in the same shape
    epoch: int
    hands: int          # transactions that write rows by hand
    told: int           # start of the window in which the threshold was told, by COMMIT
    incs: int


class Record(NamedTuple):
    """What a transaction has done to a budget, and not committed."""
    row: int = None     # that it writes
    inc: int = None     # of the entry through which; None: under the exclusive lock
    reserved: int = 0
    flights: int = 0
    charging: int = 0
    charges: tuple = ()     # (starts of the windows, amount)
    held: int = 0
    flight: int = 0
    mark: int = -1      # a threshold is told for the window with that start
    upper: bool = False     # told by the upper sum
    max: tuple = None   # redefined
    reset: bool = False     # and counted anew
    hand: bool = False


NOTHING = Record()


class Tx(NamedTuple):
    pc: int = 0
    phase: str = "next"
    level: int = 0
    stack: tuple = ()       # the records at each savepoint
    recs: tuple = ()        # per budget; None: untouched
    before: tuple = ()      # the records when the operation began
    modes: tuple = ()       # how the operation has locked its path so far
    exact: frozenset = frozenset()      # budgets that it has to lock alone
    waited: bool = False
    seen: tuple = None      # what was read first under the exclusive lock
    time: int = 0
    results: str = ""       # per operation: granted, denied, contention, other
    gen: int = 0            # of wake-ups, before it looked


class State(NamedTuple):
    now: int
    gen: int
    budgets: tuple
    txs: tuple


def put(values, i, value):
    return values[:i] + (value,) + values[i + 1:]


# ----- windows -----

def start_of(spec, time):
    return time // spec[0] if spec[0] else 0


def rolled(win, start):
    steps = start - win[0]
    if steps <= 0:
        return win
    return (start,) + ((0,) * steps + win[1:])[:len(win) - 1]


def charged(win, start, amount):
    """The charge counts in the bucket that it was made in, and nowhere once that has fallen out."""
    win = rolled(win, start)
    back = win[0] - start + 1
    return put(win, back, win[back] + amount) if back < len(win) else win


def used(win, start):
    return sum(rolled(win, start)[1:])


def roll_sum(total, starts):
    return total._replace(wins=tuple(rolled(win, start) for win, start in zip(total.wins, starts)))


def own_used(rec, w, start, buckets):
    return sum(amount for starts, amount in rec.charges if 0 <= start - starts[w] < buckets)


def applied(total, rec):
    """The sum with a record in it."""
    wins = total.wins
    if rec.reset:
        wins = tuple((win[0],) + (0,) * (len(win) - 1) for win in wins)
    for starts, amount in rec.charges:
        wins = tuple(charged(win, start, amount) for win, start in zip(wins, starts))
    return Sum(wins, total.held + rec.held, total.flight + rec.flight,
               max(total.mark, rec.mark))


# ----- the budget's lock, as PostgreSQL grants it -----

def conflict(a, b):
    return a == "X" or b == "X"


def held_by(budget, i, mode=None):
    return any(h[0] == i and mode in (None, h[1]) for h in budget.holders)


def _free(budget, i, mode, ahead):
    """No conflict with other holders, nor with those who wait in front."""
    return not (any(h[0] != i and conflict(mode, h[1]) for h in budget.holders)
                or any(conflict(mode, q[1]) for q in ahead))


def _hold(budget, one):
    return budget._replace(holders=tuple(sorted(budget.holders + (one,))))


def lock_now(budget, i, mode, level):
    """The budget with the lock, or None: a request that may not wait fails behind one that waits."""
    if held_by(budget, i, mode) or _free(budget, i, mode, budget.queue):
        return _hold(budget, (i, mode, level))
    return None


def lock_queued(budget, i, mode, level):
    """Granted at once or put into the queue, in front of those whom the caller keeps waiting."""
    place = len(budget.queue)
    for n, waiting in enumerate(budget.queue):
        if any(h[0] == i and conflict(h[1], waiting[1]) for h in budget.holders):
            place = n
            break
    ahead = budget.queue[:place]
    if _free(budget, i, mode, ahead):
        return _hold(budget, (i, mode, level))
    return budget._replace(queue=ahead + ((i, mode, level),) + budget.queue[place:])


def _wake_queue(budget):
    ahead = ()
    for waiting in budget.queue:
        if _free(budget, waiting[0], waiting[1], ahead):
            budget = _hold(budget, waiting)
        else:
            ahead += (waiting,)
    return budget._replace(queue=ahead)


def unlock_one(budget, one):
    holders = list(budget.holders)
    holders.remove(one)
    return _wake_queue(budget._replace(holders=tuple(holders)))


def unlock_from(budget, i, level):
    """What the transaction has locked at that level of nesting and deeper."""
    kept = tuple(h for h in budget.holders if h[0] != i or h[2] < level)
    if len(kept) == len(budget.holders):
        return budget
    return _wake_queue(budget._replace(holders=kept))


def leave_queue(budget, i):
    queue = tuple(q for q in budget.queue if q[0] != i)
    return budget if len(queue) == len(budget.queue) else _wake_queue(budget._replace(queue=queue))


def keep_outermost(budget, i, level):
    """Locks of nested levels pass to their parent; of equal ones the outermost counts."""
    depths = {}
    for _, mode, depth in (h for h in budget.holders if h[0] == i):
        depths[mode] = min(depth, level, depths.get(mode, depth))
    others = tuple(h for h in budget.holders if h[0] != i)
    return budget._replace(holders=tuple(sorted(others + tuple((i, mode, depth) for mode, depth in depths.items()))))
