#!/usr/bin/python3
"""Budgets against a reference model, over random histories.

    test/model/budget.py [HISTORIES [SEED]]     default: 12 histories, the seed of lib/seed.py
    test/model/budget.py replay HISTORY_SEED    one history again, every step printed

Several sessions, one step at a time: permits acquired (with keys and without),
committed, released, extended, replayed and left to expire; permits that are calls of the
gate, which fail, are deferred, end with nobody knowing how, are resolved and given up; budgets in a hierarchy whose
limits, windows of every kind, thresholds, parents, overflows and what they say when they
are full change, which are corrected and reset; savepoints, rollbacks, stricter isolation, two-phase
commits, killed backends, and clients that are gone before they hear of their COMMIT.
Transactions overlap, steps do not, so the model (lib/budget_reference.py) knows each
answer, contention included; of a COMMIT whose answer was lost the server is asked.
In every other history all budgets have an entry in shared memory at once, so that
overlapping transactions share budgets; rows are also written by hand, which costs the
entries.

The clock is moved by agentcore.debug_clock_offset before every step: it begins in a year
of the seed's, whatever today is, stands still, creeps, leaps over windows and runs back.  Every span and every edge of a window is kept
seconds away from every step, so that how long a step takes decides nothing.

After every step all rows are held against the model's (of a counter the sum of its
rows), and budget_verify() must be silent; no entry was ever other than its rows, and
nothing stays in flight.  Every history has its own seed, printed when it fails.
"""
import random
import sys
import time
from dataclasses import replace

sys.dont_write_bytecode = True
import psycopg

from lib import budget_reference as reference
from lib import seed as seed_of
from lib.budget_reference import DAY, SECOND, Budgets, Definition, Failure, Limit, Store, Transaction, Window

HISTORIES, SESSIONS, STEPS = 12, 4, 70
STEP = 10 * SECOND              # steps are at this grid plus OFF, spans and edges at it plus 5 s or 0 s
OFF = 3 * SECOND
# seconds that a step may take before its clock is elsewhere; a history that went wrong after such a step is done again
STALL, TRIES = 1.5, 5
MINUTE = 60 * SECOND
BEGINNING, YEARS = reference.micros(reference.datetime(2024, 1, 1, tzinfo=reference.UTC)), 8
NAMES = ["run", "agent", "team", "org", "other"]
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]
TABLES = "budget, budget_limit, budget_counter, permit, budget_ledger"


class Wrong(Exception):
    """The database does otherwise than the model."""


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, Raw)) else "'" + str(value).replace("'", "''") + "'"


class Raw(str):
    """An expression as it stands."""


def call(function, *positional, **named):
    arguments = [literal(value) for value in positional] + [f"{name} => {literal(value)}" for name, value in named.items()]
    return f"agentcore.{function}({', '.join(arguments)})"


def whole(setter, *keys, **members):
    """A setter with nothing left as it is: what is None is reset."""
    reset = [name for name, value in members.items() if value is None]
    return call(setter, *keys, **{name: value for name, value in members.items() if value is not None}, reset="{%s}" % ",".join(reset))


def span(microseconds):
    return f"{microseconds // SECOND} s"


def money(nanousd):
    return None if nanousd is None else Raw(f"{nanousd}e-9")


class Session:
    stalled = False             # any of them

    def __init__(self, name):
        self.name, self.transaction, self.failed, self.isolation, self.entries = name, None, False, "", "off"
        self.connect()

    def connect(self):
        self.connection = psycopg.connect(autocommit=True)
        self.connection.execute("SET agentcore.budget_lock_wait = '1ms'; SET client_min_messages = error")
        self.set_entries(self.entries)
        self.pid = self.connection.info.backend_pid

    def set_entries(self, entries):
        self.entries = entries
        self.connection.execute(f"SET agentcore.debug_budget_entries = {entries}")

    def run(self, sql, at=None):
        """The rows of a statement, run when the clock says "at"."""
        moved = "" if at is None else f"SET agentcore.debug_clock_offset = {(at - round(time.time() * SECOND)) // 1000 + 1}; "
        begun = time.monotonic()
        try:
            cursor = self.connection.execute(moved + sql)
        finally:
            Session.stalled |= time.monotonic() - begun > STALL
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else None


