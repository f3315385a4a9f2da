"""What a person wants to know after a replay."""
import collections
import statistics
import urllib.parse

VERDICTS = {
    "run": "the tool ran",
    "cached": "answered without running it",
    "wait": "still waiting when patience ended",
    "deny": "refused, with feedback for the model",
}
URL_REASONS = ("not_in_allowlist", "denylist_match", "method_blocked", "invalid_url")
EXAMPLES = 6
WIDTH = 96


def heading(title):
    print(f"\n{title}\n{'-' * len(title)}")


def printable(text):
    """A log may hold anything, also what a terminal would obey."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def table(rows, header=None, right=()):
    rows = [[("" if cell is None else printable(str(cell))) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows + ([list(header)] if header else [])) for i in range(len((header or rows[0])))]
    for row in ([list(header)] if header else []) + rows:
        print("  " + "  ".join(cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip())


def short(text, width=WIDTH):
    text = printable(" ".join(str(text or "").split()))
    return text if len(text) <= width else text[:width - 3] + "..."


def wrapped(text, indent="      "):
    """The first lines of a feedback text, as the model gets it."""
    lines = [line for line in str(text).splitlines() if line.strip()]
    for line in lines[:4]:
        print(indent + short(line, WIDTH - len(indent)))
    if len(lines) > 4:
        print(indent + f"... ({len(lines) - 4} more lines)")


def seconds(milliseconds):
    return f"{milliseconds / 1000:.1f} s"


def percent(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "-"


def judged(world):
    return [line for line in world.lines if line.outcome]


def said(line):
    """Why the gate refused, or would have."""
    return line.outcome.audit or line.outcome.reason


def calls_by_verdict(world, calls_path):
    counts = collections.Counter(line.outcome.verdict for line in judged(world))
    errors = [line for line in world.lines if line.failure]
    bad = [entry for entry in world.bad if entry[0] == calls_path]
    heading("Calls by verdict")
    rows = [(verdict, counts.get(verdict, 0), meaning) for verdict, meaning in VERDICTS.items()]
    if errors:
        rows.append(("error", len(errors), "the gate raised an error (listed below)"))
    if bad:
        rows.append(("bad line", len(bad), "skipped (listed below)"))
    total = sum(row[1] for row in rows)
    rows.append(("total", total, ""))
    table(rows, right=(1,))

    return total


def against_the_log(world):
    """What the gate refuses, compared with how the log says the call ended."""
    def refused(line):
        return line.outcome.verdict == "deny" or line.outcome.audit
    recorded = [line for line in judged(world) if "error" in line.fields]
    if not recorded:
        return
    wrong = [line for line in recorded if line.fields["error"]]
    right = [line for line in recorded if not line.fields["error"]]
    word = "were" if world.mode == "enforce" else "would have been"
    heading("Against the log")
    print(f"  {sum(map(bool, map(refused, wrong)))} of {len(wrong)} calls that the log records as failed {word} refused before they ran")
    if right:
        print(f"  {sum(map(bool, map(refused, right)))} of {len(right)} calls that it records as done {word} refused"
              " (look at these before you enforce)")


def failures(world):
    """Tools that ran and failed, and what call_fail() said to the last failure."""
    failed = [line for line in judged(world) if line.outcome.error]
    retried = sum(max(0, line.outcome.attempts - 1) for line in judged(world))
    if failed:
        heading(f"Tools that failed ({min(EXAMPLES, len(failed))} of {len(failed)}); {retried} more attempts were made as call_fail() advised")
        table([(line.number, tool_of(line), line.outcome.attempts, f"{line.outcome.advice} ({line.outcome.reason})", short(line.outcome.error, 44))
               for line in failed[:EXAMPLES]], header=("line", "tool", "runs", "call_fail() said", "error"), right=(0, 2))


def calls_by_reason(world):
    final = collections.Counter()
    waits = collections.Counter()
    for line in judged(world):
        result = line.outcome
        if result.verdict in ("deny", "wait"):
            final[(result.reason, result.verdict)] += 1
        elif result.audit:
            final[(result.audit, "would not run")] += 1
        waits.update(result.waits)
    heading("Reasons" if world.mode == "enforce" else "Reasons: what enforcement would have said")
    if not final and not waits:
        print("  none: everything was allowed")
        return
    reasons = sorted({reason for reason, _ in final} | set(waits))
    table([(reason,
            " + ".join(f"{count} {verdict}" for (r, verdict), count in sorted(final.items()) if r == reason),
            f"waited {waits[reason]} x" if waits[reason] else "") for reason in reasons],
          header=("reason", "calls", "on the way"))


def cache(world):
    heading("Cache")
    # agreed answers of the gate: a hit is a call that was not made
    cacheable = [line for line in judged(world) if world.tools.get(line.request.tool, {}).get("cache_ttl")
                 and line.outcome.verdict in ("run", "cached")]
    if world.mode == "audit":
        hits = [line for line in cacheable if (line.outcome.detail or "").startswith("cache: hit")]
        word = "would have been answered from the cache"
    else:
        hits = [line for line in judged(world) if line.outcome.verdict == "cached"]
        word = "were answered without running the tool"
        cacheable += [line for line in hits if line not in cacheable]
    print(f"  {len(hits)} of {len(cacheable)} calls to cacheable tools {word}: hit ratio {percent(len(hits), len(cacheable))}")
    timed = [line for line in judged(world) if line.fields.get("ms") is not None]
    if timed:
        saved = sum(line.fields["ms"] for line in hits if line.fields.get("ms"))
        refused = sum(line.fields["ms"] for line in timed if line.outcome.verdict == "deny")
        total = sum(line.fields["ms"] for line in timed)
        print(f"  tool time saved: {seconds(saved)} of {seconds(total)} recorded ({percent(saved, total)})"
              + (f"; {seconds(refused)} more never began because the call was refused" if refused else ""))
    else:
        print('  tool time saved: not known, the log has no "ms"')


def tool_of(line):
    return line.request.tool or line.request.model


def invalid_calls(world):
    found = [line for line in judged(world) if said(line) in ("invalid_args", "unknown_tool")]
    if not found:
        return
    heading(f"Invalid calls, and what the model was told ({min(EXAMPLES, len(found))} of {len(found)})")
    # one of each tool first
    seen = collections.Counter()
    order = []
    for line in found:
        order.append((seen[tool_of(line)], line.number, line))
        seen[tool_of(line)] += 1
    for _, _, line in sorted(order, key=lambda entry: entry[:2])[:EXAMPLES]:
        print(f"  line {line.number}  {short(tool_of(line), 60)}  {said(line)}")
        wrapped(line.outcome.feedback)


def shown_url(line, tools):
    """The first URL of the arguments, without query and userinfo."""
    for pointer in tools.get(line.request.tool, {}).get("url_args") or []:
        value = line.request.args
        for token in pointer.split("/")[1:]:
            token = token.replace("~1", "/").replace("~0", "~")
            if token == "*":
                value = value[0] if isinstance(value, list) and value else None
            else:
                value = value.get(token) if isinstance(value, dict) else None
        if isinstance(value, str):
            try:
                parts = urllib.parse.urlsplit(value)
                host = parts.netloc.rpartition("@")[2]
                scheme = parts.scheme + ":" if parts.scheme else ""
                return short(f"{scheme}{'//' + host if host else ''}{parts.path}", 60)
            except ValueError:
                return short(value.partition("?")[0], 60)
    return None


def urls_denied(world):
    rows = []
    for line in judged(world):
        if said(line) in URL_REASONS:
            rows.append((line.number, said(line), shown_url(line, world.tools) or tool_of(line), short(line.outcome.detail, 60)))
    if rows:
        heading(f"URLs and tools denied ({min(2 * EXAMPLES, len(rows))} of {len(rows)})")
        table(rows[:2 * EXAMPLES], header=("line", "reason", "URL or tool", "detail"), right=(0,))


def amount(value):
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"


def budgets(world):
    cursor = world.admin.execute("SELECT * FROM agentcore.budget_status ORDER BY tenant, budget")
    names = [column.name for column in cursor.description]
    rows = []
    for row in cursor.fetchall():
        row = dict(zip(names, row))
        for unit in ("tokens", "usd", "calls"):
            used, held, most = row.get(f"used_{unit}"), row.get(f"held_{unit}"), row.get(f"max_{unit}")
            if used is None or (most is None and not used and not held):
                continue
            left = None if most is None else most - used - (held or 0)
            rows.append((row["budget"], unit, amount(used), amount(held), amount(left), amount(most)))
    heading("Budgets")
    if rows:
        table(rows, header=("budget", "unit", "used", "held", "left", "limit"), right=(2, 3, 4, 5))
    else:
        print("  none")
    broken = [row[0] for row in world.admin.execute("SELECT * FROM agentcore.budget_verify()").fetchall()]
    print("  budget_verify(): " + ("every invariant holds" if not broken else "; ".join(map(str, broken))))
    return not broken


def latency(world):
    heading("Gate latency (as this client sees it: round trip, Python and the log's own concurrency included)")
    rows = []
    for name, field in (("call_begin / llm_begin", "begin"), ("commit / fail", "settle")):
        times = sorted(t * 1000 for t in world.times[field])
        if len(times) > 1:
            cuts = statistics.quantiles(times, n=100, method="inclusive")
            rows.append((name, len(times), *(f"{cuts[p - 1]:.2f} ms" for p in (50, 95, 99))))
    if rows:
        table(rows, header=("", "calls", "p50", "p95", "p99"), right=(1, 2, 3, 4))


def troubles(world):
    if world.refused:
        heading(f"Tools refused ({len(world.refused)}); their calls are unknown_tool")
        for name, why in world.refused[:2 * EXAMPLES]:
            print(f"  {short(name, 60)}: {short(why, WIDTH)}")
    if world.bad:
        heading(f"Bad lines, skipped ({len(world.bad)})")
        for path, number, why in world.bad[:2 * EXAMPLES]:
            print(f"  {path}:{number}: {short(why, WIDTH)}")
    errors = [line for line in world.lines if line.failure]
    if errors:
        heading(f"Errors of the gate ({len(errors)})")
        for line in errors[:2 * EXAMPLES]:
            print(f"  line {line.number}  {short(tool_of(line), 60)}: {short(line.failure, WIDTH)}")


def write(world, options):
    """Prints the report; False when a line of the log is not accounted for."""
    print(f"{len(world.tools)} tools registered, {len(world.lines)} calls replayed in {world.seconds:.1f} s"
          f" over {options.connections} connections, mode {world.mode}")
    total = calls_by_verdict(world, options.calls)
    calls_by_reason(world)
    cache(world)
    invalid_calls(world)
    urls_denied(world)
    failures(world)
    against_the_log(world)
    sound = budgets(world)
    latency(world)
    troubles(world)
    with open(options.calls, "rb") as file:
        lines = sum(1 for raw in file if raw.strip())
    print()
    if total != lines:
        print(f"NOT ACCOUNTED FOR: {lines} lines in {options.calls}, {total} in this report")
        return False
    print(f"every one of the {lines} lines is accounted for")
    return sound
