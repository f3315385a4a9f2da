"""What budgets do, in plain Python: no database, no clock, no randomness.

Times are microseconds since 1970, amounts are integers, and every operation is told
what time it is.  Rows, locks and transactions are modelled as far as they decide an
answer: a row that somebody else has locked is contention, a row that has changed since
the snapshot of a stricter transaction is 40001, and a rollback takes rows and locks back.
"""
import copy
from dataclasses import dataclass, field
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
LIVE = ("o", "r", "c", "e", "l")
OPEN = ("o", "r")
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

    def bounds(self, at):
        """The window that this time falls into: start <= at < end."""
        if self.kind == "lifetime":
            return BEGINNING, NEVER
        if self.kind in ("fixed", "sliding"):
            origin = micros(MONDAY.replace(tzinfo=UTC)) if self.anchor is None else self.anchor
            start = origin + (at - origin) // self.span * self.span
            return start, start + self.span
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


@dataclass(frozen=True)
class Definition:
    limits: tuple = (Limit(),)      # the main window, then the others by name
    parent: str = None
    max_in_flight: int = None
    on_expiry: str = "release"
    enabled: bool = True

    @property
    def windows(self):
        return tuple(limit.window for limit in self.limits)

    def counts(self):
        """What a change of needs the counter's lock."""
        return self.limits, self.max_in_flight


@dataclass
class Counter:
    since: int
    seen: int
    starts: list
    used: list                      # a list of three, a window
    held: list = field(default_factory=lambda: [0] * 4)

    def roll(self, definition, at):
        for w, window in enumerate(definition.windows):
            start, _ = window.bounds(at)
            if start > self.starts[w]:
                self.starts[w], self.used[w] = start, [0] * 3

    def hold(self, amounts, sign):
        self.held = [have + sign * amount for have, amount in zip(self.held, amounts)]
        if max(self.held) > BIGGEST:
            raise Failure("22003")

    def charge(self, amounts):
        self.used = [[min(have + amount, BIGGEST) for have, amount in zip(used, amounts)] for used in self.used]


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
    settled_at: int = None
    id: str = None


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
    retry_after: int = None
    can_ever_fit: bool = True
    duplicate: bool = False
    permit: object = None           # key of its row


