"""What a report tells, read from the database as the connected role sees it.  Every value is plain: numbers, texts, lists."""
import dataclasses
import datetime

VERDICTS = ("run", "cached", "wait", "deny")
# of the buckets of a time line, in seconds
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 7 * 86400, 30 * 86400)
MOST_BUCKETS = 36
MOST_ROWS = 12
MOST_BUDGETS = 5
MOST_TENANTS = 4
MOST_SENTENCES = 8

LOG = "agentcore.visible_rows(NULL::agentcore.call_log_entry, %(since)s)"
LEDGER = "agentcore.visible_rows(NULL::agentcore.budget_ledger, %(since)s)"
CHARGED = "l.permit IS NOT NULL AND l.event NOT IN ('threshold', 'unbilled')"
# a tenant stands before a name where there are several
NAMED = "CASE WHEN %(several)s AND {0}.tenant <> '' THEN {0}.tenant || ' / ' ELSE '' END || {0}.{1}"

QUERIES = {
    "verdicts": f"SELECT l.verdict, count(*) FROM {LOG} l WHERE l.event = 'begin' GROUP BY 1",
    "over_time": f"SELECT floor(extract(epoch FROM l.at - %(begins)s) / %(step)s)::bigint, l.verdict, count(*) FROM {LOG} l WHERE l.event = 'begin' GROUP BY 1, 2",
    "reasons": f"""
        SELECT coalesce(r.name, r.effect || ' ' || r.pattern, l.reason), CASE WHEN l.rule IS NULL THEN '' ELSE l.policy END, l.reason, count(*)
          FROM {LOG} l LEFT JOIN agentcore.policy_rules r ON r.tenant = l.tenant AND r.rule = l.rule
         WHERE l.event = 'begin' AND l.verdict = 'deny' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT {MOST_ROWS}""",
    "gate_ms": f"""
        SELECT count(*), percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY l.policy_ns)
          FROM {LOG} l WHERE l.event = 'begin' AND l.policy_ns IS NOT NULL""",
    "tool_ms": f"""
        SELECT {NAMED.format('s', 'label')}, count(*), percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY s.ms), sum(s.ms)
          FROM (SELECT x.tenant, coalesce(x."gen_ai.tool.name", x."gen_ai.request.model") AS label,
                       extract(epoch FROM x.end_time - x.start_time)::float8 * 1000 AS ms
                  FROM agentcore.spans_since(%(since)s) x WHERE x.verdict = 'run' AND x.outcome IN ('commit', 'fail')) s
         GROUP BY 1 ORDER BY 4 DESC LIMIT {MOST_ROWS}""",
    "hits": f"""
        SELECT {NAMED.format('s', 'tool')}, s.hits + s.stale, s.hits + s.stale + s.negative + s.misses, s.saved_ms, s.saved_usd::float8
          FROM agentcore.stat_tool s WHERE s.hits + s.stale + s.negative + s.misses > 0 ORDER BY 3 DESC, 1 LIMIT {MOST_ROWS}""",
    "spend": f"""
        SELECT {NAMED.format('l', 'who')}, l.kind, l.what, l.n, l.usd, l.tokens
          FROM (SELECT l.tenant, coalesce(l.agent, 'no agent') AS who, CASE WHEN l.is_llm THEN 'model' ELSE 'tool' END AS kind, coalesce(l.tool, '-') AS what,
                       count(*) AS n, sum(l.nanousd)::float8 * 1e-9 AS usd, sum(l.tokens)::float8 AS tokens
                  FROM {LEDGER} l WHERE {CHARGED} GROUP BY 1, 2, 3, 4) l
         ORDER BY l.usd DESC NULLS LAST, l.tokens DESC NULLS LAST, l.n DESC, 1, 3 LIMIT {MOST_ROWS}""",
    "spent": f"SELECT coalesce(sum(l.nanousd), 0)::float8 * 1e-9, coalesce(sum(l.tokens), 0)::float8 FROM {LEDGER} l WHERE {CHARGED}",
    "open": "SELECT what, state, sum(n)::bigint, extract(epoch FROM agentcore.clock_now() - min(oldest))::float8 FROM agentcore.open_counts() GROUP BY 1, 2 ORDER BY 1, 2",
    "approvals": f"""
        SELECT {NAMED.format('a', 'agent')}, a.tool, extract(epoch FROM agentcore.clock_now() - a.requested_at)::float8, a.votes_given, a.votes_needed
          FROM agentcore.approvals a WHERE a.state = 'pending' ORDER BY a.requested_at LIMIT {MOST_ROWS}""",
    "targets": f"""
        SELECT {NAMED.format('t', 'target')}, t.state, t.calls, t.failures, extract(epoch FROM t.paused_until - agentcore.clock_now())::float8
          FROM agentcore.stat_target t WHERE t.kind = 'gate' AND (t.state <> 'closed' OR t.failures > 0 OR t.paused_until > agentcore.clock_now())
         ORDER BY t.state = 'closed', t.failures DESC LIMIT {MOST_ROWS}""",
}

