"""Charts as SVG: stacked columns, bars, ranges, lines going down.

Each is one <svg role="img"> with a title and a description; text stays text; colours are the classes of page.css, so that a chart is
right in light and dark; nothing is drawn that the table beside it does not say.
"""
import itertools
import math
from html import escape

from words import fitting, plain

ids = itertools.count(1)


def attributes(**values):
    return "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(f"{value:.6g}" if isinstance(value, float) else str(value))}"' for name, value in values.items())


def tag(name, *content, **values):
    return f"<{name}{attributes(**values)}>{''.join(content)}</{name}>" if content else f"<{name}{attributes(**values)}/>"


def text(x, y, words, css="", anchor="start"):
    return tag("text", escape(plain(words)), x=float(x), y=float(y), class_=css, text_anchor=anchor)


def hint(words):
    """What a pointer that rests on a mark is shown."""
    return tag("title", escape(plain(words)))


def image(width, height, title, description, *marks, css=""):
    n = next(ids)
    return tag("svg", tag("title", escape(plain(title)), id=f"t{n}"), tag("desc", escape(plain(description)), id=f"d{n}"), *marks,
               viewBox=f"0 0 {width} {height}", role="img", aria_labelledby=f"t{n} d{n}", class_=css)


def nice(most, parts=4):
    """Round steps from 0 to beyond most."""
    rough = most / parts or 1
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * n for n in (1, 2, 5, 10) if size * n >= rough)
    return [step * n for n in range(int(math.ceil(most / step)) + 1)]


def columns(width, height, title, description, series, labels, spell, css=""):
    """series: [(class, name, [count of each bucket])], the first at the bottom; labels: of each bucket, of which some are shown."""
    left, right, top, bottom = 34, 6, 8, 22
    totals = [sum(values) for values in zip(*(values for _, _, values in series))] or [0]
    # counts have no halves
    marks = [mark for mark in nice(max(totals) or 1) if mark == int(mark)]
    scale = (height - top - bottom) / (marks[-1] or 1)
    slot = (width - left - right) / len(totals)
    parts = []
    for mark in marks:
        y = height - bottom - mark * scale
        parts += [tag("line", x1=left, x2=width - right, y1=float(y), y2=float(y), class_="grid"), text(left - 5, y + 4, spell(mark), "axis", "end")]
    every = max(1, math.ceil(len(labels) / max(2, (width - left) // 80)))
    for n, label in enumerate(labels):
        if n % every == 0 and left + n * slot < width - 40:
            parts.append(text(left + n * slot, height - 6, label, "axis"))
    for n in range(len(totals)):
        y = height - bottom
        for name, word, values in series:
            if values[n]:
                tall = values[n] * scale
                y -= tall
                parts.append(tag("rect", hint(f"{labels[n]}: {values[n]} {word}"), x=left + n * slot + slot * 0.1, y=float(y), width=slot * 0.8, height=max(float(tall) - 0.5, 0.5), class_=name))
    return image(width, height, title, description, *parts, css=css)


def bars(title, description, rows, css, most=None, width=360):
    """rows: [(name, value, words)]: a line for the name, a bar below it."""
    pitch, top = 34, 4
    most = most or max((value for _, value, _ in rows), default=0) or 1
    parts = []
    for n, (name, value, words) in enumerate(rows):
        y = top + n * pitch
        parts += [text(0, y + 12, fitting(name, 40), "name"), text(width, y + 12, words, "value", "end"),
                  tag("rect", x=0, y=y + 18, width=width, height=8, rx=4, class_="track")]
        if value > 0:
            parts.append(tag("rect", hint(f"{name}: {words}"), x=0, y=y + 18, width=max(width * min(value / most, 1), 3.0), height=8, rx=4, class_=css))
    return image(width, top + len(rows) * pitch, title, description, *parts)


def ranges(title, description, rows, spell, width=360):
    """rows: [(name, p50, p95, p99)] on a logarithmic scale: a line from p50 to p99, a dot at each."""
    pitch, top, foot = 36, 4, 22
    values = [value for row in rows for value in row[1:] if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    span = width - 16

    def x(value):
        return 8 + span * (math.log10(max(value, 10 ** low)) - low) / (high - low)
    height = top + len(rows) * pitch + foot
    parts = []
    for power in range(low, high + 1):
        anchor = "start" if power == low else "end" if power == high else "middle"
        parts += [tag("line", x1=x(10 ** power), x2=x(10 ** power), y1=top, y2=height - foot, class_="grid"), text(x(10 ** power), height - 6, spell(10.0 ** power), "axis", anchor)]
    for n, (name, p50, p95, p99) in enumerate(rows):
        y = top + n * pitch
        parts += [text(0, y + 12, fitting(name, 30), "name"), text(width, y + 12, f"{spell(p50)} · {spell(p95)}", "value", "end"),
                  tag("line", hint(f"{name}: p50 {spell(p50)}, p95 {spell(p95)}, p99 {spell(p99)}"), x1=x(p50), x2=x(p99), y1=y + 23, y2=y + 23, class_="range"),
                  tag("circle", cx=x(p50), cy=y + 23, r=5, class_="p50"), tag("circle", cx=x(p95), cy=y + 23, r=4, class_="p95"),
                  tag("line", x1=x(p99), x2=x(p99), y1=y + 18, y2=y + 28, class_="range")]
    return image(width, height, title, description, *parts)


def going_down(title, description, points, buckets, css, width=360, height=64):
    """points: [(bucket, share that is left)] in steps, from full at the top to nothing at the bottom."""
    left, right, top, bottom = 34, 6, 6, 6
    slot = (width - left - right) / buckets

    def place(bucket, share):
        return f"{left + (bucket + 1) * slot:.1f} {top + (1 - share) * (height - top - bottom):.1f}"
    path = [f"M{place(*points[0])}"]
    for (_, before), (bucket, share) in zip(points, points[1:]):
        path.append(f"L{place(bucket, before)}L{place(bucket, share)}")
    line = "".join(path)
    area = f"{line}L{left + (points[-1][0] + 1) * slot:.1f} {height - bottom}L{left + (points[0][0] + 1) * slot:.1f} {height - bottom}Z"
    return image(width, height, title, description,
                 *(part for share, word in ((1, "100 %"), (0, "0 %"))
                   for part in (tag("line", x1=left, x2=width - right, y1=top + (1 - share) * (height - top - bottom), y2=top + (1 - share) * (height - top - bottom), class_="grid"),
                                text(left - 5, top + (1 - share) * (height - top - bottom) + 4, word, "axis", "end"))),
                 tag("path", d=area, class_=f"{css} area"), tag("path", d=line, class_=f"{css} line"))
