"""Instructions per call of the gate where nothing else is used, against another checkout.

    make bench-instructions [BASE=/path/to/checkout] [CASES="run cached"]

Times of a shared machine tell nothing about 3 %; instructions do.  Each case is a
prepared statement that a single-user backend executes 150 and 450 times under
callgrind: the difference, by 300, is one call, and "SELECT 1" of the same build is
subtracted, because it is PostgreSQL's.  BASE is built apart; nothing is written into it.
A target that is missed is printed as missed.
"""
import os
import re
import shutil
import subprocess
import sys

import measure
from cache import Bench

TOP = os.path.dirname(os.path.dirname(measure.HERE))
WORK = os.environ["BENCH_WORK"]
PG_CONFIG = os.environ.get("PG_CONFIG") or "pg_config"
FEW, MANY = 150, 450
FLOOR = "SELECT 1"

# one statement per line, as a single-user backend reads them; each is known to every version
SETUP = """CREATE EXTENSION agentcore
SELECT agentcore.policy_set('web'), agentcore.policy_allow('web', '*.example.com')
SELECT agentcore.policy_allow_tool('web', tool) FROM unnest('{fetch,plain}'::text[]) tool
SELECT agentcore.budget_set('team', max_tokens => 1000000000, max_usd => 500000, period => '1 day')
SELECT agentcore.tool_set('fetch', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}, "required": ["url"]}', cache_ttl => '1 day', est_tokens => 500)
SELECT agentcore.tool_set(tool, '{"type": "object", "properties": {"q": {"type": "string"}, "n": {"type": "integer"}}, "required": ["q"]}', est_tokens => 500) FROM unnest('{plain,other}'::text[]) tool
SELECT agentcore.agent_set('paid', 'web', 'team'), agentcore.agent_set('free', 'web')
SELECT agentcore.model_price_set('m', 0.000001, 0.000002)
CREATE SEQUENCE number CACHE 1000
"""
# what the cache holds goes with the server
WARM = """SELECT agentcore.call_commit(call_id, '{"status": 200}') FROM agentcore.call_begin('paid', 'fetch', '{"url": "https://api.example.com/x"}')
"""
# rules are younger than some versions to compare with
RULES = """SELECT agentcore.policy_set(p), agentcore.agent_set(p, p) FROM unnest('{named,ruled}'::text[]) p
SELECT agentcore.tool_set('refund', '{"type": "object"}', cache_ttl => '1 day', cache_scope => 'tenant')
SELECT agentcore.policy_allow_tool('named', 'refund'), agentcore.policy_allow_tool('ruled', 'refund', name => 'one', "when" => '{"/args/amount": {"minimum": 0.01, "maximum": 500}}')
"""
WARM_RULES = """SELECT agentcore.call_commit(call_id, '{"ok": true}') FROM agentcore.call_begin('named', 'refund', '{"amount": 60, "order_id": "o7"}')
"""


def begin(agent, tool, args, more=""):
    return f"agentcore.call_begin('{agent}', '{tool}', {args}{more})"


COMMIT = "SELECT agentcore.call_commit(call_id, '{\"ok\": true}', tokens => 300) FROM "
CASES = {
    "run": ("begin and commit, with a budget", COMMIT + begin("paid", "plain", "'{\"q\": \"hello\", \"n\": 5}'")),
    "free": ("begin and commit, without one", COMMIT + begin("free", "plain", "'{\"q\": \"hello\", \"n\": 5}'")),
    "task": ("begin and commit, in a task", COMMIT + begin("paid", "plain", "jsonb_build_object('q', 'hello', 'n', nextval('number'))", ", task => 'job'")),
    "cached": ("answered from the cache, after a look at a URL", "SELECT verdict, result FROM " + begin("paid", "fetch", "'{\"url\": \"https://api.example.com/x\"}'")),
    "schema": ("refused by the schema", "SELECT verdict, reason FROM " + begin("paid", "plain", "'{\"n\": 5}'")),
    "policy": ("refused by the policy", "SELECT verdict, reason FROM " + begin("paid", "other", "'{\"q\": \"hello\"}'")),
    "model": ("model call, begin and commit", "SELECT agentcore.llm_commit(call_id, tokens => 120) FROM agentcore.llm_begin('paid', 'm', 100, 200)"),
}
REFUND = "'{\"amount\": 60, \"order_id\": \"o7\"}'"
RULE_CASES = {"named": "SELECT verdict FROM " + begin("named", "refund", REFUND), "ruled": "SELECT verdict FROM " + begin("ruled", "refund", REFUND)}


