"""What budgets do, in plain Python: no database, no clock, no randomness.

Times are microseconds since 1970, amounts are integers, and every operation is told
what time it is.  Rows, locks and transactions are modelled as far as they decide an
answer: a permit that somebody else has locked is contention, one that has changed since
the snapshot of a stricter transaction is 40001, and a rollback takes rows and locks back.

Of a budget's counter only the sum is modelled, however many rows it has.  A budget with
an entry (Escrow) is shared: each transaction adds its own part to the sum when it
commits.  One without is used by one transaction at a time, which writes the sum whole.
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
DIMENSIONS = ("tokens", "usd", "calls", "in_flight")
LIVE = ("o", "r", "c", "e", "l", "u", "d")
OPEN = ("o", "r")
UNANSWERED = ("e", "u")
BUCKETS = 24
WAIT_MAX = 60 * SECOND          # agentcore.budget_wait_max
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

    def threshold(self, used, thresholds):
        return max((percent for percent in thresholds if self.reached(used, percent)), default=0)


@dataclass(frozen=True)
class Definition:
    limits: tuple = (Limit(),)      # the main window, then the others by name
    parent: str = None
    max_in_flight: int = None
    on_expiry: str = "release"
    enabled: bool = True
    overrun: str = "charge"
    thresholds: tuple = ()
    on_full: str = "deny"
    overflow: str = None

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

    def roll(self, window, start):
        """Whether another window, or bucket, began."""
        if start <= self.start:
            return False
        if self.ring:
            gone = min((start - self.start) // window.step, BUCKETS + 1)
            self.ring = [[0] * 3 for _ in range(gone)] + self.ring[:BUCKETS + 1 - gone]
            self.used = [min(sum(column), BIGGEST) for column in zip(*self.ring)]
        else:
            self.used, self.warned = [0] * 3, 0
        self.start = start
        return True

    def lower(self, limit, thresholds):
        """A threshold is told again after a sliding window has come to below it."""
        if self.ring:
            self.warned = min(self.warned, limit.threshold(self.used, thresholds))

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
        self.roll_to(definition, [limit.window.bounds(at)[0] for limit in definition.limits])

    def roll_to(self, definition, starts):
        for count, limit, start in zip(self.windows, definition.limits, starts):
            if count.roll(limit.window, start):
                count.lower(limit, definition.thresholds)

    def lower(self, definition):
        for count, limit in zip(self.windows, definition.limits):
            count.lower(limit, definition.thresholds)

    def change(self, change, at):
        self.hold(change.held)
        self.charge(change.used)
        for count, warned in zip(self.windows, change.warned):
            count.warned = max(count.warned, warned)
        self.seen = max(self.seen, at)

    def add(self, part):
        """What a transaction did counts in the windows that it was done in, and in no later one."""
        self.hold(part.change.held)
        self.seen = max(self.seen, part.at)
        for count, window, start, warned in zip(self.windows, part.windows, part.starts, part.change.warned):
            count.roll(window, start)
            back = (count.start - start) // window.step if count.ring else 0
            if back > BUCKETS or (not count.ring and count.start != start):
                continue
            count.used = [have + more for have, more in zip(count.used, part.change.used)]
            if count.ring:
                count.ring[back] = [have + more for have, more in zip(count.ring[back], part.change.used)]
            count.warned = max(count.warned, warned)

    def hold(self, amounts):
        self.held = [have + amount for have, amount in zip(self.held, amounts)]

    def charge(self, amounts):
        for count in self.windows:
            count.charge(amounts)

    def covers(self, at):
        """Whether what was charged then stands in all windows, and can be taken back there."""
        return all(max(count.start, count.since if count.ring else BEGINNING) <= at for count in self.windows) and self.since <= at <= self.seen


@dataclass
class Change:
    """What an operation does to a counter."""
    held: list = field(default_factory=lambda: [0] * 4)
    used: list = field(default_factory=lambda: [0] * 3)
    warned: list = field(default_factory=lambda: [0] * 8)     # the highest threshold that it tells of

    @property
    def charges(self):
        return max(self.used) > 0


@dataclass
class Part:
    """A change as it is kept until COMMIT."""
    change: Change
    windows: list
    starts: list
    at: int


class Escrow:
    """The entry of a budget that many use at once."""

    def __init__(self, base):
        self.base, self.reserved, self.charging = base, [0] * 4, [0] * 3


class Record:
    """The most that an operation may add to what is used and held, until its transaction ends."""

    def __init__(self, name, entry, part):
        used = part.change.used + [0]
        self.name, self.entry, self.part = name, entry, part
        self.reserved = [max(have + more, 0) for have, more in zip(used, part.change.held)]
        self.charging = [max(amount, 0) for amount in part.change.used]
        self.reserve(1)

    def reserve(self, sign):
        self.entry.reserved = [have + sign * more for have, more in zip(self.entry.reserved, self.reserved)]
        self.entry.charging = [have + sign * more for have, more in zip(self.entry.charging, self.charging)]

    def end(self, committed):
        if committed:
            self.entry.base.add(self.part)
        self.reserve(-1)


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
    payer: str = None           # the budget whose on_expiry and overrun count


@dataclass
class Entry:
    at: int
    budgets: list
    event: str
    amounts: list
    budget: str = None          # whose entry it is, None: of the first


@dataclass
class Decision:
    granted: bool
    reason: str = None
    denied_by: str = None
    denied_limit: str = None
    facts: tuple = (None,) * 5      # dimension, used, held, max, asked
    retry_after: int = None
    can_ever_fit: bool = True
    duplicate: bool = False
    remaining: list = None          # of each dimension, None: no limit
    permit: object = None           # key of its row
    on_full: str = "deny"
    paid_by: list = None            # the overflows of budgets that are full


class Level:
    """A transaction or a savepoint of it."""

    def __init__(self):
        self.rows, self.locks, self.ledger, self.notified = {}, [], [], False
        self.writes, self.records, self.touched = [], [], set()     # of counters


class Store:
    """Committed rows with the commit that wrote them, and who has which lock."""

    def __init__(self, entries=False):
        self.rows, self.version, self.locks, self.ledger, self.commits = {}, {}, {}, [], 0
        self.budgets, self.serial = {}, 0
        self.entries, self.gives_entries = {}, entries      # gives_entries: to every budget, at once

    def next(self):
        self.serial += 1
        return self.serial

    def write_counter(self, name, written):
        if isinstance(written, Part):
            self.rows["counter", name].add(written)
        elif written is None:
            self.rows.pop(("counter", name), None)
        else:
            self.rows["counter", name] = written


class Lock:
    def __init__(self, key, owner, mode):
        self.key, self.owner, self.mode = key, owner, mode


class Transaction:
    def __init__(self, store, strict=False):
        self.store, self.strict, self.levels, self.noted, self.snapshot = store, strict, [Level()], False, None
        self.last = None            # the place of the last counter that was locked

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

    # locks: shared (S) or exclusive (X); nobody is waited for

    def lock(self, key, mode="X"):
        held = self.store.locks.setdefault(key, [])
        if any(lock.owner is not self and "X" in (lock.mode, mode) for lock in held):
            raise Busy
        lock = Lock(key, self, mode)
        held.append(lock)
        self.levels[-1].locks.append(lock)
        return lock

    def unlock(self, lock):
        for level in self.levels:
            if lock in level.locks:
                level.locks.remove(lock)
        self.store.locks[lock.key].remove(lock)

    def lock_row(self, key):
        self.lock(key)
        row = self.read(key)
        own = any(key in level.rows for level in self.levels)
        if self.strict and row is not None and not own and self.store.version[key] > self.snapshot:
            raise Failure("40001")
        return row

    # the order of locks

    def may_wait(self, place):
        return self.last is None or place >= self.last

    def note_counter(self, place):
        self.noted = True
        self.last = place if self.last is None else max(self.last, place)

    # counters

    def counter(self, name, definition):
        """The sum of the rows, with what this transaction has written."""
        counter = copy.deepcopy(self.store.rows.get(("counter", name)))
        for level in self.levels:
            for other, written in level.writes:
                if other != name:
                    continue
                if isinstance(written, Part):
                    counter.add(written)
                else:
                    counter = copy.deepcopy(written)
        if counter and definition:
            counter.lower(definition)
        return counter

    def write_counter(self, name, written):
        self.levels[-1].writes.append((name, written))

    def touched(self, name):
        return any(name in level.touched for level in self.levels)

    def records(self, entry):
        return [record for level in self.levels for record in level.records if record.entry is entry]

    def undo_record(self):
        self.levels[-1].records.pop().end(False)

    def forget_entries(self):
        """PREPARE: nobody is in flight through an entry any more."""
        for level in self.levels:
            for record in level.records:
                if self.store.entries.get(record.name) is record.entry:
                    del self.store.entries[record.name]
            level.records = []

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
        into = self.levels[-1]
        into.rows.update(top.rows)
        into.locks += top.locks
        into.ledger += top.ledger
        into.notified |= top.notified
        into.writes += top.writes
        into.records += top.records
        into.touched |= top.touched

    def drop_level(self, committed=False):
        level = self.levels.pop()
        for record in reversed(level.records):
            record.end(committed)
        for lock in level.locks:
            self.store.locks[lock.key].remove(lock)

    def commit(self):
        while len(self.levels) > 1:
            self.release_savepoint()
        self.store.commits += 1
        for key, row in self.levels[0].rows.items():
            self.store.version[key] = self.store.commits
            self.store.rows[key] = row
        for name, written in self.levels[0].writes:
            self.store.write_counter(name, written)
        self.store.ledger += self.levels[0].ledger
        self.drop_level(True)

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
    def __init__(self, name, depth, definition):
        self.name, self.depth, self.definition = name, depth, definition
        self.counter = self.entry = self.lock = None    # counter None: there is none
        self.instead_of = None      # a full budget whose overflow this is, or is above
        self.found = self.own = self.exact = self.telling = self.tells_upper = False  # own: counter has what the transaction itself has in flight
        self.starts, self.change, self.warned = [], Change(), []

    @property
    def place(self):
        return -self.depth, self.name

    def counts(self, at):
        """Whether a charge of that time would count in all windows."""
        return self.counter.since <= at and all(max(count.start, count.since) <= at for count in self.counter.windows)

    def fits(self, asked, others=(0, 0, 0, 0)):
        held = [have + other for have, other in zip(self.counter.held, others)]
        return (all(fits(max(count.used[dim], 0), held[dim], asked[dim], limit.max[dim])
                    for count, limit in zip(self.counter.windows, self.definition.limits) for dim in range(3)) and
                (not asked[IN_FLIGHT] or fits(0, held[IN_FLIGHT], asked[IN_FLIGHT], self.definition.max_in_flight)))


class Path:
    """A budget and its parents, or the budgets of some permits: the deepest first."""

    def __init__(self, tx, now, links):
        self.tx, self.now, self.at, self.links = tx, now, 0, links

    def of(self, name):
        return next((link for link in self.links if link.name == name and link.counter), None)

    def unlock(self):
        for link in self.links:
            if link.lock:
                self.tx.unlock(link.lock)
            link.lock = None


class Budgets:
    """The operations, each by a transaction at a time."""

    def __init__(self, store):
        self.store = store

    # definitions

    def path(self, *names):
        """All that are named and what is above each, once."""
        links = []
        for name in names:
            while name is not None and name not in links:
                if name not in self.store.budgets:
                    raise Failure("42704")
                links.append(name)
                name = self.store.budgets[name].parent
        return links

    def depth(self, name):
        """From its own root, as it is defined now."""
        above = self.store.budgets[name].parent if name in self.store.budgets else None
        return 0 if above is None else 1 + self.depth(above)

    def define(self, tx, now, name, definition):
        """Changes are of a transaction of their own, which commits at once."""
        tx.begin_statement()
        old = self.store.budgets.get(name)
        for what in ("parent", "overflow"):
            other = getattr(definition, what)
            if other is not None and (old is None or getattr(old, what) != other) and self.pays_for(other, name):
                raise Failure("22023")
        if old == definition:
            return False
        if old is None or old.counts() != definition.counts():
            self.sync(tx, now, name, old, definition, old is not None and old.windows != definition.windows)
        self.store.budgets[name] = definition
        return True

    def pays_for(self, name, end, seen=()):
        """Whether it leads to the other, by parents and overflows."""
        if name == end:
            return True
        definition = self.store.budgets.get(name)
        return definition is not None and name not in seen and any(
            self.pays_for(other, end, (*seen, name)) for other in (definition.parent, definition.overflow) if other is not None)

    def take_alone(self, tx, name, definition):
        """To define, drop or count anew.  The entry is gone, whatever comes of the transaction."""
        try:
            tx.lock(("counter", name))
        except Busy:
            raise Failure("55P03")
        self.store.entries.pop(name, None)
        tx.levels[-1].touched.add(name)
        return tx.counter(name, definition)

    def sync(self, tx, now, name, old, definition, other_windows):
        counter = self.take_alone(tx, name, old or definition)
        if counter is None:
            last = max((e.at for e in tx.ledger() if name in e.budgets), default=None)
            at = now if last is None else max(now, last + 1)
            counter = Counter(at, at, [Count.new(window, at) for _, window in definition.windows])
        else:
            counter.seen = max(now, counter.seen)
            counter.roll(old if other_windows else definition, counter.seen)
            if other_windows:
                counter.windows = self.realigned(tx, name, old, definition, counter)
        tx.write_counter(name, counter)

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
        if any(name in (definition.parent, definition.overflow) for definition in self.store.budgets.values()):
            raise Failure("2BP01")
        counter = self.take_alone(tx, name, self.store.budgets.get(name))
        if counter is not None and counter.held[IN_FLIGHT] > 0:
            raise Failure("55006")
        if counter is not None:
            tx.write_counter(name, None)
        return self.store.budgets.pop(name, None) is not None

    # paths of counters, read

    def path_of(self, tx, now, names):
        links = [Link(name, self.depth(name), self.store.budgets.get(name)) for name in set(names)]
        return Path(tx, now, sorted(links, key=lambda link: (-link.depth, link.name)))

    def resolved(self, tx, now, *names):
        return self.path_of(tx, now, self.path(*names))

    def of_permits(self, tx, now, permits):
        return self.path_of(tx, now, [name for permit in permits for name in permit.budgets])

    def find_entry(self, link):
        link.entry = self.store.entries.get(link.name) if link.definition else None
        link.found = link.entry is not None
        if link.found:
            link.counter, link.own = copy.deepcopy(link.entry.base), False
        return link.found

    def read_rows(self, path, link):
        link.entry, link.found, link.own = None, True, True
        link.counter = path.tx.counter(link.name, link.definition)

    @staticmethod
    def set_time(path):
        """Not in a window that is over for one of the counters."""
        path.at = max(path.at, path.now)
        links = [link for link in path.links if link.found and link.counter]
        for link in links:
            if link.entry is None or not link.counts(path.at):
                path.at = max(path.at, link.counter.seen)
        for link in links:
            if link.definition:
                link.starts = [max(limit.window.bounds(path.at)[0], count.start) for limit, count in zip(link.definition.limits, link.counter.windows)]
                link.counter.roll_to(link.definition, link.starts)

    @staticmethod
    def own_of(path, link):
        """What this transaction has in flight through the entry: held, used by window, told."""
        held, used, warned = [0] * 4, [[0] * 3 for _ in link.starts], [0] * len(link.starts)
        for record in path.tx.records(link.entry):
            part = record.part
            held = [have + more for have, more in zip(held, part.change.held)]
            for w, (start, limit) in enumerate(zip(link.starts, link.definition.limits)):
                back = (start - part.starts[w]) // limit.window.step if limit.window.kind == "sliding" else 0
                if back > BUCKETS or (limit.window.kind != "sliding" and part.starts[w] != start):
                    continue
                used[w] = [have + more for have, more in zip(used[w], part.change.used)]
                warned[w] = max(warned[w], part.change.warned[w])
        return held, used, warned

    def add_own(self, path, link):
        held, used, warned = self.own_of(path, link)
        link.counter.hold(held)
        for count, more, told in zip(link.counter.windows, used, warned):
            count.used = [have + one for have, one in zip(count.used, more)]
            if count.ring:
                count.ring[0] = [have + one for have, one in zip(count.ring[0], more)]
            count.warned = max(count.warned, told)
        link.own = True

    def peek(self, path):
        for link in path.links:
            if not link.found and not self.find_entry(link):
                self.read_rows(path, link)
        self.set_time(path)
        for link in path.links:
            if link.entry and not link.own:
                self.add_own(path, link)

    # paths of counters, locked

    def is_refused(self, path, asked):
        """Before a wait: whether a budget of the path refuses in any case."""
        if asked is None:
            return False
        self.peek(path)
        if any(not link.definition or not link.definition.enabled or not link.fits(asked) for link in path.links):
            return True
        for link in path.links:
            link.found = link.lock is not None
        return False

    def lock_link(self, path, link, asked):
        shared = not link.exact and self.find_entry(link)
        try:
            link.lock = path.tx.lock(("counter", link.name), "S" if shared else "X")
        except Busy:
            if link.telling and not shared:
                # a settlement does not fail for a threshold: it is told by what all come to
                link.exact, link.telling, link.tells_upper = False, False, True
                return "alone"
            return "refused" if self.is_refused(path, asked) else "busy"
        if shared:
            return None
        self.read_rows(path, link)
        if link.counter and link.definition:
            link.entry = self.store.entries.get(link.name)
            if not link.entry and self.store.gives_entries and not path.tx.touched(link.name):
                link.entry = self.store.entries[link.name] = Escrow(copy.deepcopy(link.counter))
        return None

    def lock_links(self, path, asked):
        for link in path.links:
            link.found = False
        for link in path.links:
            step = self.lock_link(path, link, asked)
            if step:
                return step
        return None

    @staticmethod
    def threshold(link, w, more):
        limit = link.definition.limits[w]
        return limit.threshold([have + one for have, one in zip(link.counter.windows[w].used, more)], link.definition.thresholds)

    def tells(self, link, others):
        """Thresholds that the charge reaches beside what others may yet charge."""
        if not link.definition or not link.change.charges:
            return False
        for w, count in enumerate(link.counter.windows):
            reached = self.threshold(link, w, [have + other for have, other in zip(link.change.used, others)])
            link.change.warned[w] = reached if reached > count.warned else 0
        return any(link.change.warned)

    def decide_alone(self, link, asked):
        if asked is not None and not link.fits(asked):
            return "refused"
        self.tells(link, [0] * 3)
        link.warned = [count.warned for count in link.counter.windows]
        return None

    def decide_shared(self, path, link, asked):
        """Granted if it fits beside all that others have in flight, denied if it does not fit without."""
        tx, entry = path.tx, link.entry
        may_be_alone = link.lock.mode == "S" and not tx.touched(link.name) and tx.may_wait(link.place)
        link.counter = copy.deepcopy(entry.base)
        if not link.counts(path.at):
            path.at = max(path.at, entry.base.seen)
            return "later"
        for counter in (entry.base, link.counter):
            counter.roll_to(link.definition, link.starts)
        entry.base.seen = max(entry.base.seen, path.at)
        own = tx.records(entry)
        self.add_own(path, link)
        if asked is not None:
            if not link.fits(asked):
                return "refused"
            if not link.fits(asked, [have - sum(record.reserved[dim] for record in own) for dim, have in enumerate(entry.reserved)]):
                link.exact = True
                return "alone" if may_be_alone else "busy"
        if self.tells(link, [have - sum(record.charging[dim] for record in own) for dim, have in enumerate(entry.charging)]) and may_be_alone and not link.tells_upper:
            link.exact = link.telling = True
            return "alone"
        link.warned = [count.warned for count in link.counter.windows]
        windows = [limit.window for limit in link.definition.limits]
        tx.levels[-1].records.append(Record(link.name, entry, Part(copy.deepcopy(link.change), windows, [count.start for count in link.counter.windows], path.at)))
        return None

    def decide_links(self, path, asked, plan):
        while True:
            self.set_time(path)
            for link in path.links:
                link.change = Change()
            plan(path)
            before, step = len(path.tx.levels[-1].records), None
            for link in path.links:
                if not link.counter:
                    step = None if asked is None else "refused"
                elif asked is not None and not (link.definition and link.definition.enabled):
                    step = "refused"
                else:
                    step = self.decide_shared(path, link, asked) if link.entry else self.decide_alone(link, asked)
                if step:
                    break
            if step:
                while len(path.tx.levels[-1].records) > before:
                    path.tx.undo_record()
            if step != "later":
                return step

    def enter(self, path, asked, plan):
        """None: entered.  Else "refused" or "busy", and no lock is kept."""
        path.at, step = 0, "alone"
        while step == "alone":
            path.unlock()
            step = self.lock_links(path, asked) or self.decide_links(path, asked, plan)
        if step:
            path.unlock()
            return step
        for link in path.links:
            path.tx.note_counter(link.place)
            path.tx.levels[-1].touched.add(link.name)
            if link.entry and link.lock.mode == "X":
                path.tx.unlock(link.lock)
                path.tx.lock(("counter", link.name), "S")
            link.lock = None
        return None

    def must_enter(self, path, plan):
        if self.enter(path, None, plan):
            raise Failure("55P03")

    @staticmethod
    def write(path):
        for link in path.links:
            if not link.counter:
                continue
            link.counter.change(link.change, path.at)
            if link.entry:
                path.tx.write_counter(link.name, next(record.part for record in reversed(path.tx.levels[-1].records) if record.entry is link.entry))
            else:
                path.tx.write_counter(link.name, copy.deepcopy(link.counter))

    @staticmethod
    def plan_hold(amounts):
        def plan(path):
            for link in path.links:
                link.change.held = [amount or 0 for amount in amounts]
        return plan

    @staticmethod
    def refusals(link, asked, at):
        """(limit's name, retry_after or None, can_ever_fit, facts) of each window and dimension that does not fit."""
        if not link.definition or not link.definition.enabled:
            return [(None, None, False, (None,) * 5)]
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
                found.append((limit.name, retry, ever, (DIMENSIONS[dim], used, counter.held[dim], limit.max[dim], asked[dim])))
        most = link.definition.max_in_flight
        if asked[IN_FLIGHT] and not fits(0, counter.held[IN_FLIGHT], 1, most):
            found.append((None, None, most >= 1, (DIMENSIONS[IN_FLIGHT], 0, counter.held[IN_FLIGHT], most, 1)))
        return found

    def judge(self, links, asked, at):
        by, found, says = None, [], []
        for link in links:
            refusals = self.refusals(link, asked, at)
            by = by or ((link.name, refusals[0][0], refusals[0][3]) if refusals else None)
            found += refusals
            if refusals:
                says.append("deny" if refusals[0][3][0] is None else link.definition.on_full)
        if not found:
            return Decision(True)
        ever = all(fit for _, _, fit, _ in found)
        retries = [retry for _, retry, _, _ in found]
        retry = max(retries) if ever and None not in retries else None
        on_full = says[0] if len(set(says)) == 1 else "deny"
        if on_full == "wait" and (retry is None or retry > WAIT_MAX):
            on_full = "deny"
        return Decision(False, "budget_exceeded", *by, retry, ever, remaining=self.remaining(links), on_full=on_full)

    def overflow_of(self, path, name):
        """The path with the overflow of a full budget in its place."""
        full = next(link for link in path.links if link.name == name)
        if full.instead_of or not full.definition or full.definition.overflow is None:
            return None
        before = {link.name: link.instead_of for link in path.links if link is not full}
        more = [other for other in self.path(full.definition.overflow) if other not in before]
        path = self.path_of(path.tx, path.now, [*before, *more])
        for link in path.links:
            link.instead_of = name if link.name in more else before[link.name]
        return path

    def payer_of(self, path, name):
        """The definition of who pays for the budget that was asked: it, its overflow, or what is above it."""
        links = {link.name: link for link in path.links}
        while name is not None:
            definition = self.store.budgets.get(name)
            link = links.get(name) or (links.get(definition.overflow) if definition else None)
            if link:
                return link.definition
            name = definition.parent if definition else None
        return None

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

    def acquire(self, tx, now, budget, amounts, lease, key=None, also=()):
        tx.begin_statement()
        path, request = self.resolved(tx, now, budget, *also), (frozenset((budget, *also)), tuple(amounts))
        try:
            lock = None if key is None else tx.lock(("key", key))
        except Busy:
            return Decision(False, "contention", retry_after=50000)
        if key is not None:
            for row, permit in tx.permits().items():
                if permit.key == key and permit.state in LIVE:
                    if permit.request != request:
                        raise Failure("22023")
                    tx.unlock(lock)
                    return Decision(True, duplicate=True, permit=row)
        decision = self.admit_or_overflow(tx, now, path, list(amounts) + [1], lease, key, request, budget)
        if key is not None and decision.granted:
            tx.noted = True
        elif key is not None:
            tx.unlock(lock)
        return decision

    def admit_or_overflow(self, tx, now, path, asked, lease, key, request, payer):
        refusals, paid_by = [], []
        while True:
            decision = self.admit(tx, now, path, asked, lease, key, request, payer)
            if decision.granted or decision.reason != "budget_exceeded":
                break
            refusals.append(decision)
            path = self.overflow_of(path, decision.denied_by) if decision.facts[0] is not None else None
            if path is None:
                retries = [one.retry_after for one in refusals if one.retry_after is not None]
                decision.retry_after = min(retries, default=None)
                decision.can_ever_fit = any(one.can_ever_fit for one in refusals)
                break
            paid_by.append(self.store.budgets[decision.denied_by].overflow)
        if decision.granted:
            decision.paid_by = paid_by or None
        return decision

    def admit(self, tx, now, path, asked, lease, key, request, payer):
        may_reap = not tx.noted
        for turn in range(len(path.links) + 1):
            answer = self.enter(path, asked, self.plan_hold(asked))
            if answer is None:
                break
            if answer == "refused":
                self.peek(path)
                decision = self.judge(path.links, asked, path.at)
            if answer == "busy" or decision.granted:
                return Decision(False, "contention", retry_after=50000)
            if turn == len(path.links) or not may_reap or not decision.can_ever_fit or not self.expire_ended(tx, now, INLINE, False, decision.denied_by):
                return decision
        self.write(path)
        decision = Decision(True, remaining=self.remaining(path.links), permit=("permit", self.store.next()))
        tx.write(decision.permit, Permit([link.name for link in path.links], [amount or 0 for amount in asked], now + lease,
                                         self.payer_of(path, payer).on_expiry != "release", key, request, payer=payer))
        return decision

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

    @staticmethod
    def refund_reaches(link, permit):
        """What was charged in a window that is over stays there."""
        return link is None or link.counter.covers(permit.settled_at)

    def plan_charge(self, path, permit, amounts):
        for link in filter(None, map(path.of, permit.budgets)):
            takes_back = any(amount < 0 for amount in amounts) and self.refund_reaches(link, permit)
            link.change.used = [have + (amount if takes_back else max(amount, 0)) for have, amount in zip(link.change.used, amounts)]

    @staticmethod
    def plan_give_back(path, permit):
        for link in filter(None, map(path.of, permit.budgets)):
            link.change.held = [have - amount for have, amount in zip(link.change.held, permit.held)]

    def enter_charge(self, path, permit, event, amounts):
        plus, minus = [max(a, 0) for a in amounts], [min(a, 0) for a in amounts]
        path.tx.add_ledger(path.at, list(permit.budgets), event, plus, permit.payer)
        if any(minus):
            path.tx.add_ledger(path.at, [name for name in permit.budgets if self.refund_reaches(path.of(name), permit)], "refund", minus, permit.payer)

    @staticmethod
    def tell(path):
        """Thresholds that were reached since they were last told of."""
        for link in path.links:
            if not link.counter or not link.definition:
                continue
            for before, told in zip(link.warned, link.change.warned):
                for percent in link.definition.thresholds:
                    if before < percent <= told:
                        path.tx.add_ledger(path.at, [link.name], "threshold", [0] * 3)
                        path.tx.levels[-1].notified = True

    @staticmethod
    def replayed(permit, to, final):
        same = permit.state == to or (permit.state, to) in (("l", "c"), ("d", "f"))
        capped = any(want > held == charged for want, held, charged in zip(final, permit.held, permit.charged))
        unbilled = permit.unbilled if capped and same else [0] * 3
        return same and permit.charged == [want - over for want, over in zip(final, unbilled)]

    def overrun(self, path, permit, final):
        """Overrun cap: no more is charged than was held."""
        payer = self.payer_of(path, permit.payer)
        if not payer or payer.overrun != "cap":
            return [0] * 3
        return [max(want - held, 0) for want, held in zip(final, permit.held[:2])] + [0]

    def settle(self, tx, now, row, to, tokens=None, money=None, of_call=False):
        """Commit (to c), release (to x), fail (to f), defer (to d), or leave open what came of it (to u)."""
        tx.begin_statement()
        permit = self.lock_permit(tx, row)
        if not of_call and permit.call:
            raise Failure("55000")
        return self.end(tx, now, row, permit, to, tokens, money)

    def end(self, tx, now, row, permit, to, tokens=None, money=None):
        estimate = permit.charged if permit.state in UNANSWERED and permit.charge_on_expiry else permit.held
        final = [0, 0, 0] if to == "x" else [estimate[TOKENS] if tokens is None else tokens,
                                             estimate[MONEY] if money is None else money, permit.held[CALLS]]
        if permit.state not in OPEN and permit.state not in UNANSWERED:
            return "replayed" if self.replayed(permit, to, final) else "conflict"
        path = self.of_permits(tx, now, [permit])
        over = self.overrun(path, permit, final)
        final = [want - more for want, more in zip(final, over)]
        delta = [new - old for new, old in zip(final, permit.charged)]

        def plan(path):
            if permit.state in OPEN:
                self.plan_give_back(path, permit)
            self.plan_charge(path, permit, delta)
        self.must_enter(path, plan)
        late = to != "u" and (permit.state == "e" or permit.lease_until <= now)
        if any(over):
            tx.add_ledger(path.at, list(permit.budgets), "unbilled", [0] * 3, permit.payer)
            permit.unbilled = over
        permit.charged = final
        self.enter_charge(path, permit, "late" if late else {"c": "commit", "x": "release", "f": "fail", "d": "fail", "u": "expire"}[to], delta)
        self.tell(path)
        self.write(path)
        permit.state = "l" if late and to == "c" else to
        permit.settled_at = path.at
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
        if permit.state == "d":
            tx.write(row, permit)       # what its key waits for is over
            return "released"
        return "replayed" if permit.state == "x" else "conflict"

    # corrections

    def adjust(self, tx, now, name, amounts):
        tx.begin_statement()
        path = self.resolved(tx, now, name)
        if not any(amounts):
            return False
        for link in path.links:
            link.exact = True

        def plan(path):
            for link in path.links:
                if any(amount < 0 and used < -amount for count in link.counter.windows for used, amount in zip(count.used, amounts)):
                    raise Failure("22023")
                link.change.used = list(amounts)
        self.must_enter(path, plan)
        tx.add_ledger(path.at, [link.name for link in path.links], "adjust", list(amounts))
        self.tell(path)
        self.write(path)
        return True

    def reset_window(self, tx, now, name, limit_name):
        """Whether the counter was ahead of the clock; the clock must have moved since it was last used."""
        tx.begin_statement()
        self.path(name)
        definition = self.store.budgets[name]
        counter = self.take_alone(tx, name, definition)
        tx.noted = True
        ahead = counter.seen > now
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
        tx.write_counter(name, counter)
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
            path, more = self.of_permits(tx, now, [permit]), (tokens, money, 0, 0)
            answer = self.enter(path, more, self.plan_hold(more))
            if answer:
                raise Failure("TC002" if answer == "refused" else "55P03")
            self.write(path)
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
        path = self.of_permits(tx, now, [permit for _, permit in ended])
        charge = lambda permit: permit.held[:3] if permit.charge_on_expiry else [0, 0, 0]

        def plan(path):
            for _, permit in ended:
                self.plan_give_back(path, permit)
                self.plan_charge(path, permit, charge(permit))
        if self.enter(path, None, plan):
            if must:
                raise Failure("55P03")
            return 0
        for row, permit in ended:
            delta = charge(permit)
            permit.charged = [have + more for have, more in zip(permit.charged, delta)]
            self.enter_charge(path, permit, "expire", delta)
            permit.state, permit.settled_at = "e", path.at
            tx.write(row, permit)
        self.tell(path)
        self.write(path)
        return len(ended)

    def reap(self, tx, now, batch):
        tx.begin_statement()
        return self.expire_ended(tx, now, min(batch, MOST), True)
