#!/usr/bin/python3
"""Policies of random rules against an oracle in SQL, and what must hold of every policy.

    test/model/allow.py [ROUNDS [SEED]]    default: 40 rounds, the seed of lib/seed.py

Each round makes a policy and asks it a set of requests:
  the answer and its reason are those of lib/allow_oracle.sql, which looks at every rule,
    and policy_explain() names the same rules and entries as matching;
  url_allowed(), url_check() and the last row of policy_explain() agree;
  the same rules written in another order answer the same;
  one deny more never allows; one special entry more never allows;
  one allow more never lifts a deny rule;
  addresses pass ip_check() together exactly when each passes alone.
"""
import pathlib
import random
import sys

import psycopg

from lib import seed as seed_of

PATTERNS = ["example.com", "*.example.com", "a.example.com", "*.a.example.com", "notexample.com", "example.org", "*.evil.example.net", "*",
            "localhost", "*.localhost", "*.dev.internal", "db.internal", "*.internal", "printer", "printer.local", "metadata.google.internal",
            "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "8.8.8.0/24", "8.8.8.8", "169.254.0.0/16", "169.254.169.254", "127.0.0.1",
            "[::]/0", "[2606:4700::]/32", "[64:ff9b::]/96", "[64:ff9b:1::]/48", "[2002::]/16", "[2001::]/23", "[2001::]/32", "[::]/96", "[::1]", "[::ffff:0:0:0]/96"]
PREFIXES = ["/v1", "/v1/", "/v1/admin", "/", "/%761"]
PORTS = [[443], [80], [8080], [443, 8080], [80, 443, 8080]]
METHODS = [["GET"], ["POST"], ["GET", "POST"], ["DELETE"]]
VALID = ["[2000-01-01,2100-01-01)", "[2100-01-01,)", "(,2100-01-01)"]
HOSTS = ["example.com", "a.example.com", "b.a.example.com", "EXAMPLE.com.", "notexample.com", "aexample.com", "xa.example.com", "example.com.evil.example.net", "evil.example.net", "com", "example.org", "www.example.org",
         "localhost", "x.localhost", "dev.internal", "x.dev.internal", "db.internal", "internal", "printer", "scanner", "printer.local", "metadata.google.internal",
         "10.1.2.3", "10.1.9.9", "10.2.0.1", "8.8.8.8", "8.8.8.9", "8.8.4.4", "169.254.169.254", "169.254.1.1", "127.0.0.1", "127.1", "0.0.0.0",
         "[::1]", "[::]", "[2606:4700::1]", "[::ffff:10.1.2.3]", "[::ffff:8.8.8.8]", "[::10.1.2.3]", "[::8.8.8.8]", "[::ffff:0:10.1.2.3]", "[64:ff9b::10.1.2.3]", "[64:ff9b::8.8.8.8]",
         "[2002:a01:203::1]", "[2002:808:808::1]", "[2001:0:808:808::f5fe:fdfc]", "[2001:0:808:808::f7f7:f7f7]", "[2001:0:a01:203::f7f7:f7f7]", "[2001:0:a01:909::f5fe:fdfc]", "[2001:0:a02:1::f5fe:fdfc]", "[2001:0:a01:203::f5fd:fffe]", "[64:ff9b:1::8.8.8.8]", "[64:ff9b:1:808:8:800::]", "[64:ff9b:1:a01:2:300::]", "a@example.com"]
PATHS = ["/", "/v1", "/v1/x", "/v1x", "/%761/x", "/V1", "/v1/admin", "/v1/%61dmin/x", "/v1//admin", "/v1/..;/admin", "/v1%2fadmin", "/v1/../admin", "/v1/%00", "/v1/a;b", "/v1/%252e",
         "/v1;x", "/v1;x=1/y", "/v1.", "/v1%20", "/v1..%20./x", "/V1/ADMIN.", "/v1/admin;/x", "/v1/admin%3bx", "/v1::$data", "/v1%3fx", "/...", "/v1/.%20/x", "/v1/%20", "/v1/;x", "/v1.json"]

ASK = """
SELECT c.allowed, coalesce(c.reason, 'allow'), c.detail,
       agentcore.url_allowed(%(policy)s, q.url, q.method),
       (SELECT x.matched FROM agentcore.policy_explain(%(policy)s, q.url, q.method) AS x WHERE x.effect = 'decision'),
       CASE WHEN %(oracle)s THEN pg_temp.oracle(%(policy)s, q.url, q.method) END,
       CASE WHEN %(explain)s THEN pg_temp.matching(%(policy)s, q.url, q.method) END,
       (SELECT string_agg(DISTINCT m.what, ' ' ORDER BY m.what)
          FROM agentcore.policy_explain(%(policy)s, q.url, q.method) AS x, coalesce(x.rule::text, translate(x.pattern, '[]', '')) AS m (what)
         WHERE x.matched AND x.effect <> 'decision')
  FROM unnest(%(urls)s::text[], %(methods)s::text[]) WITH ORDINALITY AS q (url, method, n), agentcore.url_check(%(policy)s, q.url, q.method) AS c
 ORDER BY q.n"""