class Side:
    """One build: its directory holds stage/, and gets a cluster that only single-user backends use."""

    def __init__(self, directory, name, setup, warm):
        self.directory, self.warm = os.path.join(WORK, f"instructions-{name}"), warm
        self.data = os.path.join(self.directory, "data")
        self.postgres = os.path.join(self.output(PG_CONFIG, "--bindir"), "postgres")
        os.makedirs(self.directory)
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres")
        self.own([os.path.join(os.path.dirname(self.postgres), "initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(self.output(os.path.join(TOP, "tools/cluster"), "settings", directory) + "\n")
            file.write("shared_preload_libraries = agentcore\nfsync = off\nsynchronous_commit = off\nautovacuum = off\n"
                       "timezone = UTC\nagentcore.budget_guard = off\ncheckpoint_timeout = 1h\n")
        self.execute(self.data, setup)
        self.floor = self.counted(FLOOR)

    @staticmethod
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    @staticmethod
    def own(command, **more):
        """PostgreSQL does not run as root."""
        owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        run = subprocess.run(owner + command, capture_output=True, text=True, cwd="/", **more)
        if run.returncode or re.search("ERROR|FATAL", run.stderr):
            raise measure.Failed(run.stderr[-4000:])
        return run.stderr

    def execute(self, data, sql, *tool):
        return self.own([*tool, self.postgres, "--single", "-D", data, "postgres"], input=sql)

    def total(self, statement, times):
        """Instructions of a whole backend; each begins with the same rows."""
        copy = os.path.join(self.directory, "copy")
        self.own(["cp", "-a", self.data, copy])
        text = self.execute(copy, self.warm + f"PREPARE q AS {statement}\n" + "EXECUTE q\n" * times,
                            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
        shutil.rmtree(copy)
        return int(re.search(r"Collected : (\d+)", text).group(1))

    def counted(self, statement):
        return (self.total(statement, MANY) - self.total(statement, FEW)) / (MANY - FEW)

    def net(self, statement):
        return self.counted(statement) - self.floor


def build_base(base):
    """A copy of the checkout, built and installed into a stage of its own."""
    directory = os.path.join(WORK, "base")
    tree = os.path.join(directory, "tree")
    shutil.copytree(base, tree, ignore=shutil.ignore_patterns("build", ".git", "*.o", "*.bc", "*.so"), symlinks=True)
    for arguments in (["all"], ["install", f"DESTDIR={directory}/stage"]):
        run = subprocess.run(["make", "-s", "-C", tree, f"PG_CONFIG={PG_CONFIG}", "with_llvm=no", *arguments], capture_output=True, text=True)
        if run.returncode:
            raise measure.Failed(run.stdout + run.stderr)
    subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
    return Side(directory, "base", SETUP, WARM)


def main():
    bench = Bench(WORK, None)
    if not shutil.which("valgrind"):
        bench.say("NOT MEASURED: there is no valgrind")
        return
    cases = (os.environ.get("CASES") or " ".join(CASES)).split()
    here = Side(WORK, "here", SETUP + RULES, WARM + WARM_RULES)
    base = build_base(os.environ["BASE"]) if os.environ.get("BASE") else None
    bench.say(f"Instructions of a single-user backend per call, without the {here.floor:,.0f} of a prepared {FLOOR}.")
    bench.head("Nothing used", "case", "instructions", "before", "more", "target")
    for name in cases:
        title, statement = CASES[name]
        now = here.net(statement)
        before = base.net(statement) if base else None
        more = None if before is None else 100 * (now / before - 1)
        bench.row(title, f"{now:,.0f}", "" if before is None else f"{before:,.0f}", "" if more is None else f"{more:+.2f} %",
                  "" if more is None else bench.target(title, "<= 3 %", more <= 3))
    named, ruled = (here.net(RULE_CASES[name]) for name in ("named", "ruled"))
    bench.head("A rule that looks at the call", "case", "instructions", "more")
    bench.row("answered from the cache, allowed by the tool's name", f"{named:,.0f}", "")
    bench.row("the same, allowed by one condition", f"{ruled:,.0f}", f"{ruled - named:,.0f}")
    bench.say("\ntargets missed: " + ("; ".join(bench.missed) or "none"))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as error:
        sys.exit(str(error))
