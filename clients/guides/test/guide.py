"""Runs a guide: guide.py GUIDE.  Works in the current directory, a copy of the project.

Prints "ok ..." or "FAILED ..." per block and loop, and at last "N passed, N failed".  ../README.md says what becomes of each block.
"""
import os
import re
import subprocess
import sys
import threading

LONGEST_LOOP = 12
HANG = 900          # seconds; decides nothing
PROGRAMS = {"python": "python3", "js": "node"}
MARK = "-- the block has ended: "


def blocks(lines):
    """(language, lines, number of the first, name that it is saved as) of each fenced block."""
    found, block, before = [], None, ""
    for number, line in enumerate(lines, 1):
        if block is not None and line == "```":
            found.append(block)
            block, before = None, ""
        elif block is not None:
            block[1].append(line)
        elif line.startswith("```"):
            name = re.search(r"Save this as \*\*([\w./-]+)\*\*", before)
            block = (line[3:], [], number + 1, name and name.group(1))
        elif line.strip():
            before = line
    return found


def loop(lines):
    """The lines of a user's loop: those that make the gate, and the loop itself with what ends it."""
    first = next((number for number, line in enumerate(lines) if re.match(r"(while|for)\b", line)), None)
    if first is None or not any("Gate(" in line for line in lines):
        return []
    last = next((number for number in range(first + 1, len(lines)) if lines[number].strip() and not re.match(r"\s", lines[number])), len(lines))
    if lines[last:] and lines[last] == "}":
        last += 1
    return [line for line in lines if "Gate(" in line] + [line for line in lines[first:last] if line.strip()]


def squeezed(line):
    """What two prints of one thing have in common: no ids, no widths."""
    line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", line)
    return re.sub(r"[\s+-]+", " ", line).strip()


def missing(expected, printed):
    """The first expected line that is not printed, in this order; None: all are there."""
    rest = iter([squeezed(line) for line in printed])
    for line in expected:
        if squeezed(line) and squeezed(line) not in rest:
            return line
    return None


class Session:
    """A program that is given one block after the other."""

    def __init__(self, command, end, env=None):
        self.end = end
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)

    def run(self, lines):
        """What it prints; None after it where the block has failed."""
        watchdog = threading.Timer(HANG, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write("\n".join([*lines, self.end, ""]))
            self.process.stdin.flush()
            printed = []
            for line in self.process.stdout:
                if line.startswith(MARK):
                    return printed, line[len(MARK):].strip() == "0"
                printed.append(line.rstrip("\n"))
            return printed, False
        except BrokenPipeError:
            return ["it has ended before"], False
        finally:
            watchdog.cancel()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Guide:
    def __init__(self):
        # a block is one command list, so that the first command that fails ends it
        self.shell = Session(["bash"], f"echo; echo '{MARK}'$?")
        self.psql = None

    def environment(self):
        printed, _ = self.shell.run(["env -0 | tr '\\n\\0' ' \\n'"])
        return dict(line.split("=", 1) for line in printed if "=" in line)

    def run(self, language, lines, name):
        if language == "sql":
            if self.psql is None:
                self.psql = Session(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"], f"\\echo\n\\echo '{MARK}'0", self.environment())
            return self.psql.run(lines)
        if language == "sh":
            return self.shell.run(self.strict(lines))
        if name:
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            with open(name, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            return [], True
        ended = subprocess.run([PROGRAMS[language], "-"], input="\n".join(lines), text=True, capture_output=True, env=self.environment(), timeout=HANG)
        return (ended.stdout + ended.stderr).splitlines(), ended.returncode == 0

    def strict(self, lines):
        """One command list: the first line that fails ends it, and its status is the block's."""
        return ["set -e -o pipefail", "trap 'status=$?; echo; echo \"" + MARK + "$status\"' EXIT", *lines, "trap - EXIT", "set +e"]

    def close(self):
        if self.psql is not None:
            self.psql.close()
        self.shell.close()


def main(path):
    with open(path, encoding="utf-8") as file:
        found = blocks(file.read().splitlines())
    guide, passed, failed, printed = Guide(), 0, 0, []

    def verdict(good, what, why=()):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print("\n".join([f"{'ok     ' if good else 'FAILED '} {path}, {what}", *([] if good else why)]), flush=True)

    for language, lines, number, name in found:
        where = f"line {number}"
        if not language:
            gone = missing(lines, printed)
            verdict(gone is None, f"{where}: what is printed", [f"not printed: {gone}", *printed])
            continue
        if language not in ("sh", "sql", *PROGRAMS):
            continue
        counted = loop(lines)
        if counted:
            verdict(len(counted) <= LONGEST_LOOP, f"{where}: a loop of {len(counted)} lines", [f"more than {LONGEST_LOOP}:", *counted])
        printed, good = guide.run(language, lines, name)
        verdict(good, f"{where}: {language}", printed)
        if not good:
            break
    guide.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv[1]))
