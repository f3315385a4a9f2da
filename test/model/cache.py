#!/usr/bin/python3
"""The cache against a reference model, over random histories.

    test/model/cache.py [HISTORIES [SEED]]      default: 16 histories, the seed of lib/seed.py
    test/model/cache.py replay HISTORY_SEED     one history again, every step printed

Several sessions, one step at a time: sets (at COMMIT and at once), gets, leases,
fills, stale values, failures, invalidations of key, tool, tag and tenant, savepoints, errors, rollbacks,
two-phase commits, killed backends, and entries that expire.  Because steps do not
overlap, the model knows each one's outcome exactly, but for the moment between an
entry's earliest and latest possible end, where both are taken.

What is wrong in any case fails at once: a value that is not the one the model
has, a hit where there must be none, a lease or a fill that must be refused.  A miss
or refusal where the model has a value may also be two names that share a counter
(keys and tags do, by their hash), so such a history is replayed in tenants of other
names, where the hashes differ; it fails when it goes wrong there too.

Every history has its own seed, printed when it fails.
"""
import json
import random
import sys
import time

import psycopg

from lib import seed as seed_of

HISTORIES, SESSIONS, STEPS = 16, 4, 90
SHORT, SHORT_LEASE = 0.04, 0.04
TRIES = 3


class Wrong(Exception):
    """The cache did what it must never do."""


class Missing(Exception):
    """The cache did less than it should."""


class Entry:
    """A value with the earliest and the latest moment at which it may end, and at which it is stale."""

    def __init__(self, value, tags, terms, before, after):
        self.value, self.tags, self.negative = value, tags, terms.negative
        self.ends = before + terms.seconds, after + terms.seconds
        # a deadline is kept in milliseconds
        self.soft = (before + terms.soft - 0.001, after + terms.soft + 0.001) if terms.soft else None


class Terms:
    """What a value is stored with, besides its tags."""

    def __init__(self, chance):
        kind = chance.choices(["long", "short", "soft", "negative"], [6, 2, 2, 1])[0]
        self.short = kind in ("short", "soft")
        self.seconds = SHORT if kind == "short" else 3600
        self.soft = SHORT if kind == "soft" else None
        self.negative = kind == "negative"

    def __str__(self):
        return f"ttl={self.seconds} s" + (f" soft={self.soft} s" if self.soft else "") + (" negative" if self.negative else "")

    @property
    def values(self):
        return f"{self.seconds} s", f"{self.soft} s" if self.soft else None, self.negative


class Lease:
    def __init__(self, token, key, born, ends):
        self.token, self.key, self.born, self.ends = token, key, born, ends


class Op:
    """One step of a transaction: what is "set", or a "key", "tool", "tag" or "tenant" that is invalidated."""

    def __init__(self, kind, target, level, entry=None, lease=None):
        self.kind, self.target, self.level, self.entry, self.lease = kind, target, level, entry, lease
        self.foreign = False


def certain(ends, before, after):
    """True: lives during the whole step; False: has ended before it; None: either."""
    if after < ends[0]:
        return True
    return False if before >= ends[1] else None


def touches(kind, target, key, tags):
    """Whether an invalidation concerns a key with these tags."""
    tenant, tool = key[0], key[1]
    return {"key": target == key, "tool": target == (tenant, tool), "tenant": target == tenant,
            "tag": target in [(tenant, tag) for tag in tags]}[kind]


class Shared:
    """What everybody sees: entries, leases, and when what was last invalidated."""

    def __init__(self):
        self.entries, self.leases, self.stamps, self.clock = {}, {}, {}, 0

    def tick(self):
        self.clock += 1
        return self.clock

    def stamp(self, key, tags):
        """The latest invalidation of anything that this depends on."""
        targets = [("key", key), ("tool", key[:2]), ("tenant", key[0])] + [("tag", (key[0], tag)) for tag in tags]
        return max(self.stamps.get(target, 0) for target in targets)

    def lease_of(self, token):
        return next((lease for lease in self.leases.values() if lease.token == token), None)

    def store(self, key, entry):
        self.entries[key] = entry
        self.leases.pop(key, None)

    def invalidate(self, kind, target):
        for key, entry in list(self.entries.items()):
            if touches(kind, target, key, entry.tags):
                del self.entries[key]
        if kind == "key":
            self.leases.pop(target, None)


