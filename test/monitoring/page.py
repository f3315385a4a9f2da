#!/usr/bin/python3
"""The report: its terminal lines and its page, made of real traffic, in headless Chromium at 1280 and 390 pixels, light and dark.

The screenshots are left in build/monitoring/ to be looked at.  Every check of a page is seen to fail on a page that is broken for it.
"""
import html.parser
import os
import re
import subprocess
import sys
import tempfile

import psycopg

from lib import browser, traffic
from lib.tests import TOP, done, loud, ok

sys.path.insert(0, f"{TOP}/report")
import words  # noqa: E402

VOID = {"meta", "link", "br", "img", "hr", "input"}
WIDTHS = (1280, 390)
SHOTS = f"{TOP}/build/monitoring"


class Shape(html.parser.HTMLParser):
    """What elements there are, whether they close, and the text of the page."""

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.faults, self.ids, self.named, self.text = [], {}, [], [], [], []
        self.feed(page)
        self.faults += [f"{name} is not closed" for name in self.open]

    def handle_starttag(self, name, attributes):
        self.seen.setdefault(name, []).append(dict(attributes))
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.named += (values.get("aria-labelledby") or "").split()
        self.faults += [f"{name} has {key}" for key in values if key.startswith("on") or key == "style"]
        self.faults += [f"{name} refers to {values[key]}" for key in ("src", "href", "xlink:href", "action") if values.get(key) not in (None, "data:,")]
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.handle_starttag(name, attributes)
        if name not in VOID:
            self.open.pop()

    def handle_endtag(self, name):
        if not self.open or self.open.pop() != name:
            self.faults.append(f"{name} is closed out of place")

    def handle_data(self, data):
        self.text.append(data)


def contrast(one, other):
    def light(colour):
        colour = colour.lstrip("#")
        colour = "".join(char * 2 for char in colour) if len(colour) == 3 else colour
        parts = [int(colour[n:n + 2], 16) / 255 for n in (0, 2, 4)]
        return sum(share * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4) for share, part in zip((0.2126, 0.7152, 0.0722), parts))
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours():
    """The contrast that WCAG wants: 4.5 for text, 3 for large numbers and marks."""
    with open(f"{TOP}/report/page.css", encoding="utf-8") as file:
        css = file.read()
    for scheme, block in zip(("light", "dark"), re.findall(r":root \{(.*?)\}", css, re.S)):
        value = dict(re.findall(r"--(\w+): (#\w+)", block))
        poor = [(name, ground, round(contrast(value[name], value[ground]), 2)) for name, least in (("ink", 4.5), ("soft", 4.5), ("run", 3), ("cached", 3), ("wait", 3), ("deny", 3), ("accent", 3))
                for ground in ("card", "paper") if contrast(value[name], value[ground]) < least]
        ok(not poor, f"{scheme}: every colour has contrast enough", poor)


