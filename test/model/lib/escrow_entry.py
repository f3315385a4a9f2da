"""What transactions do to the entries of budgets: what fits, what is reserved, and how it ends.

The parts that are wrong on purpose are marked by wrong("...").  Whatever is judged is compared
at once with what the rows say, which the protocol itself does not look at.
"""
from lib.escrow_state import NOTHING, Broken, applied, held_by, own_used, put, roll_sum, rolled, start_of, used

ENDING = ("callback", "ring", "unlock", "resolved")


class Model:
    """A scenario and the mutation it is run with."""

    def __init__(self, scenario, mutation=None):
        self.scenario = scenario
        self.mutation = mutation
        self.programs = scenario.programs
        self.seen = set()       # what has come to pass

    def wrong(self, name):
        return self.mutation == name

    def starts(self, b, time):
        return tuple(start_of(spec, time) for spec in self.scenario.windows[b])


def with_tx(state, i, **changes):
    return state._replace(txs=put(state.txs, i, state.txs[i]._replace(**changes)))


def with_budget(state, b, budget):
    return state._replace(budgets=put(state.budgets, b, budget))


def with_rec(state, i, b, rec):
    return with_tx(state, i, recs=put(state.txs[i].recs, b, rec))


def usable(entry, budget):
    return entry is not None and budget.hands == 0 and entry.epoch == budget.epoch


def through(rec, entry):
    """Whether the record is in that entry."""
    return rec is not None and entry is not None and rec.inc == entry.inc


def may_wait(state, i, b):
    """Nothing that comes after it in the order is locked."""
    return not any(held_by(state.budgets[c], i) for c in range(b + 1, len(state.budgets)))


def finished(m, state, i, result):
    """The operation is over."""
    tx = state.txs[i]
    m.seen.add({"g": "granted", "d": "denied", "c": "contention", "-": "skipped"}[result])
    return with_tx(state, i, pc=tx.pc + 1, phase="next", level=0, before=(), modes=(), exact=frozenset(),
                   waited=False, seen=None, time=0, gen=0, results=tx.results + result)


# ----- what fits -----

def fits(total, rec, amount, calls, starts, limits, others=(0, 0)):
    """Into the sum, beside what the transaction did itself and what others may yet do."""
    limit, most = limits
    total = roll_sum(total, starts)
    for w, win in enumerate(total.wins):
        taken = total.held + rec.held + own_used(rec, w, win[0], len(win) - 1) + others[0]
        taken += 0 if rec.reset else used(win, win[0])
        if taken + amount > limit[w]:
            return False
    return not calls or total.flight + rec.flight + calls + others[1] <= most


def limits_of(budget, rec):
    return (rec.max or budget.max, budget.most)


def may_come_to(state, b, i, w, start, buckets):
    """The most that other transactions add to a window, whatever they do next: (amount, calls)."""
    amount = calls = 0
    for j, tx in enumerate(state.txs):
        if j == i or tx.recs[b] is None or tx.phase in ENDING:
            continue
        points = [r for r in [saved[b] for saved in tx.stack] + [tx.recs[b]] if r is not None]
        amount += max([0] + [p.held + own_used(p, w, start, buckets) for p in points if not p.hand])
        calls += max([0] + [p.flight for p in points])
    return amount, calls


def check_granted(state, i, b, amount, calls, starts):
    """Whatever others do, the limits hold."""
    budget = state.budgets[b]
    rec = state.txs[i].recs[b] or NOTHING
    total = roll_sum(budget.rows, starts)
    for w, win in enumerate(total.wins):
        others = may_come_to(state, b, i, w, win[0], len(win) - 1)
        if not fits(total, rec, amount, calls, starts, limits_of(budget, rec), others):
            raise Broken("granted without room")


def check_denied(state, i, b, amount, calls, starts):
    """It did not fit, if not now then a moment ago: a COMMIT is done when its client hears of it."""
    budget = state.budgets[b]
    rec = state.txs[i].recs[b] or NOTHING
    total = budget.rows
    for j, tx in enumerate(state.txs):
        if j != i and tx.phase in ENDING and through(tx.recs[b], budget.entry):
            total = total._replace(held=total.held - min(tx.recs[b].held, 0),
                                   flight=total.flight - min(tx.recs[b].flight, 0))
    if fits(total, rec, amount, calls, starts, limits_of(budget, rec)):
        raise Broken("denied with room")


