"""What budgets do, in plain Python: no database, no clock, no randomness.

Times are microseconds since 1970, amounts are integers, and every operation is told
what time it is.  Rows, locks and transactions are modelled as far as they decide an
answer: a row that somebody else has locked is contention, a row that has changed since
the snapshot of a stricter transaction is 40001, and a rollback takes rows and locks back.
"""
import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

SECOND = 1000000
DAY = 86400 * SECOND
UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(2000, 1, 3)
CENTURY = datetime(2000, 1, 1)
BIGGEST = 2 ** 63 - 1
BEGINNING, NEVER = -BIGGEST, BIGGEST
TOKENS, MONEY, CALLS, IN_FLIGHT = range(4)
LIVE = ("o", "r", "c", "e", "l", "u", "d")
OPEN = ("o", "r")
UNANSWERED = ("e", "u")
BUCKETS = 24
INLINE, MOST = 16, 256          # expired on the way of an acquire; in one budget_reap()


class Failure(Exception):
    """What the database answers with an ERROR of this SQLSTATE."""

    def __init__(self, sqlstate):
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Busy(Exception):
    """Somebody else has a lock that is needed."""


def micros(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


def instant(local, zone):
    """A local time that is skipped counts by the offset before, one that is repeated by the one after."""
    offset = min(local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return micros((local - offset).replace(tzinfo=UTC))


def add_months(base, months):
    total = base.year * 12 + base.month - 1 + months
    year, month = total // 12, total % 12 + 1
    for day in range(base.day, 0, -1):
        try:
            return base.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError("a month without days")


@dataclass(frozen=True)
class Window:
    kind: str = "lifetime"
    span: int = 0               # fixed and sliding: microseconds
    days: int = 0               # calendar: either
    months: int = 0             # or
    tz: str = "UTC"
    anchor: int = None

    @property
    def step(self):
        """How long a bucket of a sliding window is."""
        return -(-self.span // BUCKETS)

    def bounds(self, at):
        """The window, or the bucket of a sliding one, that this time falls into: start <= at < end."""
        if self.kind == "lifetime":
            return BEGINNING, NEVER
        if self.kind in ("fixed", "sliding"):
            origin = micros(MONDAY.replace(tzinfo=UTC)) if self.anchor is None else self.anchor
            length = self.step if self.kind == "sliding" else self.span
            start = origin + (at - origin) // length * length
            return start, start + length
        zone = ZoneInfo(self.tz)
        local = (EPOCH + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None)
        if self.anchor is not None:
            base = (EPOCH + timedelta(microseconds=self.anchor)).astimezone(zone).replace(tzinfo=None)
        else:
            base = CENTURY if self.months else MONDAY
        if self.months:
            k = ((local.year - base.year) * 12 + local.month - base.month) // self.months
        else:
            k = (local - base) // timedelta(days=self.days)

        def start(k):
            there = add_months(base, k * self.months) if self.months else base + timedelta(days=k * self.days)
            return instant(there, zone)
        while start(k) > at:
            k -= 1
        while start(k + 1) <= at:
            k += 1
        return start(k), start(k + 1)


@dataclass(frozen=True)
class Limit:
    window: Window = Window()
    max: tuple = (None, None, None)
    name: str = "main"

    def reached(self, used, percent):
        return any(most is not None and have > 0 and have >= -(-most * percent // 100) for have, most in zip(used, self.max))


@dataclass(frozen=True)
class Definition:
    limits: tuple = (Limit(),)      # the main window, then the others by name
    parent: str = None
    max_in_flight: int = None
    on_expiry: str = "release"
    enabled: bool = True
    overrun: str = "charge"
    thresholds: tuple = ()

    @property
    def windows(self):
        return tuple((limit.name, limit.window) for limit in self.limits)

    def counts(self):
        """What a change of needs the counter's lock."""
        return self.limits, self.max_in_flight


@dataclass
class Count:
    """What is used in one window; of a sliding one by bucket, the current one first."""
    start: int
    used: list = field(default_factory=lambda: [0] * 3)
    ring: list = None
    since: int = BEGINNING       # nothing earlier counts, whatever a bucket covers
    warned: int = 0

    @classmethod
    def new(cls, window, at):
        return cls(window.bounds(at)[0], ring=[[0] * 3 for _ in range(BUCKETS + 1)] if window.kind == "sliding" else None)

    def counts_from(self, window, since):
        start = max(self.start - BUCKETS * window.step, self.since) if self.ring else self.start
        return max(start, since)

    def roll(self, limit, thresholds, at):
        start, _ = limit.window.bounds(at)
        if start <= self.start:
            return
        if self.ring:
            gone = min((start - self.start) // limit.window.step, BUCKETS + 1)
            self.ring = [[0] * 3 for _ in range(gone)] + self.ring[:BUCKETS + 1 - gone]
            self.used = [min(sum(column), BIGGEST) for column in zip(*self.ring)]
            self.warned = max((percent for percent in thresholds if percent <= self.warned and limit.reached(self.used, percent)), default=0)
        else:
            self.used, self.warned = [0] * 3, 0
        self.start = start

    def charge(self, amounts):
        self.used = [min(have + amount, BIGGEST) for have, amount in zip(self.used, amounts)]
        if self.ring:
            self.ring[0] = [min(have + amount, BIGGEST) for have, amount in zip(self.ring[0], amounts)]

    def restart(self, window, at):
        self.used, self.warned, self.start = [0] * 3, 0, at
        if self.ring:
            self.ring, self.since, self.start = [[0] * 3 for _ in self.ring], at, window.bounds(at)[0]

    def recount(self, window, entries, since):
        """entries: (at, amounts) of the ledger."""
        add = lambda begin, end: [min(sum(column), BIGGEST) for column in
                                  zip([0] * 3, *[amounts for at, amounts in entries if begin <= at < end])]
        begin = self.counts_from(window, since)
        if self.ring:
            starts = [self.start - i * window.step for i in range(BUCKETS + 1)]
            self.ring = [add(max(start, begin), NEVER if i == 0 else start + window.step) for i, start in enumerate(starts)]
        self.used = add(begin, NEVER)

    def wait(self, limit, dim, asked):
        """How long after the current bucket's end enough has fallen out."""
        used, stays = 0, 0
        for bucket in self.ring:
            if not fits(used + bucket[dim], 0, asked, limit.max[dim]):
                break
            used, stays = used + bucket[dim], stays + 1
        return (BUCKETS - stays) * limit.window.step


@dataclass
class Counter:
    since: int
    seen: int
    windows: list                   # a Count each
    held: list = field(default_factory=lambda: [0] * 4)

    def roll(self, definition, at):
        for count, limit in zip(self.windows, definition.limits):
            count.roll(limit, definition.thresholds, at)

    def hold(self, amounts, sign):
        self.held = [have + sign * amount for have, amount in zip(self.held, amounts)]
        if max(self.held) > BIGGEST:
            raise Failure("22003")

    def charge(self, amounts):
        for count in self.windows:
            count.charge(amounts)

    def covers(self, at):
        """Whether what was charged then stands in all windows, and can be taken back there."""
        return all(max(count.start, count.since if count.ring else BEGINNING) <= at for count in self.windows) and self.since <= at <= self.seen


@dataclass
class Permit:
    budgets: list
    held: list
    lease_until: int
    charge_on_expiry: bool
    key: str = None
    request: tuple = None
    state: str = "o"
    charged: list = field(default_factory=lambda: [0] * 3)
    unbilled: list = field(default_factory=lambda: [0] * 3)
    settled_at: int = None
    id: str = None
    call: bool = False          # of the gate


@dataclass
class Entry:
    at: int
    budgets: list
    event: str
    amounts: list


@dataclass
class Decision:
    granted: bool
    reason: str = None
    denied_by: str = None
    denied_limit: str = None
    retry_after: int = None
    can_ever_fit: bool = True
    duplicate: bool = False
    remaining: list = None          # of each dimension, None: no limit
    permit: object = None           # key of its row


class Level:
    """A transaction or a savepoint of it."""

    def __init__(self):
        self.rows, self.locks, self.ledger, self.notified = {}, set(), [], False


class Store:
    """Committed rows with the commit that wrote them, and who has which lock."""

    def __init__(self):
        self.rows, self.version, self.locks, self.ledger, self.commits = {}, {}, {}, [], 0
        self.budgets, self.serial = {}, 0

    def next(self):
        self.serial += 1
        return self.serial


class Transaction:
    def __init__(self, store, strict=False):
        self.store, self.strict, self.levels, self.noted, self.snapshot = store, strict, [Level()], False, None

    def begin_statement(self):
        if self.snapshot is None:
            self.snapshot = self.store.commits

    def read(self, key):
        for level in reversed(self.levels):
            if key in level.rows:
                return copy.deepcopy(level.rows[key])
        return copy.deepcopy(self.store.rows.get(key))

    def write(self, key, row):
        self.levels[-1].rows[key] = row

    def lock(self, key):
        if self.store.locks.get(key, self) is not self:
            raise Busy
        if key not in self.store.locks:
            self.store.locks[key] = self
            self.levels[-1].locks.add(key)

    def locked(self):
        return {key for level in self.levels for key in level.locks}

    def unlock(self, before):
        """Counters that were locked since then and have a row are let go: nothing was done to them."""
        level = self.levels[-1]
        for key in [key for key in level.locks - before if key[0] == "counter" and self.read(key) is not None]:
            level.locks.remove(key)
            del self.store.locks[key]

    def lock_row(self, key):
        self.lock(key)
        row = self.read(key)
        own = any(key in level.rows for level in self.levels)
        if self.strict and row is not None and not own and self.store.version[key] > self.snapshot:
            raise Failure("40001")
        return row

    def add_ledger(self, *entry):
        self.levels[-1].ledger.append(Entry(*entry))

    def ledger(self):
        return self.store.ledger + [entry for level in self.levels for entry in level.ledger]

    def permits(self):
        keys = {key for rows in [self.store.rows] + [level.rows for level in self.levels] for key in rows if key[0] == "permit"}
        return {key: permit for key in keys if (permit := self.read(key)) is not None}

    def savepoint(self):
        self.levels.append(Level())

    def release_savepoint(self):
        top = self.levels.pop()
        self.levels[-1].rows.update(top.rows)
        self.levels[-1].locks |= top.locks
        self.levels[-1].ledger += top.ledger
        self.levels[-1].notified |= top.notified

    def drop_level(self):
        for key in self.levels.pop().locks:
            del self.store.locks[key]

    def commit(self):
        while len(self.levels) > 1:
            self.release_savepoint()
        self.store.commits += 1
        for key, row in self.levels[0].rows.items():
            self.store.version[key] = self.store.commits
            if row is None:
                self.store.rows.pop(key, None)
            else:
                self.store.rows[key] = row
        self.store.ledger += self.levels[0].ledger
        self.drop_level()

    def rollback(self):
        while self.levels:
            self.drop_level()


def fits(used, held, asked, most):
    """None is unknown, there must be something left; 0 is nothing, which always fits."""
    if asked == 0:
        return True
    if most is None:
        return held + (asked or 0) <= BIGGEST
    if used + held + (asked or 0) > BIGGEST:
        return False
    return used + held < most if asked is None else used + held + asked <= most


class Link:
    def __init__(self, name, definition, counter):
        self.name, self.definition, self.counter = name, definition, counter


class Budgets:
    """The operations, each by a transaction at a time."""

    def __init__(self, store):
        self.store = store

    # definitions

    def path(self, name):
        links = []
        while name is not None:
            if name not in self.store.budgets:
                raise Failure("42704")
            links.append(name)
            name = self.store.budgets[name].parent
        return links

    def define(self, tx, now, name, definition):
        """Changes are of a transaction of their own, which commits at once."""
        tx.begin_statement()
        if definition.parent is not None:
            if definition.parent == name or name in self.path(definition.parent):
                raise Failure("22023")
        old = self.store.budgets.get(name)
        if old == definition:
            return False
        if old is None or old.counts() != definition.counts():
            self.sync(tx, now, name, old, definition, old is not None and old.windows != definition.windows)
        self.store.budgets[name] = definition
        return True

    def sync(self, tx, now, name, old, definition, other_windows):
        try:
            counter = tx.lock_row(("counter", name))
        except Busy:
            raise Failure("55P03")
        if counter is None:
            last = max((e.at for e in tx.ledger() if name in e.budgets), default=None)
            at = now if last is None else max(now, last + 1)
            tx.write(("counter", name), Counter(at, at, [Count.new(window, at) for _, window in definition.windows]))
        else:
            counter.seen = max(now, counter.seen)
            counter.roll(old, counter.seen)
            if other_windows:
                counter.windows = self.realigned(tx, name, old, definition, counter)
            tx.write(("counter", name), counter)

    @staticmethod
    def entries(tx, name):
        return [(entry.at, entry.amounts) for entry in tx.ledger() if name in entry.budgets]

    def realigned(self, tx, name, old, definition, counter):
        """Windows that stay are what they are, new ones count from the ledger."""
        kept, windows = dict(zip(old.windows, counter.windows)), []
        for key in definition.windows:
            count = kept.get(key)
            if count is None:
                count = Count.new(key[1], counter.seen)
                count.recount(key[1], self.entries(tx, name), counter.since)
            windows.append(count)
        return windows

    def limit_set(self, tx, now, name, limit):
        tx.begin_statement()
        old = self.store.budgets.get(name)
        if old is None:
            raise Failure("42704")
        others = {one.name: one for one in old.limits[1:]}
        if limit.name not in others and len(others) == 7:
            raise Failure("54000")
        if others.get(limit.name) == limit:
            return False
        self.limits_changed(tx, now, name, old, {**others, limit.name: limit})
        return True

    def limit_drop(self, tx, now, name, limit_name):
        tx.begin_statement()
        old = self.store.budgets.get(name)
        others = {one.name: one for one in old.limits[1:]} if old else {}
        if limit_name not in others:
            return False
        del others[limit_name]
        self.limits_changed(tx, now, name, old, others)
        return True

    def limits_changed(self, tx, now, name, old, others):
        definition = replace(old, limits=old.limits[:1] + tuple(others[key] for key in sorted(others)))
        self.sync(tx, now, name, old, definition, True)
        self.store.budgets[name] = definition

    def drop(self, tx, name):
        tx.begin_statement()
        if any(definition.parent == name for definition in self.store.budgets.values()):
            raise Failure("2BP01")
        try:
            counter = tx.lock_row(("counter", name))
        except Busy:
            raise Failure("55P03")
        if counter is not None and counter.held[IN_FLIGHT] > 0:
            raise Failure("55006")
        if counter is not None:
            tx.write(("counter", name), None)
        return self.store.budgets.pop(name, None) is not None

    # chains of counters

    def links(self, names, counters):
        return [Link(name, self.store.budgets.get(name), counter) for name, counter in zip(names, counters)]

    @staticmethod
    def set_time(links, now):
        at = max([now] + [link.counter.seen for link in links if link.counter])
        for link in links:
            if link.counter:
                link.counter.seen = at
                if link.definition:
                    link.counter.roll(link.definition, at)
        return at

    def peek(self, tx, names, now):
        links = self.links(names, [tx.read(("counter", name)) for name in names])
        return links, self.set_time(links, now)

    def lock(self, tx, names, now):
        counters = []
        for name in names:
            counters.append(tx.lock_row(("counter", name)))
            tx.noted = True
        links = self.links(names, counters)
        return links, self.set_time(links, now)

    @staticmethod
    def write(tx, links):
        for link in links:
            if link.counter:
                tx.write(("counter", link.name), link.counter)

    @staticmethod
    def refusals(link, asked, at):
        """(limit's name, retry_after or None, can_ever_fit) of each window and dimension that does not fit."""
        if not link.definition or not link.definition.enabled:
            return [(None, None, False)]
        found, counter = [], link.counter
        for count, limit in zip(counter.windows, link.definition.limits):
            for dim in range(3):
                used = max(count.used[dim], 0)
                if fits(used, counter.held[dim], asked[dim], limit.max[dim]):
                    continue
                ever, retry = fits(0, 0, asked[dim], limit.max[dim]), None
                if ever and not fits(used, 0, asked[dim], limit.max[dim]):
                    if limit.window.kind == "lifetime":
                        ever = False
                    else:
                        retry = limit.window.bounds(at)[1] - at + (count.wait(limit, dim, asked[dim]) if count.ring else 0)
                found.append((limit.name, retry, ever))
        most = link.definition.max_in_flight
        if asked[IN_FLIGHT] and not fits(0, counter.held[IN_FLIGHT], 1, most):
            found.append((None, None, most >= 1))
        return found

    def judge(self, links, asked, at):
        by, found = None, []
        for link in links:
            refusals = self.refusals(link, asked, at)
            by = by or ((link.name, refusals[0][0]) if refusals else None)
            found += refusals
        if not found:
            return Decision(True)
        ever = all(fit for _, _, fit in found)
        retries = [retry for _, retry, _ in found]
        return Decision(False, "budget_exceeded", *by, max(retries) if ever and None not in retries else None, ever,
                        remaining=self.remaining(links))

    @staticmethod
    def remaining(links):
        if not all(link.definition and link.definition.enabled for link in links):
            return [0] * 4
        left = [None] * 4

        def lower(dim, used, held, most):
            if most is not None:
                one = max(most - max(used, 0) - held, 0)
                left[dim] = one if left[dim] is None else min(left[dim], one)
        for link in links:
            for count, limit in zip(link.counter.windows, link.definition.limits):
                for dim in range(3):
                    lower(dim, count.used[dim], link.counter.held[dim], limit.max[dim])
            lower(IN_FLIGHT, 0, link.counter.held[IN_FLIGHT], link.definition.max_in_flight)
        return left

    # permits

    def acquire(self, tx, now, budget, amounts, lease, key=None):
        tx.begin_statement()
        path, request = self.path(budget), (budget, tuple(amounts))
        try:
            if key is not None:
                tx.lock(("key", key))
        except Busy:
            return Decision(False, "contention", retry_after=50000)
        if key is not None:
            for row, permit in tx.permits().items():
                if permit.key == key and permit.state in LIVE:
                    if permit.request != request:
                        raise Failure("22023")
                    return Decision(True, duplicate=True, permit=row)
        decision = self.admit(tx, now, path, list(amounts) + [1], lease, key, request)
        if key is not None:
            tx.noted = True
        return decision

    def admit(self, tx, now, path, asked, lease, key, request):
        may_reap = not tx.noted
        for _ in range(len(path) + 1):
            decision = self.judge(*self.with_asked(self.peek(tx, path, now), asked))
            if decision.granted or not may_reap or not decision.can_ever_fit or not self.expire_ended(tx, now, INLINE, False, decision.denied_by):
                break
        if not decision.granted:
            return decision
        before = tx.locked()
        try:
            links, at = self.lock(tx, path, now)
        except Busy:
            tx.unlock(before)
            return Decision(False, "contention", retry_after=50000)
        decision = self.judge(links, asked, at)
        if not decision.granted:
            tx.unlock(before)
        else:
            held = [amount or 0 for amount in asked]
            for link in links:
                link.counter.hold(held, 1)
            self.write(tx, links)
            decision.remaining = self.remaining(links)
            decision.permit = ("permit", self.store.next())
            tx.write(decision.permit, Permit(path, held, now + lease, links[0].definition.on_expiry != "release", key, request))
        return decision

    @staticmethod
    def with_asked(peeked, asked):
        return peeked[0], asked, peeked[1]

    def lock_permit(self, tx, row):
        try:
            permit = tx.lock_row(row)
        except Busy:
            # whether it exists is not told by waiting
            raise Failure("42704" if tx.read(row) is None else "55P03")
        if permit is None:
            raise Failure("42704")
        tx.noted = True
        return permit

    def lock_path(self, tx, names, now):
        try:
            return self.lock(tx, names, now)
        except Busy:
            raise Failure("55P03")

    @staticmethod
    def charge_path(tx, links, own, at, permit, event, amounts):
        plus, minus = [max(a, 0) for a in amounts], [min(a, 0) for a in amounts]
        reached = []
        for link in own:
            counter = link.counter
            if counter:
                counter.charge(plus)
            # what was charged in a window that is over stays there
            if any(minus) and (counter is None or counter.covers(permit.settled_at)):
                reached.append(link.name)
                if counter:
                    counter.charge(minus)
        tx.add_ledger(at, list(permit.budgets), event, plus)
        if any(minus):
            tx.add_ledger(at, reached, "refund", minus)
        Budgets.tell(tx, links, at)

    @staticmethod
    def tell(tx, links, at):
        """Thresholds that were reached since they were last told of."""
        for link in links:
            if not link.counter or not link.definition:
                continue
            for count, limit in zip(link.counter.windows, link.definition.limits):
                for percent in link.definition.thresholds:
                    if percent > count.warned and limit.reached(count.used, percent):
                        tx.add_ledger(at, [link.name], "threshold", [0] * 3)
                        tx.levels[-1].notified = True
                        count.warned = percent

    @staticmethod
    def replayed(permit, to, final):
        same = permit.state == to or (permit.state, to) in (("l", "c"), ("d", "f"))
        capped = any(want > held == charged for want, held, charged in zip(final, permit.held, permit.charged))
        unbilled = permit.unbilled if capped and same else [0] * 3
        return same and permit.charged == [want - over for want, over in zip(final, unbilled)]

    @staticmethod
    def leave_unbilled(tx, links, at, permit, final):
        """Overrun cap: no more is charged than was held."""
        if not links or not links[0].definition or links[0].definition.overrun != "cap":
            return final
        over = [max(want - held, 0) for want, held in zip(final, permit.held[:2])] + [0]
        if any(over):
            tx.add_ledger(at, list(permit.budgets), "unbilled", [0] * 3)
            permit.unbilled = over
        return [want - more for want, more in zip(final, over)]

    def settle(self, tx, now, row, to, tokens=None, money=None, of_call=False):
        """Commit (to c), release (to x), fail (to f), defer (to d), or leave open what came of it (to u)."""
        tx.begin_statement()
        seen = tx.read(row)
        if not of_call and seen is not None and seen.call:
            raise Failure("55000")
        permit = self.lock_permit(tx, row)
        return self.end(tx, now, row, permit, to, tokens, money)

    def end(self, tx, now, row, permit, to, tokens=None, money=None):
        estimate = permit.charged if permit.state in UNANSWERED and permit.charge_on_expiry else permit.held
        final = [0, 0, 0] if to == "x" else [estimate[TOKENS] if tokens is None else tokens,
                                             estimate[MONEY] if money is None else money, permit.held[CALLS]]
        if permit.state not in OPEN and permit.state not in UNANSWERED:
            return "replayed" if self.replayed(permit, to, final) else "conflict"
        links, at = self.lock_path(tx, permit.budgets, now)
        late = to != "u" and (permit.state == "e" or permit.lease_until <= now)
        final = self.leave_unbilled(tx, links, at, permit, final)
        if permit.state in OPEN:
            for link in links:
                if link.counter:
                    link.counter.hold(permit.held, -1)
        delta = [new - old for new, old in zip(final, permit.charged)]
        permit.charged = final
        self.charge_path(tx, links, links, at, permit, "late" if late else {"c": "commit", "x": "release", "f": "fail", "d": "fail", "u": "expire"}[to], delta)
        self.write(tx, links)
        permit.state = "l" if late and to == "c" else to
        permit.settled_at = at
        tx.write(row, permit)
        return "late" if late else "released" if to == "x" else "committed"

    # calls of the gate

    def lock_call(self, tx, row):
        tx.begin_statement()
        permit = self.lock_permit(tx, row)
        if not permit.call:
            raise Failure("42704")
        return permit

    def fail(self, tx, now, row, to, tokens=None, money=None):
        permit = self.lock_call(tx, row)
        if permit.state not in OPEN and not (permit.state == "e" and to != "u"):
            return "already_settled"
        if to == "u":
            self.end(tx, now, row, permit, to, tokens, money)
            return "possibly_executed"
        self.end(tx, now, row, permit, to, tokens or 0, money or 0)
        return {"f": "fatal_status", "d": "retry_after_too_long"}[to]

    def resolve(self, tx, now, row, succeeded, tokens=None, money=None):
        permit = self.lock_call(tx, row)
        if permit.state == "o" and permit.lease_until > now:
            raise Failure("55000")
        if tokens is None and money is None and permit.state in (("c", "l") if succeeded else ("f",)):
            return "replayed"
        if succeeded:
            return self.end(tx, now, row, permit, "c", tokens, money)
        return self.end(tx, now, row, permit, "f", tokens or 0, money or 0)

    def give_up(self, tx, now, row):
        permit = self.lock_call(tx, row)
        if permit.state in OPEN or permit.state == "e":
            return self.end(tx, now, row, permit, "x")
        return {"x": "replayed", "d": "released"}.get(permit.state, "conflict")

    # corrections

    def adjust(self, tx, now, name, amounts):
        tx.begin_statement()
        path = self.path(name)
        if not any(amounts):
            return False
        links, at = self.lock_path(tx, path, now)
        for link in links:
            if any(amount < 0 and used < -amount for count in link.counter.windows for used, amount in zip(count.used, amounts)):
                raise Failure("22023")
            link.counter.charge(amounts)
        tx.add_ledger(at, path, "adjust", list(amounts))
        self.tell(tx, links, at)
        self.write(tx, links)
        return True

    def reset_window(self, tx, now, name, limit_name):
        """Whether the counter was ahead of the clock; the clock must have moved since it was last used."""
        tx.begin_statement()
        self.path(name)
        try:
            counter = tx.lock_row(("counter", name))
            tx.noted = True
        except Busy:
            raise Failure("55P03")
        definition, ahead = self.store.budgets[name], counter.seen > now
        if limit_name is not None and limit_name not in [limit.name for limit in definition.limits]:
            raise Failure("42704")
        if ahead:
            self.bring_back(tx, now, name, definition, counter)
        counter.seen = now
        counter.roll(definition, now)
        for count, limit in zip(counter.windows, definition.limits):
            if limit_name in (None, limit.name):
                count.restart(limit.window, now + 1)
        counter.seen = now + 1
        tx.add_ledger(now, [name], "reset", [0] * 3)
        tx.write(("counter", name), counter)
        return ahead

    def bring_back(self, tx, now, name, definition, counter):
        """What was charged in the future counts as of now."""
        future = [(at, amounts) for at, amounts in self.entries(tx, name) if at > now and any(amounts)]
        for at, amounts in future:
            tx.add_ledger(at, [name], "reset", [-amount for amount in amounts])
        total = [sum(column) for column in zip([0] * 3, *[amounts for _, amounts in future])]
        if any(total):
            tx.add_ledger(now, [name], "reset", total)
        counter.since = min(counter.since, now)
        for count, limit in zip(counter.windows, definition.limits):
            count.restart(limit.window, now)
            count.start, count.since = limit.window.bounds(now)[0], counter.since
            count.recount(limit.window, self.entries(tx, name), counter.since)

    def extend(self, tx, now, row, lease, tokens, money):
        tx.begin_statement()
        permit = self.lock_permit(tx, row)
        if permit.state not in OPEN:
            raise Failure("TC007")
        if tokens > 0 or money > 0:
            links, at = self.lock_path(tx, permit.budgets, now)
            if not self.judge(links, (tokens, money, 0, 0), at).granted:
                raise Failure("TC002")
            for link in links:
                link.counter.hold((tokens, money, 0, 0), 1)
            self.write(tx, links)
            permit.held = [have + more for have, more in zip(permit.held, (tokens, money, 0, 0))]
        permit.lease_until = now + lease
        tx.write(row, permit)
        return "extended"

    # expiry

    def expire_ended(self, tx, now, limit, must, budget=None):
        ended = []
        candidates = [(permit.lease_until, row) for row, permit in tx.permits().items()
                      if permit.state in OPEN and permit.lease_until <= now and (budget is None or budget in permit.budgets)]
        for _, row in sorted(candidates):
            if len(ended) == limit:
                break
            try:
                ended.append((row, tx.lock_row(row)))
            except Busy:
                continue
        if not ended:
            return 0
        tx.noted = True
        depth, before = {}, tx.locked()
        for _, permit in ended:
            for level, name in enumerate(permit.budgets):
                depth[name] = max(depth.get(name, 0), len(permit.budgets) - 1 - level)
        try:
            links, at = self.lock(tx, sorted(depth, key=lambda name: (-depth[name], name)), now)
        except Busy:
            if must:
                raise Failure("55P03")
            tx.unlock(before)
            return 0
        self.expire(tx, links, at, ended)
        self.write(tx, links)
        return len(ended)

    def expire(self, tx, links, at, ended):
        for row, permit in ended:
            own = [next(link for link in links if link.name == name) for name in permit.budgets]
            for link in own:
                if link.counter:
                    link.counter.hold(permit.held, -1)
            delta = permit.held[:3] if permit.charge_on_expiry else [0, 0, 0]
            permit.charged = [have + more for have, more in zip(permit.charged, delta)]
            self.charge_path(tx, links, own, at, permit, "expire", delta)
            permit.state, permit.settled_at = "e", at
            tx.write(row, permit)

    def reap(self, tx, now, batch):
        tx.begin_statement()
        return self.expire_ended(tx, now, min(batch, MOST), True)
