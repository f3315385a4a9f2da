#!/usr/bin/env python3
"""Replays a log of agent calls through the gate and prints what became of it.

    replay.py --config config.json --tools tools.jsonl --calls calls.jsonl [--mode audit]

Connects as libpq's environment says (PGHOST, ...) to a database that has the
extension.  tools.jsonl: one MCP tool definition a line ({"server", "name",
"description", "inputSchema"}), registered as server/name.  calls.jsonl: one call a
line, in any order between tasks, by "seq" within one:

    {"task", "seq", "server", "tool", "args", "result", "error", "tokens", "usd", "ms"}
    {"task", "seq", "model", "input_tokens", "max_output_tokens", "usage", "ms"}

Every field but "tool" or "model" may be missing; a bad line is reported with its
number and skipped.  More fields: agent, subject, budget, tenant, key, status and
retry_after (of an "error": true), fails (how often it fails before it works),
scenario (see scenarios.py).

The tools are not run: the log holds their results.  SPEED=1 would let each take
its recorded "ms"; by default they take no time.
"""
import argparse
import collections
import dataclasses
import datetime
import json
import os
import queue
import re
import signal
import sys
import threading
import time
import typing

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients/python"))

import agentcore
import report
from scenarios import SCENARIOS, Request, Worker

ROLE = "agentcore_demo"

# A name that begins like this only reads, unless the tool's own annotations say otherwise.
READING = re.compile(r"^(get|list|search|find|read|fetch|query|lookup|describe|show|view|count|check)([_-]|$)", re.I)
URL_NAME = re.compile(r"^(url|uri|link|href|endpoint)s?$|[_-](url|uri)s?$|[a-z](Url|Uri|URL|URI)s?$")


@dataclasses.dataclass
class Line:
    number: int
    fields: dict
    request: Request
    outcome: typing.Optional[agentcore.Result] = None
    failure: typing.Optional[str] = None    # an ERROR of the gate: the API was misused


@dataclasses.dataclass
class World:
    """What a replay works with and what it found."""
    conninfo: str
    admin: psycopg.Connection
    mode: str
    speed: float
    gate: agentcore.Gate
    times: dict                             # seconds that begins and settlements took
    tools: dict = dataclasses.field(default_factory=dict)
    refused: list = dataclasses.field(default_factory=list)    # (tool, why)
    bad: list = dataclasses.field(default_factory=list)        # (file, line number, why)
    lines: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def ask(self, request, tool):
        """One call through the gate, from begin to settlement."""
        if request.model:
            return self.gate.model(request.agent, request.model, tool.usage(), tool, input_tokens=request.input_tokens,
                                   max_output_tokens=request.max_output_tokens, cost=tool.cost, **request.common())
        args = request.args if request.args is not None else request.args_text
        return self.gate.call(request.agent, request.tool, args, tool, cost=tool.cost, **request.common())

    def worker(self):
        """Another worker, whose statements come one by one."""
        return Worker(self.conninfo)


# ----- reading --------------------------------------------------------------

def read_jsonl(world, path, check):
    """Yields (number, object); what is no JSON object, or fails the check, goes to world.bad."""
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                fields = json.loads(raw.decode("utf-8"))
                why = check(fields) if isinstance(fields, dict) else "not a JSON object"
            except (ValueError, RecursionError) as error:
                why = f"not JSON: {error}"
            if why:
                world.bad.append((path, number, why))
            else:
                yield number, fields


def full_name(fields, name):
    return f"{fields['server']}/{fields[name]}" if fields.get("server") else fields[name]


def check_call(fields):
    name = fields.get("model") or fields.get("tool")
    if not isinstance(name, str) or not name:
        return 'neither "tool" nor "model"'
    if fields.get("scenario", "same_key_twice") not in SCENARIOS:
        return f"no scenario {fields['scenario']!r}"
    if not isinstance(fields.get("server") or "", str):
        return '"server" is no text'
    for number in ("seq", "tokens", "usd", "ms", "input_tokens", "max_output_tokens"):
        if not isinstance(fields.get(number) or 0, (int, float)):
            return f'"{number}" is no number'
    return None


def check_tool(fields):
    return None if isinstance(fields.get("name"), str) and fields["name"] else 'no "name"'


def text(fields, name):
    return None if fields.get(name) is None else str(fields[name])