class Transaction:
    def __init__(self, begin, repeatable):
        self.begin, self.repeatable, self.level = begin, repeatable, 1
        self.ops, self.grants, self.failed = [], [], False

    def drop(self, shared, level):
        self.ops = [op for op in self.ops if op.level < level]
        for grant in [grant for grant in self.grants if grant[1] >= level]:
            lease = shared.leases.get(grant[0].key)
            if lease is grant[0]:
                del shared.leases[lease.key]
            self.grants.remove(grant)

    def merge(self, level):
        for op in self.ops:
            op.level = min(op.level, level - 1)
        self.grants = [(lease, min(at, level - 1), seq) for lease, at, seq in self.grants]

    def own(self, key):
        """("set", entry), ("hidden", None) or (None, None)."""
        latest, hidden = None, -1
        for seq, op in enumerate(self.ops):
            if op.kind == "set" and op.target == key:
                latest = seq
        tags = self.ops[latest].entry.tags if latest is not None else ()
        for seq, op in enumerate(self.ops):
            if op.kind != "set" and touches(op.kind, op.target, key, tags):
                hidden = seq
        if latest is not None and latest > hidden:
            return "set", self.ops[latest].entry
        return ("hidden", None) if latest is not None or hidden >= 0 else (None, None)

    def born(self, lease):
        """Who fills in the transaction that took the lease may have read before it."""
        return min(lease.born, self.begin) if any(other is lease for other, _, _ in self.grants) else lease.born

    def hides(self, key, tags):
        return any(op.kind != "set" and touches(op.kind, op.target, key, tags) for op in self.ops)

    def commit(self, shared):
        stamp = shared.tick()
        for op in self.ops:
            if op.kind != "set":
                old = shared.stamps.get((op.kind, op.target), 0)
                op.foreign = old > self.begin and old != stamp
                shared.stamps[op.kind, op.target] = stamp
                shared.invalidate(op.kind, op.target)
        for seq, op in enumerate(self.ops):
            if op.kind == "set" and not any(later.kind in ("set", "key") and later.target == op.target for later in self.ops[seq + 1:]):
                self.publish(shared, seq, op)

    def publish(self, shared, seq, op):
        key, tags = op.target, op.entry.tags
        mine, refused = False, False
        for target in [("key", key), ("tool", key[:2]), ("tenant", key[0])] + [("tag", (key[0], tag)) for tag in tags]:
            own = [(at, other) for at, other in enumerate(self.ops) if (other.kind, other.target) == target]
            if any(at > seq or other.foreign for at, other in own):
                refused = True
            elif own:
                mine = True
            elif op.lease is None and shared.stamps.get(target, 0) > self.begin:
                refused = True
        held = op.lease is not None and shared.leases.get(key) is op.lease
        if refused or (mine and op.lease is not None):
            if held:
                del shared.leases[key]
        elif op.lease is None:
            shared.store(key, op.entry)
        elif held:
            del shared.leases[key]
            if shared.stamp(key, tags) <= self.born(op.lease):
                shared.store(key, op.entry)


class Session:
    def __init__(self):
        self.transaction = None
        self.connect()

    def connect(self):
        self.connection = psycopg.connect(autocommit=True, prepare_threshold=None, options="-c statement_timeout=300s")
        self.pid = self.connection.info.backend_pid

    def run(self, query, *values):
        """(rows, moment before, moment after)"""
        before = time.time()
        cursor = self.connection.execute(query, values)
        rows = cursor.fetchall() if cursor.description else []
        return rows, before, time.time()