LIMITS = f"""
    SELECT l.tenant, l.budget, l.limit_name, {NAMED.format('l', 'budget')}, l.used_tokens, l.held_tokens, l.max_tokens, l.used_usd::float8, l.held_usd::float8, l.max_usd::float8,
           l.used_calls, l.held_calls, l.max_calls, l.starts_at > '-infinity' AND l.starts_at > %(begins)s AS fresh,
           CASE WHEN l.starts_at > '-infinity' THEN extract(epoch FROM l.starts_at)::float8 END AS starts,
           CASE WHEN l.resets_at < 'infinity' THEN extract(epoch FROM l.resets_at - agentcore.clock_now())::float8 END AS resets,
           extract(epoch FROM l.exhausted_at - agentcore.clock_now())::float8 AS exhausted
      FROM agentcore.budget_limits l WHERE l.percent IS NOT NULL ORDER BY l.percent DESC, l.used_calls DESC, 4 LIMIT {MOST_BUDGETS}"""
CHARGES = f"""
    SELECT floor(extract(epoch FROM l.at - %(begins)s) / %(step)s)::bigint, sum(l.tokens)::float8, sum(l.nanousd)::float8 * 1e-9, sum(l.calls)::float8
      FROM {LEDGER} l WHERE l.tenant = %(tenant)s AND %(budget)s = ANY (l.budgets) AND l.event NOT IN ('threshold', 'unbilled', 'carry')
     GROUP BY 1"""


@dataclasses.dataclass
class Facts:
    begins: datetime.datetime       # of the time line
    ends: datetime.datetime
    step: float                     # seconds of one bucket
    buckets: int
    values: dict                    # by the names of QUERIES: rows
    budgets: list                   # of Burn
    database: str
    version: str
    audit: str
    profile: list                   # rows of profile()

    @property
    def calls(self):
        return sum(count for _, count in self.values["verdicts"])

    @property
    def places(self):
        """Where the time of the largest tenant's calls went: [(place, milliseconds, share)], of what was measured."""
        rows = [row for row in self.profile if row[0] == self.profile[0][0] and row[4] is not None]
        own = {"model": "models", "tool": "tools", "policy": "the gate"}
        return [(own[what] if what in own else f"waiting: {name}", total, share)
                for _, what, name, total, share, _ in rows if (what in own and name is None) or what == "waiting"]

    @property
    def sentences(self):
        """Of tools and models, and of what was not measured: [(name, sentence)]."""
        several = len({row[0] for row in self.profile}) > 1
        rows = [((f"{tenant} / " if several and tenant else "") + (name if what in ("tool", "model") else f"waiting: {name}"), says, total or 0)
                for tenant, what, name, total, _, says in self.profile if name is not None and what != "policy" and says]
        return [row[:2] for row in sorted(rows, key=lambda row: -row[2])[:MOST_SENTENCES]]

    def verdict(self, name):
        return dict(self.values["verdicts"]).get(name, 0)