def report(*arguments, **environment):
    run = subprocess.run([sys.executable, f"{TOP}/report/report.py", *arguments], capture_output=True, timeout=600,
                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", **environment})
    return run.returncode, run.stdout, run.stderr.decode()


def terminal(connection):
    status, output, errors = report()
    lines = output.decode("utf-8")
    ok(status == 0 and not errors, "the terminal report is written", errors)
    ok("\033" not in lines and not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f]", lines), "nothing in it steers a terminal")
    ok(all(len(line) <= 120 for line in lines.splitlines()), "its lines are short", max(lines.splitlines(), key=len))
    counted = dict(connection.execute("SELECT verdict, count(*) FROM agentcore.call_log WHERE event = 'begin' GROUP BY 1").fetchall())
    ok(all(re.search(rf"\b{verdict} {count}\b", lines) for verdict, count in counted.items()), "its verdicts are those of the log", counted)
    ok("no large payments" in lines and "</script>" in lines and "research" in lines and "Its bottleneck is" in lines, "rules, sentences, hostile names and budgets are in it")
    status, output, _ = report(PYTHONIOENCODING="ascii")
    ok(status == 0 and output.isascii(), "where a terminal knows ASCII only, it is in ASCII")
    status, _, errors = report("--dsn", "host=/nowhere")
    ok(status == 1 and errors.startswith("report: ") and "Traceback" not in errors, "a database that is not there is said in a line", errors)


def shape(page):
    found = Shape(page)
    text = "".join(found.text)
    ok(not found.faults, "every element closes, nothing refers to anywhere, no handler and no style of its own", found.faults[:5])
    ok(not {"script", "img", "iframe", "object", "form", "a"} & set(found.seen), "no script and no picture is in it", sorted(found.seen))
    ok(len(found.ids) == len(set(found.ids)) and set(found.named) <= set(found.ids), "ids are unique, and what they name is there")
    svgs = found.seen.get("svg", [])
    ok(len(svgs) > 8 and all(svg.get("role") == "img" and len(svg.get("aria-labelledby", "").split()) == 2 for svg in svgs), "every chart has a title and a description", len(svgs))
    ok(text.count("As a table") >= 4, "charts have a table beside them", text.count("As a table"))
    ok(not re.search("[\u202a-\u202e\u2066-\u2069]", page) and "<U+202E>" in text and "</script><img src=x onerror=alert(1)>" in text, "a hostile name is text, and does not turn what stands beside it")
    ok("Where the time went" in text and text.count("Its bottleneck is") >= 4, "the sentences of profile() are in it")
    ok("Content-Security-Policy" in page and "default-src 'none'" in page, "its policy forbids the rest")


# what must not be found, by the name of the check that finds it
BROKEN = {
    "requests": ("<main>", '<main><img src="http://127.0.0.1:9/x.png">'),
    "console": ("<main>", "<main><script>console.log(1)</script>"),
    "scroll": ("<main>", '<main><pre>' + "wide" * 300 + "</pre>"),
    "over": ('class="value" text-anchor="end"', 'class="value" text-anchor="end" dx="-340"'),
}


def look(page, path, shots):
    """What is wrong with the page, by check."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)
    found = {}
    with browser.Browser() as chromium:
        for width in WIDTHS:
            for dark in (False, True):
                where = f"{width} {'dark' if dark else 'light'}"
                chromium.open(f"file://{path}", width, dark)
                if shots:
                    chromium.screenshot(f"{SHOTS}/report-{where.replace(' ', '-')}.png")
                others = [url for url in chromium.requests() if url != f"file://{path}" and not url.startswith("data:")]
                # open tables are of the page too
                chromium.value("document.querySelectorAll('details').forEach(details => details.open = true)")
                if others:
                    found.setdefault("requests", []).append((where, others))
                if chromium.value("document.documentElement.scrollWidth > innerWidth"):
                    found.setdefault("scroll", []).append((where, chromium.value("document.documentElement.scrollWidth")))
                shown = chromium.value("getComputedStyle(document.body).backgroundColor")
                if (sum(map(int, re.findall(r"\d+", shown)[:3])) < 200) != dark:
                    found.setdefault("scheme", []).append((where, shown))
                small = chromium.value("[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width > 0)"
                                       ".map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width).reduce((a, b) => Math.min(a, b))")
                if small < 0.8:
                    found.setdefault("small", []).append((where, small))
                over = chromium.value("[...document.querySelectorAll('svg text.name + text.value')].filter(v => v.previousElementSibling.getBoundingClientRect().right"
                                      " > v.getBoundingClientRect().left).map(v => v.previousElementSibling.textContent)")
                if over:
                    found.setdefault("over", []).append((where, over))
                if chromium.complaints():
                    found.setdefault("console", []).append((where, chromium.complaints()))
    return found


def in_chromium(page, folder):
    if not browser.program():
        loud("THE REPORT'S PAGE WAS NOT LOOKED AT: no chromium")
        return
    os.makedirs(SHOTS, exist_ok=True)
    found = look(page, f"{folder}/report.html", True)
    for check, claim in (("requests", "nothing is fetched"), ("console", "the console says nothing"), ("scroll", "nothing scrolls sideways, at 390 pixels neither"),
                         ("scheme", "light is light and dark is dark"), ("small", "no chart is drawn smaller than its letters can be read"),
                         ("over", "no name is drawn over its numbers")):
        ok(check not in found, f"chromium: {claim}", found.get(check))
    for check, (before, after) in BROKEN.items():
        # without its policy, which would not let it happen
        broken = re.sub(r"<meta http-equiv[^>]*>", "", page).replace(before, after, 1)
        ok(check in look(broken, f"{folder}/broken.html", False), f"chromium: a page that is broken for it fails: {check}")
    tried = page.replace("<main>", "<main><script>document.title = 'ran'</script><img src='http://127.0.0.1:9/x.png'>", 1)
    with open(f"{folder}/tried.html", "w", encoding="utf-8") as file:
        file.write(tried)
    with browser.Browser() as chromium:
        chromium.open(f"file://{folder}/tried.html", 1280, False)
        ok(chromium.value("document.title") != "ran" and len(chromium.complaints()) >= 2, "chromium: the page's policy lets neither a script nor a picture in", chromium.complaints())


def empty(folder):
    """A database in which nothing has happened."""
    with psycopg.connect("", autocommit=True, dbname="postgres") as connection:
        connection.execute("DROP DATABASE IF EXISTS agentcore_report_empty")
        connection.execute("CREATE DATABASE agentcore_report_empty")
    with psycopg.connect("", autocommit=True, dbname="agentcore_report_empty") as connection:
        connection.execute("CREATE EXTENSION agentcore")
    status, output, errors = report("--out", f"{folder}/empty.html", PGDATABASE="agentcore_report_empty")
    ok(status == 0 and not errors and os.path.exists(f"{folder}/empty.html"), "a database without a call has a report", errors)
    with open(f"{folder}/empty.html", encoding="utf-8") as file:
        ok(not Shape(file.read()).faults, "and a page")
    with psycopg.connect("", autocommit=True, dbname="postgres") as connection:
        connection.execute("DROP DATABASE agentcore_report_empty WITH (FORCE)")


def reader(connection, folder):
    """A reader of one tenant has a report of that tenant."""
    connection.execute("CREATE ROLE agentcore_report_reader LOGIN")
    connection.execute("SELECT agentcore.access_grant('agentcore_report_reader', 'reader', '{acme}')")
    status, _, errors = report("--quiet", "--out", f"{folder}/acme.html", PGUSER="agentcore_report_reader")
    connection.execute("SELECT agentcore.access_revoke('agentcore_report_reader')")
    connection.execute("DROP ROLE agentcore_report_reader")
    if ok(status == 0, "a reader of one tenant has a report", errors):
        with open(f"{folder}/acme.html", encoding="utf-8") as file:
            text = "".join(Shape(file.read()).text)
        ok("buyer" in text and "researcher" not in text and "company" not in text, "of that tenant and no other")


def main():
    with psycopg.connect("", autocommit=True) as connection, tempfile.TemporaryDirectory() as folder:
        traffic.fill(connection)
        colours()
        terminal(connection)
        status, output, errors = report("--quiet", "--out", f"{folder}/report.html")
        ok(status == 0 and not output and not errors, "the page is written, and nothing else with --quiet", errors)
        with open(f"{folder}/report.html", encoding="utf-8") as file:
            page = file.read()
        shape(page)
        burnt = connection.execute("SELECT greatest(max_tokens - used_tokens, 0) FROM agentcore.budget_status WHERE budget = 'research'").fetchone()[0]
        said = re.search(r"Budget research</title><desc[^>]*>(.*?) of ", page)
        ok(said and said.group(1) == words.amount(burnt, "tokens"), "what is left of a budget is what budget_status says", burnt)
        in_chromium(page, folder)
        reader(connection, folder)
        empty(folder)
    done()


if __name__ == "__main__":
    main()