def to_request(number, fields, agent):
    args = fields.get("args")
    return Request(
        agent=text(fields, "agent") or agent,
        tool=None if fields.get("model") else full_name(fields, "tool"),
        args=None if isinstance(args, str) else args,
        args_text=args if isinstance(args, str) else None,
        model=fields.get("model"),
        input_tokens=int(fields.get("input_tokens") or 0),
        max_output_tokens=int(fields.get("max_output_tokens") or 0),
        key=text(fields, "key") or f"line-{number}",
        task=text(fields, "task"), subject=text(fields, "subject"), budget=text(fields, "budget"),
        lease=text(fields, "lease"), tenant=fields.get("tenant") or "")


# ----- setting up -----------------------------------------------------------

def url_pointers(schema):
    """Arguments that hold a URL, as JSON Pointers: by format, else by name."""
    properties = schema.get("properties")
    found = []
    for name, part in (properties.items() if isinstance(properties, dict) else ()):
        part = part if isinstance(part, dict) else {}
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        named = part.get("format") in ("uri", "url") or URL_NAME.search(name)
        if named and part.get("type") in ("string", None):
            found.append(pointer)
        elif named and part.get("type") == "array":
            found.append(pointer + "/*")
    return found


def tool_document(definition, options):
    """A tool of config_apply() out of an MCP definition; options are the config's."""
    schema = definition.get("inputSchema")
    notes = definition.get("annotations") if isinstance(definition.get("annotations"), dict) else {}
    document = {"name": full_name(definition, "name"), "input_schema": schema, "description": definition.get("description")}
    if notes.get("readOnlyHint", bool(READING.match(definition["name"]))):
        document.update(cache_ttl="1 hour", idempotent=True)
    elif notes.get("idempotentHint"):
        document.update(idempotent=True)
    urls = url_pointers(schema) if isinstance(schema, dict) else []
    if urls:
        document["url_args"] = urls
    document.update(options)
    return document


def apply(world, document, tenant=""):
    world.admin.execute("SELECT * FROM agentcore.config_apply(%s::jsonb, tenant => %s)", (json.dumps(document), tenant))


