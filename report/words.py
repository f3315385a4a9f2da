"""Numbers, times and names as people read them.  Nothing that a name holds reaches a terminal or a page as anything but text."""
import math
import unicodedata

# what is not drawn, or turns the order of the letters around it: two names must not look alike
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain(text):
    """Without characters that cannot be seen, each told by its number."""
    return "".join(f"<U+{ord(char):04X}>" if unicodedata.category(char) in HIDDEN else char for char in str(text))


def cells(text):
    """How many places of a terminal it takes."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def padded(text, width, right=False):
    room = " " * (width - cells(text))
    return room + text if right else text + room


def short(text, width):
    """What has room in so many places of a terminal."""
    text = plain(text)
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def drawn(char):
    """How wide a letter is, in those of usual width, and rather too wide."""
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1.8 if char in "MWmw@%" else 1.3 if char.isupper() else 1


def fitting(text, width):
    """Of a text the part that has room for so many letters of usual width."""
    text, taken = plain(text), 0
    for n, char in enumerate(text):
        taken += drawn(char)
        if taken > width:
            return text[:n] + "…"
    return text


def number(value):
    """12 345, 1.2 million."""
    value = float(value)
    if value == int(value) and abs(value) < 100000:
        return f"{int(value):,}".replace(",", "\u202f")
    for size, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}\u202f{word}"
    return f"{value:.3g}"


def usd(value):
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if abs(value) >= 1 else f"${value:.{max(2, 1 - math.floor(math.log10(abs(value))))}f}"


def amount(value, unit):
    return usd(value) if unit == "USD" else f"{number(value)} {unit}"


def missing(audit):
    """What the log may not have, as far as the setting of one session tells it."""
    return "" if audit == "all" else f"For this session agentcore.audit is {plain(audit)}: calls may be missing from the log."


def held(value, unit):
    """What open calls may still use of what is left."""
    return f", {usd(value) if unit == 'USD' else number(value)} held" if value else ""


def percent(part, whole=1):
    if not whole:
        return "–"
    share = 100 * part / whole
    return "<\u202f0.1\u202f%" if 0 < share < 0.1 else f"{share:.1f}\u202f%" if 0 < share < 1 else f"{share:.0f}\u202f%"


def milliseconds(value):
    if value < 0.1:
        return f"{value * 1000:.3g}\u202fµs"
    return f"{value:.3g}\u202fms" if value < 1000 else duration(value / 1000)


def duration(seconds):
    if 0 < seconds < 1:
        return milliseconds(seconds * 1000)
    if seconds < 60:
        return f"{seconds:.3g}\u202fs"
    for size, word, below in ((60, "min", 3600), (3600, "h", 2 * 86400), (86400, "days", math.inf)):
        if seconds < below:
            return f"{seconds / size:.2g}\u202f{word}" if seconds / size < 10 else f"{seconds / size:.0f}\u202f{word}"
    return ""


def clock(time, step):
    """A place on the time line, in UTC."""
    if step < 1:
        return time.strftime("%H:%M:%S.") + f"{time.microsecond // 100000}"
    if step < 60:
        return time.strftime("%H:%M:%S")
    return time.strftime("%H:%M") if step < 21600 else time.strftime("%d %b")