class Level:
    """A transaction or a savepoint of it."""

    def __init__(self):
        self.rows, self.locks, self.ledger = {}, set(), []


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
    """A request for nothing stands for an unknown amount: there must be something left."""
    if used + held > BIGGEST or used + held + asked > BIGGEST:
        return False
    if most is None:
        return True
    return used + held + asked <= most if asked > 0 else used + held < most


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
            try:
                counter = tx.lock_row(("counter", name))
            except Busy:
                raise Failure("55P03")
            if counter is None:
                last = max((e.at for e in tx.ledger() if name in e.budgets), default=None)
                at = now if last is None else max(now, last + 1)
                starts = [window.bounds(at)[0] for window in definition.windows]
                tx.write(("counter", name), Counter(at, at, starts, [[0] * 3 for _ in starts]))
            elif old.windows != definition.windows:
                tx.write(("counter", name), self.recount(tx, name, definition, counter, max(now, counter.seen)))
        self.store.budgets[name] = definition
        return True

    @staticmethod
    def recount(tx, name, definition, counter, at):
        counter.seen = at
        counter.starts = [window.bounds(at)[0] for window in definition.windows]
        counter.used = []
        for start in counter.starts:
            entries = [e.amounts for e in tx.ledger() if name in e.budgets and e.at >= max(start, counter.since)]
            counter.used.append([sum(column) for column in zip(*entries)] if entries else [0] * 3)
        return counter

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
        """(retry_after or None, can_ever_fit) of each window and dimension that does not fit."""
        if not link.definition or not link.definition.enabled:
            return [(None, False)]
        found, counter = [], link.counter
        for w, limit in enumerate(link.definition.limits):
            for dim in range(3):
                if asked[dim] is None or fits(counter.used[w][dim], counter.held[dim], asked[dim], limit.max[dim]):
                    continue
                ever, retry = fits(0, 0, asked[dim], limit.max[dim]), None
                if ever and not fits(counter.used[w][dim], 0, asked[dim], limit.max[dim]):
                    if limit.window.kind == "lifetime":
                        ever = False
                    else:
                        retry = limit.window.bounds(at)[1] - at
                found.append((retry, ever))
        most = link.definition.max_in_flight
        if asked[IN_FLIGHT] and not fits(0, counter.held[IN_FLIGHT], 1, most):
            found.append((None, most >= 1))
        return found

    def judge(self, links, asked, at):
        by, found = None, []
        for link in links:
            refusals = self.refusals(link, asked, at)
            by = by or (link.name if refusals else None)
            found += refusals
        if not found:
            return Decision(True)
        ever = all(fit for _, fit in found)
        retries = [retry for retry, _ in found]
        return Decision(False, "budget_exceeded", by, max(retries) if ever and None not in retries else None, ever)

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
        decision = self.judge(*self.with_asked(self.peek(tx, path, now), asked))
        if not decision.granted and decision.can_ever_fit and not tx.noted and self.expire_ended(tx, now, INLINE, False):
            decision = self.judge(*self.with_asked(self.peek(tx, path, now), asked))
        if not decision.granted:
            return decision
        try:
            links, at = self.lock(tx, path, now)
        except Busy:
            return Decision(False, "contention", retry_after=50000)
        decision = self.judge(links, asked, at)
        if decision.granted:
            for link in links:
                link.counter.hold(asked, 1)
            self.write(tx, links)
            decision.permit = ("permit", self.store.next())
            tx.write(decision.permit, Permit(path, asked, now + lease, links[0].definition.on_expiry != "release", key, request))
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
    def charge_path(tx, links, at, permit, event, amounts):
        plus, minus = [max(a, 0) for a in amounts], [min(a, 0) for a in amounts]
        reached = []
        for link in links:
            counter = link.counter
            if counter:
                counter.charge(plus)
            # what was charged in a window that is over stays there
            if counter is None or permit.settled_at is None or (max(counter.starts) <= permit.settled_at and counter.since <= permit.settled_at):
                reached.append(link.name)
                if counter:
                    counter.charge(minus)
        tx.add_ledger(at, list(permit.budgets), event, plus)
        if any(minus):
            tx.add_ledger(at, reached, "refund", minus)

    def settle(self, tx, now, row, to, tokens=None, money=None):
        """Commit (to c) or release (to x)."""
        tx.begin_statement()
        permit = self.lock_permit(tx, row)
        final = [0, 0, 0] if to == "x" else [permit.held[TOKENS] if tokens is None else tokens,
                                             permit.held[MONEY] if money is None else money, permit.held[CALLS]]
        if permit.state not in OPEN and permit.state != "e":
            same = permit.charged == final and (permit.state == to or (permit.state, to) == ("l", "c"))
            return "replayed" if same else "conflict"
        links, at = self.lock_path(tx, permit.budgets, now)
        late = permit.state == "e" or permit.lease_until <= at
        if permit.state in OPEN:
            for link in links:
                if link.counter:
                    link.counter.hold(permit.held, -1)
        delta = [new - old for new, old in zip(final, permit.charged)]
        permit.charged = final
        self.charge_path(tx, links, at, permit, "late" if late else {"c": "commit", "x": "release"}[to], delta)
        self.write(tx, links)
        permit.state = "l" if late and to == "c" else to
        permit.settled_at = at
        tx.write(row, permit)
        return "late" if late else {"c": "committed", "x": "released"}[to]

    def extend(self, tx, now, row, lease, tokens, money):
        tx.begin_statement()
        permit = self.lock_permit(tx, row)
        if permit.state not in OPEN:
            raise Failure("TC007")
        if tokens > 0 or money > 0:
            links, at = self.lock_path(tx, permit.budgets, now)
            asked = [amount if amount > 0 else None for amount in (tokens, money, 0, 0)]
            if not self.judge(links, asked, at).granted:
                raise Failure("TC002")
            for link in links:
                link.counter.hold((tokens, money, 0, 0), 1)
            self.write(tx, links)
            permit.held = [have + more for have, more in zip(permit.held, (tokens, money, 0, 0))]
        permit.lease_until = now + lease
        tx.write(row, permit)
        return "extended"

    # expiry

    def expire_ended(self, tx, now, limit, must):
        ended = []
        candidates = [(permit.lease_until, row) for row, permit in tx.permits().items()
                      if permit.state in OPEN and permit.lease_until <= now]
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
        depth = {}
        for _, permit in ended:
            for level, name in enumerate(permit.budgets):
                depth[name] = max(depth.get(name, 0), len(permit.budgets) - 1 - level)
        try:
            links, at = self.lock(tx, sorted(depth, key=lambda name: (-depth[name], name)), now)
        except Busy:
            if must:
                raise Failure("55P03")
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
            self.charge_path(tx, own, at, permit, "expire", delta)
            permit.state, permit.settled_at = "e", at
            tx.write(row, permit)

    def reap(self, tx, now, batch):
        tx.begin_statement()
        return self.expire_ended(tx, now, min(batch, MOST), True)