def register(world, tools):
    """A document is applied whole or not at all: one with a bad tool is halved until that tool is alone."""
    try:
        apply(world, {"tools": tools})
        world.tools.update((tool["name"], tool) for tool in tools)
    except psycopg.Error as error:
        if len(tools) == 1:
            world.refused.append((tools[0]["name"], describe(error)))
        else:
            register(world, tools[:len(tools) // 2])
            register(world, tools[len(tools) // 2:])


def set_up(world, config, tools_path):
    admin = world.admin
    admin.execute("CREATE EXTENSION IF NOT EXISTS agentcore")
    database = admin.execute("SELECT pg_catalog.quote_ident(pg_catalog.current_database())").fetchone()[0]
    for name, value in config.pop("settings", {}).items():
        admin.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")

    tenants = config.pop("tenants", {})
    options = {tool["name"]: tool for tool in config.pop("tools", [])}
    if world.mode == "audit":
        for agent in [agent for part in (config, *tenants.values()) for agent in part.get("agents", [])]:
            agent["mode"] = "audit"
    apply(world, config)
    for tenant, part in tenants.items():
        enabled = part.pop("enabled", True)
        apply(world, part, tenant)
        admin.execute("SELECT agentcore.tenant_set(enabled => %s, tenant => %s)", (enabled, tenant))

    register(world, [tool_document(definition, options.get(full_name(definition, "name"), {}))
                     for _, definition in read_jsonl(world, tools_path, check_tool)])

    # the replay is a plain role that may only ask and settle
    if not admin.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        admin.execute(f"CREATE ROLE {ROLE} LOGIN")
    admin.execute("SELECT agentcore.access_grant(%s, 'agent', %s)", (ROLE, ["", *tenants]))


def describe(error):
    diagnosis = error.diag
    return ": ".join(part for part in (diagnosis.sqlstate, diagnosis.message_primary, diagnosis.message_detail) if part) or str(error)


# ----- replaying ------------------------------------------------------------

class ToolError(Exception):
    """The tool failed: an HTTP status and a Retry-After header where there were any."""

    def __init__(self, message, status=None, retry_after=None):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class RecordedTool:
    """Does what the log says the tool, or the model, did."""

    def __init__(self, world, fields):
        self.world, self.fields = world, fields
        self.failures_left = int(fields.get("fails") or 0)

    def __call__(self, args):
        fields = self.fields
        if self.world.speed and fields.get("ms"):
            time.sleep(fields["ms"] / 1000 * self.world.speed)
        if fields.get("error") or self.failures_left > 0:
            self.failures_left -= 1
            message = fields.get("error") if isinstance(fields.get("error"), str) else fields.get("result") or "failed"
            raise ToolError(message if isinstance(message, str) else json.dumps(message),
                            fields.get("status"), text(fields, "retry_after"))
        return self.usage() if fields.get("model") else fields.get("result")

    def usage(self):
        return {"usage": self.fields.get("usage")}

    def cost(self, result):
        return self.fields.get("tokens"), self.fields.get("usd")


def replay_line(world, line):
    tool = RecordedTool(world, line.fields)
    scenario = SCENARIOS.get(line.fields.get("scenario"))
    try:
        # a scenario is about being refused: where nothing is enforced there is nothing to play
        if scenario and world.mode == "enforce":
            line.outcome = scenario(world, line.request, tool, line.fields)
        else:
            line.outcome = world.ask(line.request, tool)
    except agentcore.GateError as error:
        line.failure = str(error)
    except psycopg.Error as error:
        line.failure = describe(error)


def tasks(lines):
    """Calls of one task in order; tasks are independent of one another."""
    by_task = collections.OrderedDict()
    for line in lines:
        name = line.request.task if line.request.task is not None else f"line-{line.number}"
        by_task.setdefault((line.request.tenant, name), []).append(line)
    for calls in by_task.values():
        yield sorted(calls, key=lambda line: line.fields.get("seq") or 0)


def worker(world, todo, progress):
    while True:
        try:
            calls = todo.get_nowait()
        except queue.Empty:
            return
        for line in calls:
            replay_line(world, line)
            progress.step(line)


class Progress:
    """A bar where somebody looks, silence where nobody does."""

    def __init__(self, total):
        self.total, self.done, self.denied, self.cached = total, 0, 0, 0
        self.lock = threading.Lock()
        self.tty = sys.stdout.isatty()

    def step(self, line):
        with self.lock:
            self.done += 1
            self.denied += bool(line.outcome and line.outcome.verdict == "deny")
            self.cached += bool(line.outcome and line.outcome.verdict == "cached")
            if self.tty:
                bar = "#" * (40 * self.done // self.total)
                print(f"\r[{bar:<40}] {self.done}/{self.total}  {self.cached} cached, {self.denied} denied ", end="", flush=True)

    def end(self):
        if self.tty:
            print("\r" + " " * 100 + "\r", end="")


def replay(world, connections):
    todo = queue.Queue()
    for calls in tasks(world.lines):
        todo.put(calls)
    progress = Progress(len(world.lines))
    threads = [threading.Thread(target=worker, args=(world, todo, progress), daemon=True) for _ in range(connections)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.seconds = time.monotonic() - start
    progress.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--calls", required=True)
    parser.add_argument("--mode", choices=("enforce", "audit"), default="enforce")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--speed", type=float, default=0.0, help="share of the recorded time that a tool takes")
    parser.add_argument("--patience", type=float, default=3.0, help="seconds a worker waits for one call in all")
    options = parser.parse_args()

    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    default_agent = config["agents"][0]["name"]
    admin = psycopg.connect("", autocommit=True)
    conninfo = f"user={ROLE} options='-c lock_timeout=10s'"
    times = {"begin": [], "settle": []}
    gate = agentcore.Gate(conninfo, errors="result", max_wait=options.patience, approval_wait=options.patience,
                          observe=lambda name, seconds: times["begin" if name.endswith("_begin") else "settle"].append(seconds))
    world = World(conninfo, admin, options.mode, options.speed, gate, times)
    print(f"registering the tools of {options.tools} ...", flush=True)
    try:
        set_up(world, config, options.tools)
    except psycopg.Error as error:
        sys.exit(f"{options.config}: {describe(error)}")
    world.lines = [Line(number, fields, to_request(number, fields, default_agent))
                   for number, fields in read_jsonl(world, options.calls, check_call)]
    print(f"replaying {len(world.lines)} calls of {options.calls} over {options.connections} connections ...", flush=True)
    replay(world, options.connections)
    complete = report.write(world, options)
    gate.close()
    return 0 if complete else 1


if __name__ == "__main__":
    # whoever stops reading the report has seen enough
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