class History:
    def __init__(self, seed, sessions, admin, verbose):
        self.random, self.sessions, self.admin, self.verbose, self.steps = random.Random(seed), sessions, admin, verbose, []
        self.shares = seed % 2 == 0     # transactions share budgets
        self.store = Store(entries=self.shares)
        self.model = Budgets(self.store)
        self.prepared = {}
        self.ids = {}               # a permit's row in the model -> its id
        self.now = (BEGINNING + self.random.randrange(YEARS * 365) * DAY + self.random.randrange(DAY)) // STEP * STEP + OFF
        admin.run(f"TRUNCATE {', '.join('agentcore.' + table for table in TABLES.split(', '))}")
        for session in sessions:
            session.set_entries("on" if self.shares else "off")
        self.repaired = self.entries()[0]
        # what call_fail() says depends on the failure only
        admin.run("SELECT agentcore.retry_policy_set('default', max_elapsed => '366 days')")

    def entries(self):
        return self.admin.run("SELECT repaired, in_flight FROM agentcore.stat_budget")[0]

    # --- the two sides ---

    def note(self, session, text):
        clock = (reference.EPOCH + reference.timedelta(microseconds=self.now)).strftime("%d %H:%M:%S")
        self.steps.append(f"[{clock}] {session.name}: {text}")
        if self.verbose:
            print(self.steps[-1], flush=True)

    def both(self, session, text, sql, operation):
        """One operation on both sides; their answers, or None when both failed alike."""
        self.note(session, text)
        alone = session.transaction is None
        tx = Transaction(self.store) if alone else session.transaction
        expected = failure = None
        try:
            expected = operation(tx)
        except Failure as error:
            failure = error.sqlstate
        try:
            answer = session.run(sql, self.now)
            got = None
        except psycopg.Error as error:
            answer, got = None, error.sqlstate
            self.steps[-1] += f" -> {got} {str(error).splitlines()[0]}"
        if answer is not None:
            self.steps[-1] += f" -> {answer[0]}"
        if self.verbose:
            print("        ", self.steps[-1].split(" -> ", 1)[-1], "| model:", failure or expected, flush=True)
        if got == "40001" and session.isolation == "SERIALIZABLE" and not alone:
            failure = got           # it may be stricter than need be
        if got != failure:
            raise Wrong(f"{text}: the database answers {got or answer}, the model {failure or expected}")
        if got is not None:
            if alone:
                tx.rollback()
            else:
                self.fail(session)
            return None
        if alone:
            tx.commit()
        return answer, expected

    @staticmethod
    def fail(session):
        """What the innermost level did and locked is gone at once."""
        session.transaction.drop_level()
        session.transaction.savepoint()
        session.failed = True

    def same(self, what, got, expected):
        if got != expected:
            raise Wrong(f"{what}: the database says {got}, the model {expected}")

    # --- definitions ---

    def random_window(self):
        kind = self.random.choice(["lifetime", "fixed", "fixed", "calendar", "sliding"])
        anchor = self.now // STEP * STEP - self.random.randint(0, 100000) * STEP if self.random.random() < 0.4 else None
        if kind == "fixed":
            return Window(kind, span=self.random.choice([10, 60, 90, 7 * 24 * 60]) * MINUTE, anchor=anchor)
        if kind == "sliding":
            return Window(kind, span=self.random.choice([4, 60, 90, 24 * 60]) * MINUTE, anchor=anchor)
        if kind == "calendar":
            days, months = self.random.choice([(1, 0), (2, 0), (7, 0), (0, 1), (0, 3)])
            return Window(kind, days=days, months=months, tz=self.random.choice(ZONES), anchor=anchor)
        return Window()

    def random_limit(self):
        most = lambda choices: self.random.choice(choices[2 if self.shares else 0:]) if self.random.random() < 0.5 else None
        return Limit(self.random_window(), (most([0, 1, 100, 300, 1000, reference.BIGGEST]), most([0, 10 ** 9, 3 * 10 ** 9, 9 * 10 ** 9]),
                                            most([0, 3, 8, 20])))

    def random_definition(self, name):
        above = NAMES[NAMES.index(name) + 1:] if self.random.random() < 0.9 else NAMES
        parents = [parent for parent in above if parent in self.store.budgets]
        thresholds = self.random.choice([(), (), (50, 80, 90, 100), (1,), (30, 100)] + ([(), ()] if self.shares else []))
        return Definition((self.random_limit(),), self.random.choice(parents + [None]) if parents else None,
                          self.random.choice([None, None, 2, 5]), self.random.choice(["release", "charge_estimate"]),
                          self.random.random() < 0.95, self.random.choice(["charge", "charge", "cap"]), thresholds,
                          self.random.choice(["deny", "deny", "wait", "ask"]),
                          self.random.choice(list(self.store.budgets)) if self.store.budgets and self.random.random() < 0.3 else None)

    @staticmethod
    def window_arguments(window):
        period = {"lifetime": None, "calendar": f"{window.days} days {window.months} months"}.get(window.kind, span(window.span))
        anchor = None if window.anchor is None else Raw(f"to_timestamp({window.anchor // SECOND})")
        return {"period": period, "kind": window.kind, "tz": window.tz, "anchor": anchor}

    def set_budget(self, session, name, definition):
        limit = definition.limits[0]
        sql = whole("budget_set", name, max_tokens=limit.max[0], max_usd=money(limit.max[1]), max_calls=limit.max[2], max_in_flight=definition.max_in_flight,
                    parent=definition.parent, on_expiry=definition.on_expiry, enabled=definition.enabled, overrun=definition.overrun, on_full=definition.on_full, overflow=definition.overflow,
                    thresholds="{%s}" % ",".join(map(str, definition.thresholds)),
                    **self.window_arguments(limit.window))
        answers = self.both(session, f"set {name} {definition}", "SELECT " + sql, lambda tx: self.model.define(tx, self.now, name, definition))
        if answers:
            self.same("changed", answers[0][0][0], answers[1])

    def do_set(self, session):
        """A new or an entirely other definition, or the same one in part."""
        if session.transaction:
            return
        name = self.random.choice(NAMES)
        new, old = self.random_definition(name), self.store.budgets.get(name)
        if old and self.random.random() < 0.7:
            part = self.random.choice(["max", "parent", "enabled", "on_expiry", "overrun", "thresholds", "on_full", "overflow", "nothing"])
            limits = (Limit(old.limits[0].window, new.limits[0].max),) + old.limits[1:]
            new = replace(old, **({"limits": limits} if part == "max" else {} if part == "nothing" else {part: getattr(new, part)}))
        elif old:
            new = replace(new, limits=new.limits[:1] + old.limits[1:])
        self.set_budget(session, name, new)

    def do_limit(self, session):
        """One more window of a budget, another one of that name, or one less."""
        if session.transaction:
            return
        name, limit_name = self.random.choice(NAMES), self.random.choice("xyz")
        if self.random.random() < 0.25:
            sql = call("budget_limit_drop", name, limit_name)
            operation = lambda tx: self.model.limit_drop(tx, self.now, name, limit_name)
        else:
            limit = replace(self.random_limit(), name=limit_name)
            old = next((one for one in self.store.budgets[name].limits if one.name == limit_name), None) if name in self.store.budgets else None
            if old and self.random.random() < 0.5:
                limit = replace(limit, window=old.window)
            sql = whole("budget_limit_set", name, limit_name, max_tokens=limit.max[0], max_usd=money(limit.max[1]), max_calls=limit.max[2], **self.window_arguments(limit.window))
            operation = lambda tx: self.model.limit_set(tx, self.now, name, limit)
        answers = self.both(session, sql[10:], "SELECT " + sql, operation)
        if answers:
            self.same("changed", answers[0][0][0], answers[1])

    def do_adjust(self, session):
        name = self.random.choice(NAMES)
        amounts = [self.random.choice([0, 0, 1, 30, -1, -20]), self.random.choice([0, 0, 10 ** 8, -10 ** 8, -1]), self.random.choice([0, 0, 2, -1])]
        sql = call("budget_adjust", name, amounts[0], money(amounts[1]), amounts[2])
        answers = self.both(session, sql[10:], "SELECT " + sql, lambda tx: self.model.adjust(tx, self.now, name, amounts))
        if answers:
            self.same("adjusted", answers[0][0][0], answers[1])

    def do_reset(self, session):
        name, limit_name = self.random.choice(NAMES), self.random.choice([None, None, "main", "x", "y"])
        self.now += STEP        # whether the clock is behind must not depend on milliseconds
        sql = call("budget_reset_window", name, limit_name)
        answers = self.both(session, sql[10:], "SELECT " + sql, lambda tx: self.model.reset_window(tx, self.now, name, limit_name))
        if answers:
            self.same("ahead", answers[0][0][0], answers[1])

    def do_drop(self, session):
        if session.transaction or self.random.random() < 0.7:
            return
        name = self.random.choice(NAMES)
        answers = self.both(session, f"drop {name}", "SELECT " + call("budget_drop", name), lambda tx: self.model.drop(tx, name))
        if answers:
            self.same("dropped", answers[0][0][0], answers[1])

    # --- permits ---

    def amounts(self):
        return (self.random.choice([None, None, 0, 1, 40, 99, 250]), self.random.choice([None, None, 0, 1, 400 * 10 ** 6, 10 ** 9]), self.random.choice([0, 1, 1, 1, 2]))

    def do_acquire(self, session):
        name = self.random.choice(NAMES)
        tokens, nanousd, calls = self.amounts()
        lease = self.random.choice([15, 65, 305, 3605, 7205]) * SECOND
        key = self.random.choice("abcdef") if self.random.random() < 0.3 else None
        also = self.random.sample(NAMES, self.random.randint(1, 3)) if self.random.random() < 0.3 else []
        sql = call("budget_try_acquire", name, tokens, money(nanousd), calls, span(lease), key, **({"also": "{%s}" % ",".join(also)} if also else {}))
        answers = self.both(session, sql[10:],
                            "SELECT granted, permit::text, reason, denied_by, (extract(epoch FROM retry_after) * 1000000)::bigint, can_ever_fit, duplicate,"
                            " denied_limit, ARRAY[(remaining->>'tokens')::numeric, (remaining->>'usd')::numeric * 1000000000, (remaining->>'calls')::numeric,"
                            " (remaining->>'in_flight')::numeric]::bigint[], remaining IS NOT NULL,"
                            " denied_dimension, ARRAY[used, held, max, asked], on_full, paid_by"
                            f" FROM {sql}",
                            lambda tx: self.model.acquire(tx, self.now, name, (tokens, nanousd, calls), lease, key, also))
        if not answers:
            return
        (granted, permit, reason, by, retry, ever, duplicate, limit, remaining, told, dimension, numbers, on_full, paid_by), said = answers[0][0], answers[1]
        self.same("the decision", (granted, reason, by, limit, ever, duplicate),
                  (said.granted, said.reason, said.denied_by, said.denied_limit, said.can_ever_fit, said.duplicate))
        unit = 10 ** 9 if dimension == "usd" else 1
        self.same("the numbers", (dimension, *(None if number is None else number * unit for number in numbers)), said.facts)
        self.same("what remains", remaining if told else None, said.remaining)
        self.same("who pays in place of others", paid_by, said.paid_by)
        if reason == "budget_exceeded":
            self.same("what a full budget says", on_full, said.on_full)
        # those that wait come one after the other
        late = SECOND // 4 + said.retry_after // 10 if reason == "budget_exceeded" and on_full == "wait" else 0
        if (retry is None) != (said.retry_after is None) or (retry is not None and not -4 * SECOND < retry - said.retry_after < 4 * SECOND + late):
            raise Wrong(f"retry_after: the database says {retry} us, the model {said.retry_after}")
        if said.duplicate:
            self.same("the permit under the key", permit, self.ids[said.permit])
        elif granted:
            self.granted(session, said.permit, permit, key is None and self.random.random() < 0.4)

    def granted(self, session, row, permit, call=False):
        try:
            self.note_granted(session, row, permit, call)
        except psycopg.errors.SerializationFailure:
            if session.isolation != "SERIALIZABLE" or not session.transaction:
                raise
            self.fail(session)

    def note_granted(self, session, row, permit, call):
        """The lease to the microsecond is the database's: who expires first depends on it."""
        self.ids[row] = permit
        if call:
            self.note(session, f"make {permit} a call")
            session.run(f"UPDATE agentcore.permit SET agent = 'bot', tool = 'pay', charge_on_expiry = true WHERE id = '{permit}'")
        until = session.run(f"SELECT (extract(epoch FROM lease_until) * 1000000)::bigint FROM agentcore.permit WHERE id = '{permit}'")[0][0]
        if session.transaction:
            stored = session.transaction.levels[-1].rows[row]
        else:
            stored = self.store.rows[row]
        if not 0 <= until - stored.lease_until < 5 * SECOND:
            raise Wrong(f"the lease ends at {until}, not {stored.lease_until}")
        stored.lease_until, stored.id = until, permit
        if call:
            stored.call = stored.charge_on_expiry = True

    def known_permit(self, session):
        """One that was made some time, by a transaction that may have come to nothing; rather open ones."""
        visible = session.transaction.permits() if session.transaction else self.store.rows
        still = [row for row in self.ids if (permit := visible.get(row)) is not None and permit.state in ("o", "e", "u")]
        rows = still if still and self.random.random() < (0.95 if self.shares else 0.8) else list(self.ids)
        return self.random.choice(rows) if rows else None

    def do_commit(self, session):
        row = self.known_permit(session)
        if row is None:
            return
        tokens, nanousd = self.random.choice([(None, None), (None, None), (0, 0), (7, 10 ** 8), (130, None), (400, 2 * 10 ** 9)])
        visible = (session.transaction.permits() if session.transaction else self.store.rows).get(row)
        of_call = visible is not None and visible.call and self.random.random() < 0.9
        sql = (call("call_commit", self.ids[row], tokens=tokens, usd=money(nanousd)) if of_call
               else call("budget_commit", self.ids[row], tokens, money(nanousd)))
        answers = self.both(session, sql[10:], "SELECT " + sql,
                            lambda tx: self.model.settle(tx, self.now, row, "c", tokens, nanousd, of_call=of_call))
        if answers:
            self.same("the settlement", answers[0][0][0], answers[1])

    def do_release(self, session):
        row = self.known_permit(session)
        if row is None:
            return
        sql = call("budget_release", self.ids[row])
        answers = self.both(session, sql[10:], "SELECT " + sql, lambda tx: self.model.settle(tx, self.now, row, "x"))
        if answers:
            self.same("the settlement", answers[0][0][0], answers[1])

    def known_call(self, session):
        visible = session.transaction.permits() if session.transaction else self.store.rows
        calls = [row for row in self.ids if (permit := visible.get(row)) is not None and permit.call]
        return self.random.choice(calls) if calls and self.random.random() < 0.9 else self.known_permit(session)

    def end_call(self, session, sql, operation):
        answers = self.both(session, sql[10:], f"SELECT ({sql}).reason" if "call_fail" in sql else f"SELECT {sql}", operation)
        if answers:
            self.same("the settlement", answers[0][0][0], answers[1])

    SOME = [(None, None), (None, None), (0, 0), (7, 10 ** 8), (130, None), (400, 2 * 10 ** 9)]

    def do_fail(self, session):
        row = self.known_call(session)
        if row is None:
            return
        to, status, header = self.random.choice([("u", 504, None), ("u", 504, None), ("f", 400, None), ("d", 429, "7200")])
        tokens, nanousd = self.random.choice(self.SOME)
        sql = call("call_fail", self.ids[row], status, retry_after_header=header, tokens=tokens, usd=money(nanousd))
        self.end_call(session, sql, lambda tx: self.model.fail(tx, self.now, row, to, tokens, nanousd))

    def do_resolve(self, session):
        row = self.known_call(session)
        if row is None:
            return
        succeeded, (tokens, nanousd) = self.random.random() < 0.5, self.random.choice(self.SOME)
        sql = call("call_resolve", self.ids[row], succeeded, tokens=tokens, usd=money(nanousd))
        self.end_call(session, sql, lambda tx: self.model.resolve(tx, self.now, row, succeeded, tokens, nanousd))

    def do_give_up(self, session):
        row = self.known_call(session)
        if row is None:
            return
        self.end_call(session, call("call_release", self.ids[row]), lambda tx: self.model.give_up(tx, self.now, row))

    def do_extend(self, session):
        row = self.known_permit(session)
        if row is None:
            return
        tokens, nanousd = self.random.choice([(0, 0), (0, 0), (50, 0), (0, 10 ** 8), (500, 1)])
        lease = self.random.choice([25, 605]) * SECOND
        sql = call("budget_extend", self.ids[row], span(lease), tokens, money(nanousd))
        answers = self.both(session, sql[10:], f"SELECT {sql}", lambda tx: self.model.extend(tx, self.now, row, lease, tokens, nanousd))
        if not answers:
            return
        self.same("the extension", answers[0][0][0], answers[1])
        self.granted(session, row, self.ids[row])

    def do_reap(self, session):
        batch = self.random.choice([1, 2, 100])
        answers = self.both(session, f"reap {batch}", f"SELECT agentcore.budget_reap({batch})", lambda tx: self.model.reap(tx, self.now, batch))
        if answers:
            self.same("expired", answers[0][0][0], answers[1])

    # --- transactions ---

    def do_begin(self, session):
        if session.transaction:
            return
        session.isolation = self.random.choices(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"], [6, 2, 1])[0]
        self.note(session, f"begin {session.isolation}")
        session.run(f"BEGIN ISOLATION LEVEL {session.isolation}")
        session.transaction = Transaction(self.store, session.isolation != "READ COMMITTED")

    def close(self, session, committed):
        if committed:
            session.transaction.commit()
        else:
            session.transaction.rollback()
        session.transaction, session.failed = None, False

    def do_end(self, session):
        if not session.transaction:
            return
        how = self.random.choices(["commit", "rollback", "prepare", "vanish", "killed"], [8, 4, 6 if self.shares else 2, 2, 1])[0]
        if session.failed and how in ("prepare", "vanish"):
            how = "rollback"
        self.note(session, how)
        if how == "prepare" and len(self.prepared) < 3:
            self.prepare(session)
        elif how == "vanish":
            self.vanish(session)
        elif how == "killed":
            self.kill(session)
        elif how == "commit":
            try:
                session.run("COMMIT")
                self.close(session, not session.failed)
            except psycopg.errors.SerializationFailure:
                if session.isolation != "SERIALIZABLE":
                    raise
                self.close(session, False)
        else:
            session.run("ROLLBACK")
            self.close(session, False)

    def prepare(self, session):
        gid = f"model {self.store.next()}"
        try:
            session.run(f"PREPARE TRANSACTION '{gid}'")
        except psycopg.errors.SerializationFailure:
            if session.isolation != "SERIALIZABLE":
                raise
            self.close(session, False)
            return
        except psycopg.errors.FeatureNotSupported:
            if not any(level.notified for level in session.transaction.levels):
                raise
            self.steps[-1] += " -> notifies, so cannot be"
            self.close(session, False)
            return
        if any(level.notified for level in session.transaction.levels):
            raise Wrong("a transaction was prepared that reached a threshold, and nobody is told")
        self.prepared[gid] = session.transaction
        session.transaction.forget_entries()
        session.transaction = None

    def do_finish_prepared(self, session):
        if session.transaction or not self.prepared:
            return
        gid = self.random.choice(list(self.prepared))
        commit = self.random.random() < 0.6
        self.note(session, f"{'commit' if commit else 'rollback'} prepared {gid}")
        session.run(f"{'COMMIT' if commit else 'ROLLBACK'} PREPARED '{gid}'")
        transaction = self.prepared.pop(gid)
        if commit:
            transaction.commit()
        else:
            transaction.rollback()

    def gone(self, pid):
        until = time.time() + 300
        while self.admin.run(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}")[0][0]:
            if time.time() > until:
                raise Wrong(f"backend {pid} does not end")
            time.sleep(0.002)

    def vanish(self, session):
        """The client sends COMMIT and does not live to hear the answer."""
        xid = session.run("SELECT pg_current_xact_id()::text")[0][0]
        session.connection.pgconn.send_query(b"COMMIT")
        session.connection.pgconn.finish()
        self.gone(session.pid)
        status = self.admin.run(f"SELECT pg_xact_status('{xid}')")[0][0]
        self.steps[-1] += f" -> {status}"
        self.close(session, status == "committed")
        session.connect()

    def kill(self, session):
        self.admin.run(f"SELECT pg_terminate_backend({session.pid}, 300000)")
        session.connection.close()
        self.gone(session.pid)
        self.close(session, False)
        session.connect()

    def do_by_hand(self, session):
        """Rows that are written by a statement: no entry is used any more."""
        name = self.random.choice(NAMES)
        if session.transaction or self.store.locks.get(("counter", name)):
            return
        self.note(session, f"write {name} by hand")
        session.run(f"UPDATE agentcore.budget_counter SET seen = seen WHERE budget = '{name}'")
        if ("counter", name) in self.store.rows:
            self.store.entries.clear()

    def do_savepoint(self, session):
        transaction = session.transaction
        if not transaction or session.failed or len(transaction.levels) > 3:
            return
        transaction.savepoint()
        self.note(session, f"savepoint l{len(transaction.levels)}")
        session.run(f"SAVEPOINT l{len(transaction.levels)}")

    def do_back(self, session):
        transaction = session.transaction
        if not transaction or len(transaction.levels) == 1:
            return
        level = self.random.randint(2, len(transaction.levels))
        if session.failed or self.random.random() < 0.6:
            self.note(session, f"rollback to l{level}")
            session.run(f"ROLLBACK TO l{level}")
            while len(transaction.levels) >= level:
                transaction.drop_level()
            transaction.savepoint()
            session.failed = False
        else:
            self.note(session, f"release l{level}")
            session.run(f"RELEASE l{level}")
            while len(transaction.levels) >= level:
                transaction.release_savepoint()

    STEPS = {do_acquire: 26, do_commit: 14, do_release: 5, do_extend: 6, do_reap: 4, do_begin: 9, do_end: 9, do_savepoint: 5,
             do_back: 5, do_set: 6, do_drop: 2, do_finish_prepared: 3, do_limit: 5, do_adjust: 3, do_reset: 2,
             do_fail: 7, do_resolve: 6, do_give_up: 4, do_by_hand: 1}
    # where transactions share budgets: more of them, and longer ones
    SHARED_STEPS = {**STEPS, do_acquire: 55, do_commit: 25, do_begin: 24, do_end: 13, do_savepoint: 7, do_back: 7, do_set: 2, do_drop: 1, do_limit: 2,
                    do_adjust: 4, do_finish_prepared: 6, do_fail: 3, do_resolve: 3, do_give_up: 2}

    # --- a history ---

    def move_clock(self):
        steps = self.random.choices([0, 1, 6, 40, 400, 9000, -400, -1], [20, 50, 12, 8, 5, 2, 1, 4] if self.shares else [20, 50, 12, 8, 5, 2, 1, 0])[0]
        if steps < 0:
            # beside the steps of before, or milliseconds would tell which of the two was earlier
            if self.now % STEP <= SECOND:
                return
            self.now -= SECOND
        self.now += steps * STEP

    def run(self):
        session = self.sessions[0]
        for name in reversed(NAMES):
            self.now += STEP
            self.set_budget(session, name, self.random_definition(name))
        steps = self.SHARED_STEPS if self.shares else self.STEPS
        for _ in range(2 * STEPS if self.shares else STEPS):
            if self.random.random() < (0.6 if self.shares else 0.35):
                session = self.random.choice(self.sessions)
            step = self.random.choices(list(steps), list(steps.values()))[0]
            if session.failed and step not in (History.do_end, History.do_back):
                continue
            self.move_clock()
            step(self, session)
            self.compare()
        self.finish()

    def finish(self):
        """All ends, and when every permit is settled nothing is held."""
        for session in self.sessions:
            if session.transaction:
                self.note(session, "rollback")
                session.run("ROLLBACK")
                self.close(session, False)
        while self.prepared:
            self.do_finish_prepared(self.sessions[0])
        for row in [row for row in self.store.rows if row[0] == "permit" and self.store.rows[row].state == "o"]:
            of_call = self.store.rows[row].call
            sql = call("call_release" if of_call else "budget_release", self.ids[row])
            self.both(self.sessions[0], sql[10:], "SELECT " + sql,
                      lambda tx: self.model.give_up(tx, self.now, row) if of_call else self.model.settle(tx, self.now, row, "x"))
        self.compare()
        for row, counter in self.store.rows.items():
            if row[0] == "counter" and any(counter.held):
                raise Wrong(f"the model itself holds {counter} at the end")

    # --- all rows ---

    COUNTERS = """
        SELECT c.budget, n.place, CASE WHEN isfinite(n.starts_at) THEN (extract(epoch FROM n.starts_at) * 1000000)::bigint END, n.used, n.held, n.numbers
          FROM (SELECT DISTINCT tenant, budget FROM agentcore.budget_counter) c CROSS JOIN LATERAL agentcore.budget_counted(c.tenant, c.budget) n"""
    PERMITS = """
        SELECT id::text, state::text, budgets, ARRAY[held_tokens, held_nanousd, held_calls], ARRAY[charged_tokens, charged_nanousd, charged_calls],
               (extract(epoch FROM lease_until) * 1000000)::bigint FROM agentcore.permit"""
    LEDGER = """
        SELECT event, budgets, CASE WHEN event <> 'threshold' THEN coalesce(budget, budgets[1]) END, count(*), ARRAY[sum(tokens)::bigint, sum(nanousd)::bigint, sum(calls)::bigint]
          FROM agentcore.budget_ledger GROUP BY 1, 2, 3"""

    def compare(self):
        """What is committed, row by row, and what budget_verify() says of it."""
        run = self.admin.run
        got, expected = {}, {}
        for row, counter in self.store.rows.items():
            for place, count in enumerate(counter.windows if row[0] == "counter" else [], 1):
                ring = None if count.ring is None else [number for bucket in count.ring for number in bucket]
                expected[row[1], place] = [None if count.start == reference.BEGINNING else count.start, count.used, counter.held, ring]
        for name, place, *window in run(self.COUNTERS):
            start = expected.get((name, place), [None])[0]
            # one that was reset begins when it was
            if window[0] is not None and start is not None and 0 < window[0] - start < 2 * SECOND:
                window[0] = start
            got[name, place] = window
        self.same("counters", got, expected)
        permits = {row: permit for row, permit in self.store.rows.items() if row[0] == "permit"}
        got = {row[0]: row[1:] for row in run(self.PERMITS)}
        self.same("permits", got, {permit.id: (permit.state, permit.budgets, permit.held[:3], permit.charged, permit.lease_until)
                                   for permit in permits.values()})
        self.same("ledger", {(row[0], tuple(row[1]), row[2]): row[3:] for row in run(self.LEDGER)}, self.summed_ledger())
        violations = run("SELECT * FROM agentcore.budget_verify()")
        if violations:
            raise Wrong(f"budget_verify: {violations}")
        repaired, in_flight = self.entries()
        self.same("entries repaired", repaired, self.repaired)
        if not self.prepared and not any(session.transaction for session in self.sessions):
            self.same("in flight", in_flight, 0)

    def summed_ledger(self):
        sums = {}
        for entry in self.store.ledger:
            whose = entry.event, tuple(entry.budgets), None if entry.event == 'threshold' else entry.budget or entry.budgets[0]
            count, amounts = sums.get(whose, (0, [0, 0, 0]))
            sums[whose] = (count + 1, [a + b for a, b in zip(amounts, entry.amounts)])
        return sums

    def clean(self):
        for session in self.sessions:
            session.transaction, session.failed = None, False
            session.connection.close()
            session.connect()
        for (gid,) in self.admin.run("SELECT gid FROM pg_prepared_xacts WHERE gid LIKE 'model %' AND database = current_database()"):
            self.admin.run(f"ROLLBACK PREPARED '{gid}'")


def judge_windows(chance, admin, count):
    """budget_window() against the model's, with the hours around changes of daylight saving."""
    for _ in range(count):
        zone = chance.choice(ZONES)
        kind = chance.choice(["fixed", "calendar", "sliding"])
        anchor = reference.micros(reference.datetime(2020, 1, chance.randint(1, 31), chance.randint(0, 23), chance.choice([0, 30]), tzinfo=reference.UTC))
        days, months = chance.choice([(1, 0), (2, 0), (7, 0), (30, 0), (0, 1), (0, 3), (0, 12)])
        window = Window(kind, chance.choice([1, 7, 60, 1440]) * MINUTE if kind != "calendar" else 0, days if kind == "calendar" else 0,
                        months if kind == "calendar" else 0, zone, chance.choice([None, anchor]))
        year, month, day = chance.randint(2019, 2031), chance.choice([2, 3, 4, 10, 11, 12]), chance.randint(1, 28)
        at = reference.micros(reference.datetime(year, month, day, chance.randint(0, 23), tzinfo=reference.UTC)) + chance.randint(-1, 1)
        if chance.random() < 0.3:
            at = window.bounds(at)[1] + chance.randint(-1, 1)
        arguments = History.window_arguments(window)
        sql = call("budget_window", arguments["kind"], arguments["period"], arguments["tz"], arguments["anchor"],
                   Raw(f"timestamptz '1970-01-01 00:00Z' + '{at} us'::interval"))
        got = admin.run("SELECT (extract(epoch FROM starts_at) * 1000000)::bigint, (extract(epoch FROM resets_at) * 1000000)::bigint FROM " + sql)[0]
        if got != window.bounds(at):
            return f"{sql}: {got}, the model says {window.bounds(at)}"
    return None


def judge(seed, sessions, admin, verbose=False):
    """None when the history is as the model says, else what was wrong, with its steps."""
    for _ in range(TRIES):
        Session.stalled = False
        history = History(seed, sessions, admin, verbose)
        try:
            history.run()
            return None
        except (Wrong, psycopg.Error) as error:
            history.clean()
            wrong = f"history {seed}: {type(error).__name__}: {error}\n" + "\n".join("    " + step for step in history.steps[-40:])
        if not Session.stalled:
            break
    return wrong


def main():
    sessions, admin = [Session(f"s{n}") for n in range(SESSIONS)], Session("admin")
    if sys.argv[1:2] == ["replay"]:
        print(judge(int(sys.argv[2]), sessions, admin, True) or "1 passed, 0 failed")
        return 0
    histories = int(sys.argv[1]) if len(sys.argv) > 1 else HISTORIES
    seed = seed_of.chosen(*sys.argv[2:3])
    print(f"seed {seed}", flush=True)
    wrong, passed = judge_windows(random.Random(seed), admin, 500), 1
    if wrong:
        print(f"windows: {wrong}\nagain: test/model/budget.py {histories} {seed}\n0 passed, 1 failed")
        return 1
    while passed <= histories:
        wrong = judge(seed * 1000 + passed, sessions, admin)
        if wrong:
            print(f"{wrong}\nagain: test/model/budget.py replay {seed * 1000 + passed}\n{passed} passed, 1 failed")
            return 1
        passed += 1
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
