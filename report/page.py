"""One HTML file with nothing to fetch and nothing to run: style and charts are in it, and its policy forbids the rest."""
import base64
import datetime
import hashlib
import os
from html import escape

import chart
from words import amount, clock, duration, held, milliseconds, missing, number, percent, plain, usd

MEANING = {"run": "made", "cached": "answered without it", "wait": "told to ask again", "deny": "refused"}


def style():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.css"), encoding="utf-8") as file:
        return file.read()


def name(words):
    """A name that somebody chose: its letters do not turn what stands beside it."""
    return f"<bdi>{escape(plain(words))}</bdi>"


def table(head, rows, numbers=()):
    def cells(kind, values):
        return "".join(f"<{kind}{' class=n' if n in numbers else ''}>{value if kind == 'td' else escape(value)}</{kind}>" for n, value in enumerate(values))
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table></div>"


def beside(*arguments, **named):
    return f"<details><summary>As a table</summary>{table(*arguments, **named)}</details>"


def figure(title, note, *content):
    return (f"<figure><figcaption><h2>{escape(title)}</h2>{f'<p>{note}</p>' if note else ''}</figcaption>"
            f"{''.join(content)}</figure>")


def legend(*entries):
    return f"<ul class=legend>{''.join(f'<li class={css}>{escape(words)}</li>' for css, words in entries)}</ul>"


def tiles(facts):
    found = facts.values
    calls, hits = facts.calls, sum(row[1] for row in found["hits"])
    looked = sum(row[2] for row in found["hits"])
    spent, tokens = found["spent"][0]
    waiting = sum(row[2] for row in found["open"] if row[0] == "approvals")
    rows = [("", "calls", number(calls)),
            *((verdict, f"{verdict}: {MEANING[verdict]}", f"{number(facts.verdict(verdict))}") for verdict in MEANING),
            ("", "hits of the cache", percent(hits, looked)),
            ("", f"spent, {number(tokens)} tokens", usd(spent)),
            ("", "wait for a person", number(waiting))]
    return "<ul class=tiles>" + "".join(f"<li class='tile {css}'><b>{escape(value)}</b><span class=soft>{escape(words)}</span></li>" for css, words, value in rows) + "</ul>"


def over_time(facts):
    counted = {(bucket, verdict): count for bucket, verdict, count in facts.values["over_time"]}
    labels = [clock(facts.begins + datetime.timedelta(seconds=facts.step * n), facts.step) for n in range(facts.buckets)]
    series = [(verdict, verdict, [counted.get((n, verdict), 0) for n in range(facts.buckets)]) for verdict in MEANING]
    said = ", ".join(f"{number(facts.verdict(verdict))} {verdict}" for verdict in MEANING)
    description = f"Stacked columns, one per {duration(facts.step)}: {said}."
    charts = [chart.columns(*size, "Calls by verdict over time", description, series, labels, lambda mark: number(mark), css=css)
              for size, css in (((1180, 240), "wide"), ((360, 220), "narrow"))]
    return figure("Calls by verdict", f"One column per {duration(facts.step)}, UTC.", *charts, legend(*((verdict, f"{verdict}: {MEANING[verdict]}") for verdict in MEANING)),
                  beside(["from", *MEANING], [[labels[n], *(str(values[n]) for _, _, values in series)] for n in range(facts.buckets)
                                              if any(values[n] for _, _, values in series)], numbers=(1, 2, 3, 4)))


def latency(facts):
    count, cuts = facts.values["gate_ms"][0]
    rows = []
    if count:
        rows.append(("the gate itself", count, [cut / 1e6 for cut in cuts]))
    rows += [(tool, n, times) for tool, n, times, _ in facts.values["tool_ms"] if min(times) >= 0]
    if not rows:
        return figure("Latency", "No call that ran is in the log with its settlement, so there is nothing to show.")
    note = "From a call's begin to its settlement, by tool and model."
    if not count:
        note += " The gate's own time was not measured (<code>agentcore.track_timing</code>)."
    return figure("Latency", note,
                  chart.ranges("Latency of tools and models", "; ".join(f"{tool}: p50 {milliseconds(times[0])}, p95 {milliseconds(times[1])}" for tool, _, times in rows),
                               [(tool, *(max(cut, 0.0001) for cut in times)) for tool, _, times in rows], milliseconds),
                  legend(("dot", "p50"), ("ring", "p95"), ("tick", "p99")),
                  beside(["", "calls", "p50", "p95", "p99"], [[name(tool), number(n), *map(milliseconds, times)] for tool, n, times in rows], numbers=(1, 2, 3, 4)))


def hits(facts):
    rows = facts.values["hits"]
    if not rows:
        return figure("Answered from the cache", "No tool has looked into the cache: give tools a <code>cache_ttl</code>.")
    milliseconds_saved, usd_saved = sum(row[3] for row in rows), sum(row[4] for row in rows)
    return figure("Answered from the cache", f"Since the counters began: {escape(duration(milliseconds_saved / 1000))} and {escape(usd(usd_saved))} saved.",
                  chart.bars("Hit ratio by tool", "; ".join(f"{tool}: {percent(found, looked)}" for tool, found, looked, _, _ in rows),
                             [(tool, found / looked, f"{percent(found, looked)} of {number(looked)}") for tool, found, looked, _, _ in rows], "cached", most=1),
                  beside(["tool", "answered", "lookups", "time saved", "saved"],
                         [[name(tool), number(found), number(looked), duration(saved / 1000), usd(money)] for tool, found, looked, saved, money in rows], numbers=(1, 2, 3, 4)))