# ----- what an operation asks for -----

def asked_of(op):
    """Amount and calls that have to be admitted, (held, calls, charge) that are done."""
    kind = op[0]
    if kind in ("take", "wait"):
        return op[2], 1, (op[2], 1, 0)
    if kind == "settle":
        hold, charge = op[2:4]
        return None, 0, (-hold, -1 if hold else 0, charge)
    return None, 0, (0, 0, -op[2])      # refund


def reaches(m, budget, total, rec, charge, charging, starts):
    """Whether the charge reaches an untold threshold."""
    threshold = m.scenario.threshold
    if threshold is None or charge <= 0:
        return False
    win = rolled(total.wins[0], starts[0])
    told = win[0] in (total.mark, rec.mark)
    return not told and used(win, win[0]) + own_used(rec, 0, win[0], len(win) - 1) + charging + charge >= threshold


# ----- entries -----

def reserve(m, state, i, b, done, starts, mark, upper):
    budget = state.budgets[b]
    entry = budget.entry
    rec = state.txs[i].recs[b] or NOTHING
    held, calls, charge = done
    more = max(held + charge, 0)
    if m.wrong("a refund or a release lowers what is reserved"):
        more = held + charge
    if m.wrong("the running maximum of one's own sum is reserved"):
        buckets = len(entry.base.wins[0]) - 1
        more = max(rec.held + own_used(rec, 0, starts[0], buckets) + held + charge - rec.reserved, 0)
    row = rec.row
    if row is None:
        row = min(set(range(m.scenario.rows)) - entry.bits)
    if m.wrong("rows in use are not looked at"):
        row = 0
    entry = entry._replace(reserved=entry.reserved + more, flights=entry.flights + max(calls, 0),
                           charging=entry.charging + max(charge, 0), bits=entry.bits | {row})
    rec = rec._replace(row=row, inc=entry.inc, reserved=rec.reserved + more,
                       flights=rec.flights + max(calls, 0), charging=rec.charging + max(charge, 0))
    rec = with_done(rec, done, starts, mark, upper)
    return with_rec(with_budget(state, b, budget._replace(entry=entry)), i, b, rec)


def with_done(rec, done, starts, mark, upper):
    held, calls, charge = done
    charges = rec.charges + ((starts, charge),) if charge else rec.charges
    return rec._replace(charges=charges, held=rec.held + held, flight=rec.flight + calls,
                        mark=max(rec.mark, mark), upper=rec.upper or upper)


def give_back(state, b, old, new):
    """The entry no longer has of a record what is not in "new", an earlier state of it."""
    budget = state.budgets[b]
    entry = budget.entry
    if not through(old, entry):
        return state
    new = new if through(new, entry) else NOTHING
    bits = entry.bits if new.row is not None else entry.bits - {old.row}
    entry = entry._replace(reserved=entry.reserved - old.reserved + new.reserved,
                           flights=entry.flights - old.flights + new.flights,
                           charging=entry.charging - old.charging + new.charging, bits=bits)
    return with_budget(state, b, budget._replace(entry=entry))


def into_base(m, state, i, b):
    """The callback of COMMIT, for one budget."""
    budget = state.budgets[b]
    rec = state.txs[i].recs[b]
    if not through(rec, budget.entry):
        return state
    base = budget.entry.base
    if m.wrong("a charge goes to the next window"):
        now = tuple(win[0] for win in base.wins)
        rec = rec._replace(charges=tuple((now, amount) for _, amount in rec.charges))
    if m.wrong("a charge is applied twice"):
        rec = rec._replace(charges=rec.charges * 2)
    # a redefinition dropped the entry, so there is none of that in the record
    base = applied(base, rec)
    state = with_budget(state, b, budget._replace(entry=budget.entry._replace(base=base)))
    return with_rec(give_back(state, b, rec, None), i, b, rec._replace(inc=None))
