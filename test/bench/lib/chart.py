"""A table of the report as a picture: one dot per case, a line from the least to the most of its rounds.

Plain SVG without script, so that a Markdown page shows it; its colours follow the reader's
(light or dark).  Written here rather than by a chart library: a dot, a line and an axis
are all there is, and a benchmark then needs no more than Python.
"""
import math
import statistics
from xml.sax.saxutils import escape

STYLE = """<style>
svg { font: 13px system-ui, sans-serif; background: #fff; color: #1f2328 }
text { fill: currentColor } .axis, .grid { stroke: currentColor } .grid { opacity: .15 } .soft { opacity: .7; font-size: 12px }
.range { stroke: #0a63c9; stroke-width: 3; opacity: .45; stroke-linecap: round } .dot { fill: #0a63c9 }
@media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3 } .range { stroke: #6cb2ff } .dot { fill: #6cb2ff } }
</style>"""
WIDTH, LABEL, RIGHT, ROW, TOP = 980, 430, 90, 26, 70


def number(value):
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Axis:
    """Logarithmic where the values lie far apart, else from zero."""

    def __init__(self, low, high):
        self.log = low > 0 and high / low > 20
        self.low, self.high = (10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))) if self.log else (0, high * 1.05 or 1)

    def at(self, value):
        if self.log:
            share = math.log10(max(value, self.low) / self.low) / (math.log10(self.high / self.low) or 1)
        else:
            share = value / self.high
        return LABEL + share * (WIDTH - LABEL - RIGHT)

    def ticks(self):
        if self.log:
            return [10.0 ** i for i in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]
        step = 10 ** math.floor(math.log10(self.high))
        step = next(s for s in (step / 5, step / 2, step, 2 * step) if self.high / s <= 6)
        return [i * step for i in range(int(self.high / step) + 1)]


def shortened(text, room=58):
    return text if len(text) <= room else text[:room - 1] + "…"


def draw(title, unit, better, rows):
    """rows: [(case, [value of each round])]; the text of an SVG file."""
    values = [value for _, rounds in rows for value in rounds]
    axis, bottom = Axis(min(values), max(values)), TOP + ROW * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 34}" width="{WIDTH}" role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">', STYLE,
             f'<text x="12" y="24" font-weight="600">{escape(shortened(title, 130))}</text>',
             f'<text class="soft" x="12" y="44">{escape(unit)}, {better} is better{", logarithmic" if axis.log else ""}; dot: median of the rounds, line: least to most</text>']
    for tick in axis.ticks():
        x = axis.at(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}"/><text class="soft" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{number(tick)}</text>')
    for place, (case, rounds) in enumerate(rows):
        y, middle = TOP + ROW * place + ROW / 2, statistics.median(rounds)
        parts.append(f'<text x="{LABEL - 12}" y="{y + 4:.0f}" text-anchor="end"><title>{escape(case)}</title>{escape(shortened(case))}</text>'
                     f'<line class="range" x1="{axis.at(min(rounds)):.1f}" x2="{axis.at(max(rounds)):.1f}" y1="{y:.0f}" y2="{y:.0f}"/>'
                     f'<circle class="dot" cx="{axis.at(middle):.1f}" cy="{y:.0f}" r="5"/>'
                     f'<text class="soft" x="{WIDTH - 8}" y="{y + 4:.0f}" text-anchor="end">{number(middle)}</text>')
    parts.append(f'<line class="axis" x1="{LABEL}" x2="{LABEL}" y1="{TOP - 8}" y2="{bottom}"/></svg>')
    return "\n".join(parts) + "\n"
