"""The report for a terminal: what the page shows, in lines."""
import collections
import datetime
import math
import sys
import textwrap

from words import amount, cells, clock, duration, held, milliseconds, missing, number, padded, percent, plain, short, usd

MOST_LINES = 18
COLOURS = {"run": "34", "cached": "32", "wait": "33", "deny": "31", "soft": "2", "title": "1"}
MARKS = {"run": "█", "cached": "▓", "wait": "░", "deny": "▒"}
PLAIN_MARKS = {"run": "#", "cached": "=", "wait": ".", "deny": "x"}


class Terminal:
    def __init__(self, output, colours):
        encoding = getattr(output, "encoding", None) or "ascii"
        self.output, self.colours, self.encoding = output, colours, encoding
        self.marks = MARKS if encoding.lower().replace("-", "").startswith("utf8") else PLAIN_MARKS

    def paint(self, words, colour):
        return f"\033[{COLOURS[colour]}m{words}\033[0m" if self.colours and words else words

    def line(self, words=""):
        # narrow spaces and the like are for paper
        words = words.replace("\u202f", " ")
        self.output.write(words.encode(self.encoding, "replace").decode(self.encoding) + "\n")

    def heading(self, title):
        self.line()
        self.line(self.paint(title, "title"))
        self.line("-" * len(title))

    def rows(self, rows, right=()):
        """Columns as wide as they have to be."""
        rows = [[plain(cell).replace("\u202f", " ") for cell in row] for row in rows]
        widths = [max(cells(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
        for row in rows:
            self.line("  " + "  ".join(padded(cell, w, n in right) for n, (cell, w) in enumerate(zip(row, widths))).rstrip())

    def bar(self, share, width, css):
        filled = round(max(0, min(1, share)) * width)
        return self.paint(self.marks[css] * filled, css) + " " * (width - filled)


def over_time(out, facts):
    # a terminal has fewer lines than a page has columns
    together = math.ceil(facts.buckets / MOST_LINES)
    step, lines = facts.step * together, math.ceil(facts.buckets / together)
    counted = collections.Counter()
    for bucket, verdict, count in facts.values["over_time"]:
        counted[bucket // together, verdict] += count
    totals = [sum(counted[n, verdict] for verdict in out.marks) for n in range(lines)]
    most, width = max(totals + [1]), 60
    out.heading(f"Calls by verdict, one line per {duration(step)} (UTC)")
    out.line("  " + "   ".join(f"{out.paint(mark, verdict)} {verdict} {number(facts.verdict(verdict))}" for verdict, mark in out.marks.items()))
    for n in range(lines):
        parts, drawn, so_far = [], 0, 0
        for verdict in out.marks:
            so_far += counted[n, verdict]
            upto = round(so_far / most * width)
            parts.append(out.paint(out.marks[verdict] * (upto - drawn), verdict))
            drawn = upto
        label = clock(facts.begins + datetime.timedelta(seconds=step * n), step)
        out.line(f"  {label:>10}  {''.join(parts)} {totals[n] or ''}".rstrip())


def bars(out, title, rows, css, most=None):
    """rows: [(name, value, words)]"""
    if not rows:
        return
    out.heading(title)
    most = most or max(value for _, value, _ in rows) or 1
    for name, value, words in rows:
        out.line(f"  {padded(short(name, 30), 30)}  {out.bar(value / most, 16, css)}  {words}")


def budgets(out, facts):
    rows = []
    for budget in facts.budgets:
        share = budget.left[-1][1]
        when = f"used up in {duration(budget.exhausted)} at this rate" if budget.exhausted and budget.exhausted > 0 else \
            f"resets in {duration(budget.resets)}" if budget.resets and budget.resets > 0 else ""
        rows.append((budget.name if budget.limit == "main" else f"{budget.name} ({budget.limit})", share,
                     f"{percent(share)} of {amount(budget.most, budget.unit)} left{held(budget.held, budget.unit)}" + (f"; {when}" if when else "")))
    bars(out, "Budgets: what is left", rows, "run", most=1)


def latency(out, facts):
    count, cuts = facts.values["gate_ms"][0]
    rows = [("the gate itself", number(count), *(milliseconds(cut / 1e6) for cut in cuts))] if count else []
    rows += [(short(tool, 40), number(n), *map(milliseconds, times)) for tool, n, times, _ in facts.values["tool_ms"]]
    if rows:
        out.heading("Latency, from begin to settlement")
        out.rows([("", "calls", "p50", "p95", "p99"), *rows], right=(1, 2, 3, 4))
        if not count:
            out.line("  the gate's own time was not measured (agentcore.track_timing)")


def waiting(out, facts):
    rows = [(short(agent, 30), short(tool, 30), f"waits for a person since {duration(since)}", f"{given} of {needed} votes")
            for agent, tool, since, given, needed in facts.values["approvals"]]
    rows += [(short(target, 30), state, f"{failures} of {calls} failed in the last minute", f"paused for {duration(paused)}" if paused and paused > 0 else "")
             for target, state, calls, failures, paused in facts.values["targets"]]
    if rows:
        out.heading("Waiting now")
        out.rows(rows)


def write(facts, output=sys.stdout, colours=None):
    out = Terminal(output, output.isatty() if colours is None else colours)
    found = facts.values
    out.line(f"{number(facts.calls)} calls from {facts.begins:%Y-%m-%d %H:%M:%S} to {facts.ends:%Y-%m-%d %H:%M:%S} UTC; spent {usd(found['spent'][0][0])}")
    if facts.audit != "all":
        out.line(f"  {missing(facts.audit)}")
    over_time(out, facts)
    bars(out, "Refused, by rule or reason", [(rule, count, number(count)) for rule, _, _, count in found["reasons"]], "deny")
    bars(out, "Answered from the cache", [(tool, hits / looked, f"{percent(hits, looked)} of {number(looked)}") for tool, hits, looked, _, _ in found["hits"]], "cached", most=1)
    budgets(out, facts)
    latency(out, facts)
    waiting(out, facts)
    if facts.sentences:
        bars(out, "Where the time went", [(place, share, f"{percent(share)}, {duration(total / 1000)}") for place, total, share in facts.places], "run", most=1)
        out.line()
        for who, says in facts.sentences:
            for line in textwrap.wrap(f"{short(who, 40)}: {plain(says)}", 100, initial_indent="  - ", subsequent_indent="    "):
                out.line(line)