@dataclasses.dataclass
class Burn:
    """What was left of a limit, as a share, at the end of each bucket since its window began."""
    name: str
    limit: str
    unit: str                       # of the dimension that is used most
    used: float
    held: float
    most: float
    left: list                      # (bucket, share)
    resets: float                   # seconds, or None
    exhausted: float                # seconds, or None


def choose_step(seconds):
    for step in STEPS:
        if seconds / step <= MOST_BUCKETS:
            return step
    return seconds / MOST_BUCKETS


def burn(connection, row, parameters, buckets):
    tenant, budget, limit, name = row[:4]
    dimensions = {"tokens": row[4:7], "USD": row[7:10], "calls": row[10:13]}
    known = {unit: amounts for unit, amounts in dimensions.items() if amounts[2] is not None}
    unit = max(known, key=lambda unit: (known[unit][0] + known[unit][1]) / known[unit][2] if known[unit][2] else 1)
    used, held, most = map(float, known[unit])
    fresh, starts, resets, exhausted = row[13:17]
    column = {"tokens": 1, "USD": 2, "calls": 3}[unit]
    charges = {entry[0]: entry[column] or 0 for entry in connection.execute(CHARGES, {**parameters, "tenant": tenant, "budget": budget}).fetchall()}
    first = max(0, int((starts - parameters["begins"].timestamp()) // parameters["step"])) if fresh and starts else 0
    left, spent = [], used
    # backwards from now, which is known for sure
    for bucket in range(buckets - 1, first - 1, -1):
        left.append((bucket, max(0.0, 1 - spent / most) if most else 0.0))
        spent = max(0.0, spent - charges.get(bucket, 0))
    left.append((first - 1, max(0.0, 1 - spent / most) if most else 0.0))
    return Burn(name, limit, unit, used, held, most, left[::-1], resets, exhausted)


def profile(connection, parameters):
    """What profile() says of each tenant: [(tenant, what, name, total_ms, share, sentence)]."""
    tenants = [row[0] for row in connection.execute(f"SELECT l.tenant FROM {LOG} l GROUP BY 1 ORDER BY count(*) DESC LIMIT {MOST_TENANTS}", parameters).fetchall()]
    rows = []
    for tenant in tenants:
        rows += [(tenant, *row) for row in connection.execute("SELECT p.what, p.name, p.total_ms, p.share, p.says FROM agentcore.profile(%s, %s) p",
                                                              (tenant, parameters["begins"])).fetchall()]
    return rows


def read(connection, hours):
    """The facts of the last hours; None: of all that is logged."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        now, database, version, audit = connection.execute(
            "SELECT agentcore.clock_now(), current_database(), (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'agentcore'),"
            " pg_catalog.current_setting('agentcore.audit', true)").fetchone()
        since = now - datetime.timedelta(hours=hours) if hours else None
        first, last, tenants = connection.execute(f"SELECT min(l.at), max(l.at), count(DISTINCT l.tenant) FROM {LOG} l", {"since": since}).fetchone()
        begins = first or now - datetime.timedelta(hours=1)
        ends = max(last or now, begins + datetime.timedelta(seconds=1))
        seconds = (ends - begins).total_seconds()
        step = choose_step(seconds)
        begins = datetime.datetime.fromtimestamp(begins.timestamp() // step * step, datetime.timezone.utc)
        buckets = int((ends - begins).total_seconds() // step) + 1
        parameters = {"since": since, "begins": begins, "step": step, "several": tenants > 1}
        values = {name: connection.execute(query, parameters).fetchall() for name, query in QUERIES.items()}
        budgets = [burn(connection, row, parameters, buckets) for row in connection.execute(LIMITS, parameters).fetchall()]
        return Facts(begins, ends.astimezone(datetime.timezone.utc), step, buckets, values, budgets, database, version, audit, profile(connection, parameters))