class Round:
    def __init__(self, connection, dice, problems):
        self.connection, self.dice, self.problems = connection, dice, problems
        self.asked, self.allowed, self.refused_rules = 0, 0, 0
        self.questions = [(f"{dice.choice(['http', 'https', 'https', 'ws'])}://{dice.choice(HOSTS)}{dice.choice(['', '', '', ':8080', ':80'])}{dice.choice(PATHS)}",
                           dice.choice(["GET", "GET", "GET", "GET", "POST", "POST", "get", "", "G T", "DELETE"])) for _ in range(50)]
        self.rules = [self.rule() for _ in range(dice.choice([1, 3, 8, 16, 30, 60]))]

    def rule(self, effect=None):
        dice = self.dice
        maybe = lambda share, values: dice.choice(values) if dice.random() < share else None  # noqa: E731
        return (effect or dice.choice(["allow", "allow", "allow", "deny"]), dice.choice(PATTERNS), maybe(.2, METHODS), maybe(.2, PORTS), maybe(.25, PREFIXES), maybe(.15, VALID))

    def add(self, policy, rule):
        effect, *arguments = rule
        try:
            with self.connection.transaction():
                self.connection.execute(f"SELECT agentcore.policy_{effect}(%s, %s, %s, %s, %s, %s::tstzrange)", (policy, *arguments))
        except psycopg.errors.InvalidParameterValue:
            self.refused_rules += 1

    def policy(self, name, rules, methods):
        self.connection.execute("SELECT agentcore.policy_drop(%s), agentcore.policy_set(%s, schemes => %s, methods => %s)", (name, name, ["https", "http"], methods))
        for rule in rules:
            self.add(name, rule)

    def ask(self, policy, oracle=False, explain=False):
        urls, methods = zip(*self.questions)
        rows = self.connection.execute(ASK, {"policy": policy, "urls": list(urls), "methods": list(methods), "oracle": oracle, "explain": explain}).fetchall()
        for question, (allowed, reason, detail, fast, explained, wanted, matching, named) in zip(self.questions, rows):
            self.asked += 1
            self.allowed += allowed
            if oracle and wanted != reason:
                self.report(f"{question} of {policy}: {reason} ({detail}), the oracle: {wanted}")
            if explain and matching != named:
                self.report(f"{question} of {policy}: policy_explain() says that {named} match, the oracle {matching}")
            if not allowed == fast == explained == (reason == "allow"):
                self.report(f"{question} of {policy}: url_check() {allowed}, url_allowed() {fast}, policy_explain() {explained}, {reason}")
        return [(allowed, reason, detail or "") for allowed, reason, detail, *_ in rows]

    def report(self, problem):
        self.problems.append(f"{problem}; rules {self.rules}")

    def run(self):
        methods = self.dice.choice([None, None, None, ["GET", "POST"]])
        self.policy("base", self.rules, methods)
        base = self.ask("base", oracle=True, explain=True)
        shuffled = self.dice.sample(self.rules, len(self.rules))
        self.policy("other", shuffled, methods)
        for question, one, two in zip(self.questions, base, self.ask("other")):
            if one[:2] != two[:2]:
                self.report(f"{question}: {one}, in another order {two} of {shuffled}")

        deny, allow = self.rule("deny"), self.rule("allow")
        self.policy("other", [*self.rules, deny], methods)
        for question, one, two in zip(self.questions, base, self.ask("other", oracle=True)):
            if two[0] and not one[0]:
                self.report(f"{question}: {one}; with one deny more, {deny}, {two}")
        self.policy("other", [*self.rules, allow], methods)
        for question, one, two in zip(self.questions, base, self.ask("other", oracle=True)):
            if one[2].startswith("rule: ") and one != two or one[0] and not two[0]:
                self.report(f"{question}: {one}; with one allow more, {allow}, {two}")
        self.more_specials(base)
        self.addresses()

    def more_specials(self, base):
        with self.connection.transaction(force_rollback=True):
            pattern = self.dice.choice([p for p in PATTERNS if p != "*"])
            self.connection.execute("SELECT agentcore.special_set(%s, 'made up')", (pattern,))
            for question, one, two in zip(self.questions, base, self.ask("base", oracle=True)):
                if two[0] and not one[0]:
                    self.report(f"{question}: {one}; with {pattern} special {two}")

    def addresses(self):
        hosts = [host.strip("[]") for host in HOSTS if host[0] == "[" or host[0].isdigit() and host != "127.1"]
        chosen = self.dice.sample(hosts, self.dice.choice([1, 2, 3, 5]))
        check = "SELECT allowed FROM agentcore.ip_check('base', %s::inet[])"
        together = self.connection.execute(check, (chosen,)).fetchone()[0]
        alone = [self.connection.execute(check, ([one],)).fetchone()[0] for one in chosen]
        if together != all(alone):
            self.report(f"ip_check({chosen}) {together}, each alone {alone}")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    seed = seed_of.chosen(*sys.argv[2:3])
    dice, problems = random.Random(seed), []
    asked = allowed = refused_rules = 0
    with psycopg.connect("", autocommit=True) as connection:
        # the planner takes the oracle's functions for dear
        connection.execute("SET jit = off")
        connection.execute((pathlib.Path(__file__).parent / "lib/allow_oracle.sql").read_text())
        for _ in range(rounds):
            one = Round(connection, dice, problems)
            one.run()
            asked, allowed, refused_rules = asked + one.asked, allowed + one.allowed, refused_rules + one.refused_rules
            if len(problems) >= 10:
                break
    # a few policies are no sample: each may deny everything
    if not problems and rounds >= 20 and (allowed < asked / 50 or allowed > asked / 2):
        problems.append("nearly everything was answered alike: the requests prove nothing")
    print(f"{rounds} policies, {asked} answers, {allowed} allowed, {refused_rules} rules refused; seed {seed}")
    for problem in problems[:10]:
        print(f"PROBLEM: {problem}")
    print(f"{asked - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