class History:
    def __init__(self, seed, attempt, sessions, verbose=False):
        self.random = random.Random(seed)
        self.seed, self.verbose = seed, verbose
        self.sessions, self.shared = sessions, Shared()
        self.tenants = [f"m{seed}.{attempt}.{i}" for i in range(2)]
        # few, so that steps meet
        self.keys = self.random.sample([(tenant, tool, args, scope) for tenant in self.tenants for tool in ("a", "b")
                                        for args, scope in ((1, "s"), (2, "s"), (1, ""))], 4)
        self.serial, self.short, self.steps, self.lost = 0, False, [], []

    # ----- small parts -----

    def note(self, session, what):
        self.steps.append(f"s{self.sessions.index(session)}: {what}")
        if self.verbose:
            print(self.steps[-1], flush=True)

    def value(self, key):
        self.serial += 1
        return {"key": [str(part) for part in key[1:]] + [self.tenants.index(key[0])], "n": self.serial, "pad": "x" * self.random.choice([0, 10, 500, 3000, 40000])}

    def tags(self):
        return tuple(self.random.sample(["red", "blue", "green"], self.random.choice([0, 0, 1, 2])))

    def terms(self):
        terms = Terms(self.random)
        self.short = self.short or terms.short
        return terms

    def now(self, session):
        """The transaction that a step belongs to, and whether it ends with the step."""
        if session.transaction:
            return session.transaction, False
        return Transaction(self.shared.tick(), False), True

    def end(self, transaction, implicit):
        if implicit:
            transaction.commit(self.shared)

    def expect(self, ok, what, soft=False):
        if not ok:
            raise (Missing if soft else Wrong)(what)

    def seen(self, transaction, key, before, after):
        """What a lookup may see: (entry or None, certain, hidden by the transaction itself)."""
        how, entry = transaction.own(key)
        if how == "hidden":
            return None, True, True
        if how == "set":
            alive = certain(entry.ends, before, after)
            return (entry, alive is True, True) if alive is not False else (None, True, True)
        entry = self.shared.entries.get(key)
        if entry is None:
            return None, True, False
        if transaction.hides(key, entry.tags):
            return None, True, True
        alive = certain(entry.ends, before, after)
        return (entry, alive is True, False) if alive is not False else (None, True, False)

    def check_seen(self, entry, sure, value, what):
        """Holds a value, or None, against what may be seen."""
        if value is not None:
            self.expect(entry is not None, f"{what}: a hit, {str(value)[:90]}, where nothing may be seen")
            self.expect(value == entry.value, f"{what}: {str(value)[:90]} instead of {str(entry.value)[:90]}")
        else:
            self.expect(entry is None or not sure, f"{what}: a miss instead of {str(entry and entry.value)[:90]}", soft=True)

    def ended(self, entry, before, after, seen):
        """An entry was seen at an uncertain moment, alive or not."""
        entry.ends = (max(entry.ends[0], before), entry.ends[1]) if seen else (min(entry.ends[0], before), min(entry.ends[1], after))

    # ----- the steps -----

    def do_get(self, session):
        key = self.random.choice(self.keys)
        self.note(session, f"get {key}")
        transaction, _ = self.now(session)
        rows, before, after = session.run("SELECT agentcore.cache_get(%s, %s::jsonb, %s, %s)", key[1], str(key[2]), key[3], key[0])
        self.look(transaction, key, rows[0][0], before, after, f"get {key}")

    def do_mget(self, session):
        key = self.random.choice(self.keys)
        many = [self.random.choice([1, 2]) for _ in range(self.random.randint(0, 4))]
        self.note(session, f"mget {key[:2]} {key[3]!r} {many}")
        transaction, _ = self.now(session)
        rows, before, after = session.run("SELECT agentcore.cache_mget(%s, %s::jsonb[], %s, %s)", key[1], [str(one) for one in many], key[3], key[0])
        self.expect(len(rows[0][0]) == len(many), f"mget gave {len(rows[0][0])} values for {len(many)}")
        for one, value in zip(many, rows[0][0]):
            self.look(transaction, (key[0], key[1], one, key[3]), value, before, after, f"mget {one} of {many}")

    def look(self, transaction, key, value, before, after, what):
        entry, sure, _ = self.seen(transaction, key, before, after)
        if entry is not None and entry.negative:
            self.expect(value is None, f"{what}: a failure shown as an answer")
            return
        self.check_seen(entry, sure, value, what)
        if entry is not None and not sure:
            self.ended(entry, before, after, value is not None)

    def do_set(self, session):
        key, tags, terms = self.random.choice(self.keys), self.tags(), self.terms()
        value = self.value(key)
        at_once = self.random.random() < 0.3
        self.note(session, f"set {key} n={value['n']} tags={tags} {terms} {'immediate' if at_once else ''}")
        transaction, implicit = self.now(session)
        rows, before, after = session.run(
            "SELECT agentcore.cache_set(%s, %s::jsonb, %s::jsonb, %s::interval, soft_ttl => %s::interval, negative => %s,"
            " scope => %s, tags => %s, publish => %s, tenant => %s)",
            key[1], str(key[2]), json.dumps(value), *terms.values, key[3], list(tags), "immediate" if at_once else "commit", key[0])
        entry = Entry(value, tags, terms, before, after)
        if at_once and transaction.own(key)[0] is None and not transaction.hides(key, tags):
            stored = self.shared.stamp(key, tags) <= transaction.begin
            self.expect(rows[0][0] is stored, f"an immediate set of {key} answered {rows[0][0]}", soft=stored)
            if stored:
                self.shared.store(key, entry)
        else:
            self.expect(rows[0][0], f"a set of {key} was refused", soft=True)
            transaction.ops.append(Op("set", key, transaction.level, entry))
            self.end(transaction, implicit)

    def do_invalidate(self, session):
        kind = self.random.choices(["key", "tool", "tag", "tenant"], [6, 2, 3, 1])[0]
        key = self.random.choice(self.keys)
        target = {"key": key, "tool": key[:2], "tag": (key[0], self.random.choice(["red", "blue", "green"])), "tenant": key[0]}[kind]
        self.note(session, f"invalidate {kind} {target}")
        transaction, implicit = self.now(session)
        if kind == "key":
            rows, before, after = session.run("SELECT agentcore.cache_invalidate(%s, %s::jsonb, %s, tenant => %s)", key[1], str(key[2]), key[3], key[0])
            entry, sure, _ = self.seen(transaction, key, before, after)
            self.expect(entry is not None or not rows[0][0], f"invalidate {key} says there was a value")
            self.expect(rows[0][0] or entry is None or entry.negative or not sure, f"invalidate {key} says there was no value", soft=True)
        elif kind == "tool":
            session.run("SELECT agentcore.cache_invalidate_tool(%s, %s)", target[1], target[0])
        elif kind == "tag":
            session.run("SELECT agentcore.cache_invalidate_tag(%s, %s)", target[1], target[0])
        else:
            session.run("SELECT agentcore.cache_clear(%s)", target)
        transaction.ops.append(Op(kind, target, transaction.level))
        self.end(transaction, implicit)

    def do_fetch(self, session):
        key = self.random.choice(self.keys)
        brief = self.random.random() < 0.2
        lasts = SHORT_LEASE if brief else 3600
        self.short = self.short or brief
        transaction, _ = self.now(session)
        rows, before, after = session.run("SELECT status, value, lease FROM agentcore.cache_fetch(%s, %s::jsonb, %s, '0', %s::interval, %s)",
                                          key[1], str(key[2]), key[3], f"{lasts} s", key[0])
        status, value, token = rows[0]
        self.note(session, f"fetch {key} -> {status} {token or ''}")
        entry, sure, own = self.seen(transaction, key, before, after)
        self.expect(status in ("hit", "stale", "negative", "lead", "busy"), f"fetch {key}: status {status}")
        self.expect(token is None if status == "busy" else status != "lead" or token is not None, f"fetch {key}: {status}, lease {token}")
        if status in ("lead", "busy"):
            self.expect(value is None, f"fetch {key}: {status} with a value")
        self.check_seen(entry, sure, value, f"fetch {key} -> {status}")
        if entry is not None and not sure:
            self.ended(entry, before, after, value is not None)
        if value is not None:
            due = certain(entry.soft, before, after) if entry.soft else True
            self.expect((status == "negative") == entry.negative, f"fetch {key}: {status} of what is {'a failure' if entry.negative else 'none'}")
            self.expect(status != "hit" or due is not False, f"fetch {key}: a hit past its soft deadline")
            self.expect(status != "stale" or due is not True, f"fetch {key}: stale before its soft deadline")
            if status != "stale" or own:
                self.expect(token is None, f"fetch {key}: {status} with a lease")
                return
        lease = self.shared.leases.get(key)
        alive = lease is not None and self.untouched(lease) and certain(lease.ends, before, after)
        if token is None:
            self.expect(alive is not False, f"fetch {key}: {status}, but nobody leads", soft=True)
            return
        self.expect(alive is not True, f"fetch {key}: two leaders")
        born = transaction.begin if transaction.repeatable else self.shared.tick()
        lease = Lease(token, key, born, (before + lasts, after + lasts))
        self.shared.leases[key] = lease
        self.lost.append(lease)
        transaction.grants.append((lease, transaction.level, len(transaction.ops)))

    def untouched(self, lease):
        return self.shared.stamp(lease.key, ()) <= lease.born

    def do_fill(self, session):
        if not self.lost:
            return
        lease = self.random.choice(self.lost[-6:])
        key, tags, terms = lease.key, self.tags(), self.terms()
        value = self.value(key)
        transaction, implicit = self.now(session)
        rows, before, after = session.run("SELECT agentcore.cache_fill(%s, %s::jsonb, %s::interval, soft_ttl => %s::interval, negative => %s, tags => %s, tenant => %s)",
                                          lease.token, json.dumps(value), *terms.values, list(tags), key[0])
        filled = rows[0][0]
        self.note(session, f"fill {key} {lease.token} n={value['n']} tags={tags} {terms} -> {filled}")
        # the caller's own earlier invalidations concern a lease only when they are younger than it
        hidden = [seq for seq, op in enumerate(transaction.ops) if op.kind != "set" and touches(op.kind, op.target, key, tags)]
        granted = [seq for other, _, seq in transaction.grants if other is lease]
        state = "lease" if not hidden else "set" if granted and granted[0] > max(hidden) else "lost"
        held = self.shared.leases.get(key) is lease
        ok = held and state != "lost" and self.shared.stamp(key, tags) <= transaction.born(lease)
        # the place of a lease whose time is over goes to whoever needs it, but until then it may be filled
        if not (held and not filled and certain(lease.ends, before, after) is not True):
            self.expect(filled is ok, f"fill {key} answered {filled}, lease {'held' if held else 'not held'}, {state}", soft=ok)
        if filled and ok:
            entry = Entry(value, tags, terms, before, after)
            transaction.ops.append(Op("set", key, transaction.level, entry, lease if state == "lease" else None))
            self.end(transaction, implicit)
        elif held:
            del self.shared.leases[key]

    def do_abandon(self, session):
        if not self.lost:
            return
        lease = self.random.choice(self.lost[-6:])
        rows, before, after = session.run("SELECT agentcore.cache_abandon(%s, %s)", lease.token, lease.key[0])
        self.note(session, f"abandon {lease.key} {lease.token} -> {rows[0][0]}")
        held = self.shared.leases.get(lease.key) is lease
        over = certain(lease.ends, before, after) is not True
        self.expect(rows[0][0] is held or (held and over), f"abandon answered {rows[0][0]}", soft=held)
        if held:
            del self.shared.leases[lease.key]

    def do_begin(self, session):
        if session.transaction:
            return
        repeatable = self.random.random() < 0.25
        self.note(session, "begin" + (" repeatable read" if repeatable else ""))
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ" if repeatable else "BEGIN")
        session.transaction = Transaction(self.shared.tick(), repeatable)

    def do_end(self, session):
        transaction = session.transaction
        if not transaction:
            return
        how = self.random.choices(["COMMIT", "ROLLBACK", "PREPARE"], [6, 3, 1])[0]
        self.note(session, how)
        session.transaction = None
        if how == "PREPARE":
            self.prepare(session, transaction)
            return
        session.run(how)
        if how == "COMMIT" and not transaction.failed:
            transaction.commit(self.shared)
        else:
            transaction.drop(self.shared, 0)

    def prepare(self, session, transaction):
        # a fill that the same transaction has overwritten since may be forgotten already
        kept = [op for seq, op in enumerate(transaction.ops)
                if op.kind != "set" or not any((later.kind, later.target) == ("set", op.target) for later in transaction.ops[seq + 1:])]
        must = bool(transaction.grants) or any(op.kind != "set" or op.lease for op in kept)
        refused = must or any(op.lease for op in transaction.ops)
        name = f"{self.tenants[0]}.{self.serial}.{len(self.steps)}"
        try:
            session.run(f"PREPARE TRANSACTION '{name}'")
            prepared = session.connection.execute("SELECT count(*) FROM pg_prepared_xacts WHERE gid = %s", (name,)).fetchone()[0] == 1
            self.expect(transaction.failed or not must, "PREPARE with invalidations or leases was accepted")
            if prepared:
                session.run(f"COMMIT PREPARED '{name}'")
        except psycopg.errors.FeatureNotSupported as error:
            self.expect(refused, f"PREPARE was refused: {error}")
        transaction.drop(self.shared, 0)

    def do_savepoint(self, session):
        transaction = session.transaction
        if not transaction or transaction.failed or transaction.level > 4:
            return
        transaction.level += 1
        self.note(session, f"savepoint l{transaction.level}")
        session.run(f"SAVEPOINT l{transaction.level}")

    def do_back(self, session):
        """ROLLBACK TO or RELEASE of any savepoint there is."""
        transaction = session.transaction
        if not transaction or transaction.level == 1:
            return
        level = self.random.randint(2, transaction.level)
        if transaction.failed or self.random.random() < 0.6:
            self.back(session, level)
        else:
            self.release(session, level)

    def back(self, session, level=None):
        transaction = session.transaction
        level = level or transaction.level
        self.note(session, f"rollback to l{level}")
        session.run(f"ROLLBACK TO l{level}")
        transaction.drop(self.shared, level)
        transaction.level, transaction.failed = level, False

    def release(self, session, level=None):
        transaction = session.transaction
        level = level or transaction.level
        self.note(session, f"release l{level}")
        session.run(f"RELEASE l{level}")
        transaction.merge(level)
        transaction.level = level - 1

    def do_nest(self, session):
        """What a savepoint released to its parent, a later one's rollback must leave alone."""
        transaction = session.transaction
        if not transaction or transaction.failed or transaction.level > 3:
            return
        for step in (self.do_savepoint, self.do_set, self.do_invalidate, self.release, self.do_savepoint, self.do_set, self.back):
            step(session)
        self.do_get(session)

    def do_fail(self, session):
        transaction = session.transaction
        if not transaction or transaction.failed:
            return
        self.note(session, "fail")
        try:
            session.run("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            pass
        transaction.drop(self.shared, transaction.level)
        transaction.failed = True

    def do_expire(self, session):
        if self.short:
            self.note(session, "wait")
            time.sleep(SHORT * 1.2)
            self.short = False

    def do_kill(self, session):
        """SIGTERM to the session's backend, from another; a new one takes its place."""
        if self.random.random() > 0.25:
            return
        others = [one for one in self.sessions if one is not session and not (one.transaction and one.transaction.failed)]
        if not others:
            return
        other = others[0]
        self.note(session, "killed")
        other.run("SELECT pg_terminate_backend(%s, 600000)", session.pid)
        session.connection.close()
        if session.transaction:
            session.transaction.drop(self.shared, 0)
            session.transaction = None
        session.connect()

    STEPS = {do_get: 16, do_mget: 5, do_set: 16, do_invalidate: 9, do_fetch: 16, do_fill: 10, do_abandon: 2, do_begin: 9,
             do_end: 6, do_savepoint: 8, do_back: 6, do_nest: 3, do_fail: 1, do_expire: 3, do_kill: 1}

    def run(self):
        session = self.sessions[0]
        for _ in range(STEPS):
            if self.random.random() < 0.4:
                session = self.random.choice(self.sessions)
            step = self.random.choices(list(self.STEPS), list(self.STEPS.values()))[0]
            if session.transaction and session.transaction.failed and step not in (History.do_end, History.do_back):
                continue
            step(self, session)
        self.finish()

    def finish(self):
        """Everybody ends; what is left is what the model has, nothing is fenced, nothing is off."""
        for session in self.sessions:
            if session.transaction:
                session.run("ROLLBACK")
                session.transaction.drop(self.shared, 0)
                session.transaction = None
        session = self.sessions[0]
        self.note(session, "finish")
        for key in self.keys:
            rows, before, after = session.run("SELECT agentcore.cache_get(%s, %s::jsonb, %s, %s)", key[1], str(key[2]), key[3], key[0])
            self.look(Transaction(self.shared.tick(), False), key, rows[0][0], before, after, f"at the end, get {key}")
            rows, _, _ = session.run("SELECT agentcore.cache_set(%s, %s::jsonb, '1', NULL, %s, %s, 'immediate', tenant => %s)",
                                     key[1], str(key[2]), key[3], ["red", "blue", "green"], key[0])
            self.expect(rows[0][0], f"at the end {key} cannot be set: a fence is left behind")
        self.expect(session.run("SELECT agentcore.cache_verify()")[0][0][0], "cache_verify")
        for tenant in self.tenants:
            session.run("SELECT agentcore.cache_clear(%s)", tenant)
        self.give_back()

    def give_back(self):
        """Leases outlive their tenant's history: those of many would crowd a later one's."""
        for lease in self.lost:
            self.sessions[0].run("SELECT agentcore.cache_abandon(%s, %s)", lease.token, lease.key[0])

    def clean(self):
        for session in self.sessions:
            session.transaction = None
            session.connection.close()
            session.connect()
        self.give_back()


def judge(seed, sessions, verbose=False):
    """None when the history is as the model says, else what was wrong, with its steps."""
    for attempt in range(TRIES):
        history = History(seed, attempt, sessions, verbose)
        try:
            history.run()
            return None
        except Missing as error:
            found = error
        except (Wrong, psycopg.Error) as error:
            found = error
            attempt = TRIES
        history.clean()
        if attempt == TRIES:
            break
    return f"history {seed}: {type(found).__name__}: {found}\n" + "\n".join("    " + step for step in history.steps[-40:])


def main():
    if sys.argv[1:2] == ["replay"]:
        print(judge(int(sys.argv[2]), [Session() for _ in range(SESSIONS)], True) or "1 passed, 0 failed")
        return 0
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else HISTORIES
    seed = seed_of.chosen(*sys.argv[2:3])
    print(f"seed {seed}", flush=True)
    sessions, passed = [Session() for _ in range(SESSIONS)], 0
    while passed < histories:
        wrong = judge(seed * 1000 + passed, sessions)
        if wrong:
            print(f"{wrong}\nagain: test/model/cache.py replay {seed * 1000 + passed}\n{passed} passed, 1 failed")
            return 1
        passed += 1
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