def colour(share):
    return "deny" if share < 0.1 else "wait" if share < 0.25 else "run"


def budgets(facts):
    if not facts.budgets:
        return figure("Budgets", "No budget has a limit.")
    parts = []
    for budget in facts.budgets:
        share = budget.left[-1][1]
        label = budget.name if budget.limit == "main" else f"{budget.name} ({budget.limit})"
        when = f"used up in {duration(budget.exhausted)} at this rate" if budget.exhausted and budget.exhausted > 0 else \
            f"resets in {duration(budget.resets)}" if budget.resets and budget.resets > 0 else "never resets"
        words = f"{amount(max(budget.most - budget.used, 0), budget.unit)} of {amount(budget.most, budget.unit)} left{held(budget.held, budget.unit)}"
        parts.append(f"<div><div class=budget><b>{name(label)}</b><span class=soft>{escape(words)}; {escape(when)}</span></div>"
                     + chart.going_down(f"Budget {label}", f"{words}, {percent(share)}; {when}.", budget.left, facts.buckets, colour(share)) + "</div>")
    return figure("Budgets burning down", "What was left of each limit, the most used first, over the same time.", *parts,
                  beside(["budget", "used", "held", "limit"], [[name(f"{budget.name} ({budget.limit})"), *(escape(amount(value, budget.unit)) for value in (budget.used, budget.held, budget.most))]
                                                               for budget in facts.budgets], numbers=(1, 2, 3)))


def denials(facts):
    rows = facts.values["reasons"]
    if not rows:
        return figure("Refused", "Nothing was refused.")
    return figure("Refused, by rule or reason", "",
                  chart.bars("Denials by rule", "; ".join(f"{rule}: {count}" for rule, _, _, count in rows), [(rule, count, number(count)) for rule, _, _, count in rows], "deny"),
                  beside(["rule or reason", "policy", "reason", "calls"], [[name(rule), name(policy), escape(reason or ""), number(count)] for rule, policy, reason, count in rows], numbers=(3,)))


def spend(facts):
    rows = facts.values["spend"]
    if not rows:
        return figure("Who spent it", "Nothing was charged.")
    return figure("Who spent it", "", table(["agent, and what for", "calls", "tokens", "USD"],
                                            [[f"{name(who)}<span class=soft>{kind} {name(what)}</span>", number(n), number(tokens or 0), usd(money or 0)] for who, kind, what, n, money, tokens in rows], numbers=(1, 2, 3)))


def attention(facts):
    """What somebody may have to do: people who are waited for, permits that nobody settles, targets that fail."""
    found, parts = facts.values, []
    if found["approvals"]:
        parts.append(table(["waits for a person", "tool", "since", "votes"],
                           [[name(agent), name(tool), duration(since), f"{given} of {needed}"] for agent, tool, since, given, needed in found["approvals"]], numbers=(2, 3)))
    if found["targets"]:
        parts.append(table(["target", "breaker", "failed just now", "paused for"],
                           [[name(target), escape(state), f"{failures} of {calls}", duration(paused) if paused and paused > 0 else "–"]
                            for target, state, calls, failures, paused in found["targets"]], numbers=(2, 3)))
    still = [row for row in found["open"] if row[0] == "permits"]
    if still:
        parts.append(table(["open calls", "how many", "the oldest since"],
                           [[{"open": "running", "retry": "waiting for a retry", "lapsed": "lease ended, not settled"}[state], number(n), duration(since)] for _, state, n, since in still], numbers=(1, 2)))
    return figure("Waiting now", "" if parts else "Nothing waits for anybody.", *parts)


def profile(facts):
    if not facts.sentences:
        return ""
    bars = ""
    if facts.places:
        bars = chart.bars("Where the time went", "; ".join(f"{place}: {percent(share)}" for place, _, share in facts.places),
                          [(place, share, f"{percent(share)} · {duration(total / 1000)}") for place, total, share in facts.places], "run", most=1)
    return figure("Where the time went", "What is below 3 % is not worth moving.", bars,
                  "<ul class=says>" + "".join(f"<li><b>{name(who)}</b>: {escape(plain(says))}</li>" for who, says in facts.sentences) + "</ul>")


def write(facts):
    css = style()
    allowed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    cards = [profile(facts), budgets(facts), denials(facts), latency(facts), hits(facts), spend(facts), attention(facts)]
    period = f"{facts.begins:%d %b %Y %H:%M:%S} to {facts.ends:%d %b %Y %H:%M:%S} UTC"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{allowed}'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(f'agentcore: {plain(facts.database)}')}</title>
<style>{css}</style>
</head>
<body>
<main>
<h1>What the gate did in {name(facts.database)}</h1>
<p class="soft">{period}. {escape(missing(facts.audit))}</p>
{tiles(facts)}
{over_time(facts)}
<div class="cards">
{chr(10).join(card for card in cards if card)}
</div>
<footer class="note">agentcore {escape(facts.version or '')}. As the role that asked sees it: tenants that it may not read are not in here. Counters of the cache are those since they were reset, the rest is of the time above.</footer>
</main>
</body>
</html>
"""
