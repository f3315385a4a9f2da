#!/usr/bin/python3
"""Random rules with conditions, asked about random calls, against a naive oracle (lib/rules_oracle.py).

    test/model/rules.py [ROUNDS [SEED]]    default: 60 rounds, the seed of lib/seed.py

Each round writes rules (allow, deny, ask; conditions of every word, pointers with `*` and `?`, `equals`, `in`)
into an agent's policy and into the policy '*', and asks about calls (absent members, null, other types, numbers as
text, arrays, unicode, keys that look alike):
  the reason is the oracle's;
  the same rules written in another order give the same reason;
  one deny more opens nothing, one ask more lets nothing run, and one allow more lifts neither a deny nor an ask;
  a call lacking any one member of its arguments is opened by no allow that names it without `?`.
"""
import decimal
import json
import random
import sys

import psycopg

from lib import rules_oracle as oracle
from lib import seed as seed_of

D = decimal.Decimal
TEXTS = ["", "a", "b", "ab", "ä", "ab\n", "а", "5", "500", "prod", "c1", "10.1.2.3", "10.1.2.256", "00000000-0000-0000-0000-000000000001", "𝄞", "true", "null", "a@example.com"]
NUMBERS = [D(0), D(5), D("5.0"), D("5.5"), D(500), D(-1), D("1E400"), D("1E-20"), D(3), D(501)]
SCALARS = [*TEXTS, *NUMBERS, True, False]
KEYS = ["a", "b", "c", "A", "0", "*", "a/b", "~", "ü", "a?", ""]
PATTERNS = ["^a", "^[a-z]*$", "^(?:a|b)$", "b$", "^.$", "^[a-z]+@example\\.com$", "^\\d+$"]
POINTERS = ["/args/a", "/args/a", "/args/b", "/args/b", "/args/c", "/args/a/*", "/args/b/*", "/args/a/0", "/args/a/b", "/args/b/a", "/args/a/*/b", "/args/a/*/*", "/args/c/*/a/*", "/args/0", "/args/a~1b", "/args/~0",
            "/args/ü", "/args/*", "/args/a~1b/0", "/args/A", "/args/", "/subject", "/task", "/labels", "/labels/*", "/labels/0", "/traits", "/traits/*", "/est_usd", "/est_tokens", "/tool", "/agent",
            "/facts/f", "/facts/f/*", "/facts/f/0", "/facts/g", "/args"]
OTHERS = ["/subject", "/subject", "/task", "/tool", "/args/a", "/args/b", "/args/b", "/facts/f", "/facts/f/0", "/labels", "/traits", "/args/a/0", "/args/c", "/facts/g", "/est_tokens"]
TOOLS = ["pay", "pay", "pay", "pa*", "*", "play", "pay*", "p"]
LABELS, TRAITS = ["untrusted", "a", "ä"], ["a", "money"]


def as_json(value):
    """Decimal numbers are written as they are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {as_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    return str(value) if isinstance(value, D) else json.dumps(value)


class Made:
    """Random schemas, rules and calls."""

    def __init__(self, dice):
        self.dice = dice

    def value(self, depth=0):
        draw = self.dice.random()
        if draw < .62 or depth > 3:
            return self.dice.choice(SCALARS)
        if draw < .67:
            return None
        if draw < .88:
            return [self.value(depth + 1) for _ in range(self.dice.choice([0, 1, 1, 2, 3]))]
        return {self.dice.choice(KEYS[:4]): self.value(depth + 1) for _ in range(self.dice.choice([0, 1, 2]))}

    def args(self):
        args = {key: self.value() for key in self.dice.sample(KEYS, self.dice.choice([0, 1, 3, 5, 8]))}
        return args | {key: self.value() for key in "ab" if self.dice.random() < .7}

    def words_of(self, kind, depth):
        dice = self.dice
        if kind == "number":
            word = dice.choice(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "const", "enum"])
            return {"enum": dice.sample(NUMBERS, 2)} if word == "enum" else {word: dice.choice([D(1), D(5), D("0.5")] if word == "multipleOf" else NUMBERS)}
        if kind == "string":
            word = dice.choice(["minLength", "maxLength", "pattern", "pattern", "format", "const", "enum"])
            return {word: {"enum": dice.sample(TEXTS, 2), "pattern": dice.choice(PATTERNS), "format": dice.choice(sorted(oracle.FORMATS)), "const": dice.choice(TEXTS)}.get(word, dice.choice([0, 1, 2]))}
        if kind == "array":
            word = dice.choice(["items", "contains", "contains", "minItems", "maxItems", "uniqueItems", "const"])
            made = {word: {"items": self.schema(depth + 1), "contains": self.schema(depth + 1), "uniqueItems": True, "const": [dice.choice(SCALARS)]}.get(word, dice.choice([0, 1, 2]))}
            if word == "contains":
                made |= {bound: dice.choice([0, 1, 2]) for bound in ("minContains", "maxContains") if dice.random() < .3}
            return made
        return {"const": dice.choice([True, False])} if kind == "boolean" else {}

    def schema(self, depth=0):
        dice, kind = self.dice, self.dice.choice(["number", "number", "string", "string", "array", "boolean", "object"])
        draw = dice.random()
        if draw < .3 and depth < 3:
            word = dice.choice(["not", "not", "not", "anyOf", "allOf", "oneOf"])
            made = {word: self.schema(depth + 1) if word == "not" else [self.schema(depth + 1) for _ in range(dice.choice([1, 2, 3]))]}
            types = sorted(oracle.types_of(made))
            if dice.random() < .6:
                made["type"] = types if dice.random() < .3 else sorted({*types, dice.choice(["string", "number"])})
            return made
        made = self.words_of(kind, depth)
        if not made or dice.random() < .25:
            made["type"] = dice.choice([kind, "integer"]) if kind == "number" else [kind, dice.choice(["string", "boolean"])] if dice.random() < .2 and kind not in ("string", "boolean") else kind
        return made

    def term(self):
        draw, schema = self.dice.random(), {}
        if draw < .8:
            schema = self.schema()
        if draw > .65:
            schema = schema | {self.dice.choice(["equals", "in"]): self.dice.choice(OTHERS)}
        # most look at the same two members, so that rules meet
        return self.dice.choice(POINTERS if self.dice.random() < .6 else ["/args/a", "/args/b"]) + self.dice.choice(["", "", "?"]), schema

    def rule(self, number, effect=None):
        dice = self.dice
        effect = effect or dice.choice(["allow", "allow", "allow", "allow", "deny", "ask"])
        when = dict(self.term() for _ in range(dice.choice([1, 1, 1, 2, 3]))) if dice.random() < (.93 if effect == "allow" else .99) else None
        common = effect != "allow" and dice.random() < .3
        return {"effect": effect, "tool": dice.choice(TOOLS), "when": when, "name": f"r{number}", "common": common,
                "audit": effect != "allow" and when is not None and dice.random() < .08, "over": dice.random() < .05}

    def context(self):
        dice, task = self.dice, self.dice.choice([None, "t0", "t1", "t2"])
        made = {"tool": "pay", "traits": TRAITS, "args": self.args(), "agent": "m", "task": task, "subject": dice.choice([None, "c1", "a", "5"]),
                "est_usd": dice.choice([None, D(0), D(5), D("5.5")]), "est_tokens": dice.choice([None, D(0), D(5), D(500)])}
        if task:
            made |= {"labels": sorted({"t0": [], "t1": LABELS[:1], "t2": LABELS}[task]), "facts": FACTS[task]}
        return made


FACTS = {"t0": {}, "t1": {"f": ["c1", "a"]}, "t2": {"f": [D(5), "a"], "g": ["x"]}}


class Round:
    def __init__(self, connection, dice, problems):
        self.connection, self.dice, self.problems, self.made = connection, dice, problems, Made(dice)
        self.refused, self.seen = [], {}
        wanted = [self.made.rule(n) for n in range(dice.choice([1, 2, 4, 8, 20]))]
        self.rules = [rule for rule in wanted if self.may_be(rule)]
        self.contexts = [self.made.context() for _ in range(25)]

    def add(self, rule):
        more = {"deny": ", audit => %(audit)s", "ask": ", audit => %(audit)s, votes => 1", "allow": ""}[rule["effect"]]
        self.connection.execute(f"SELECT agentcore.policy_{rule['effect']}_tool(%(policy)s, %(tool)s, %(valid)s::tstzrange, %(when)s::jsonb, %(name)s{more})",
                                {**rule, "policy": "*" if rule["common"] else "m", "when": rule["when"] and as_json(rule["when"]), "valid": "(,2020-01-01)" if rule["over"] else None})

    def may_be(self, rule):
        """Whether it may be written; what is refused is refused whole."""
        try:
            with self.connection.transaction(force_rollback=True):
                self.add(rule)
        except psycopg.errors.InvalidParameterValue as error:
            self.refused.append(f"{rule['effect']} {as_json(rule['when'])}: {error.diag.message_detail}")
            return False
        return True

    def write(self, rules):
        self.connection.execute("SELECT agentcore.policy_drop('m'), agentcore.policy_drop('*'), agentcore.policy_set('m'), agentcore.policy_set('*')")
        for rule in rules:
            self.add(rule)

    def ask(self, context):
        with self.connection.transaction(force_rollback=True):
            row = self.connection.execute(
                "SELECT verdict, reason, detail FROM agentcore.call_begin('m', 'pay', %s::jsonb, %s::bigint, %s::numeric, task => %s, subject => %s)",
                (as_json(context["args"]), context["est_tokens"], context["est_usd"], context["task"], context["subject"])).fetchone()
        return (None if row[0] == "run" else row[1]), row[2]

    def report(self, problem, rules, context):
        self.problems.append(f"{problem}; rules {[(r['effect'], r['tool'], as_json(r['when']), *(w for w in ('common', 'audit', 'over') if r[w])) for r in rules]}; call {as_json(context)}")

    def answers(self, rules, against=True):
        self.write(rules)
        got = [self.ask(context) for context in self.contexts]
        for context, (reason, detail) in zip(self.contexts, got):
            self.seen[reason] = self.seen.get(reason, 0) + 1
            wanted = oracle.decision(context, rules)
            if against and reason != wanted:
                words = {r["name"]: oracle.condition(context, r["when"], r["effect"] == "allow") for r in rules if oracle.covers(r, "pay")}
                self.report(f"{reason} ({detail}), the oracle {wanted} of {words}", rules, context)
        return [reason for reason, _ in got]

    def more(self, effect, base):
        rule = self.made.rule(99, effect)
        if not self.may_be(rule):
            return
        for context, one, two in zip(self.contexts, base, self.answers([rule, *self.rules])):
            opened = {"deny": two != one and two != "denylist_match", "ask": two is None and one is not None,
                      "allow": one == "denylist_match" != two or two is None and one == "approval_required"}[effect]
            if opened and not (rule["audit"] or rule["over"]):
                self.report(f"{one}, with one {effect} more {two}", [rule, *self.rules], context)

    def without_a_member(self):
        """What an allow names has to be there."""
        for context in self.contexts[:5]:
            for key in list(context["args"]):
                less = {**context, "args": {k: v for k, v in context["args"].items() if k != key}}
                reason, detail = self.ask(less)
                if reason != oracle.decision(less, self.rules):
                    self.report(f"{reason} ({detail}) without {key}, the oracle {oracle.decision(less, self.rules)}", self.rules, less)

    def run(self):
        base = self.answers(self.rules)
        self.without_a_member()
        shuffled = self.dice.sample(self.rules, len(self.rules))
        for context, one, two in zip(self.contexts, base, self.answers(shuffled)):
            if one != two:
                self.report(f"{one}, in another order {two}", shuffled, context)
        for effect in ("deny", "ask", "allow"):
            self.more(effect, base)


def prepare(connection):
    connection.execute("SELECT agentcore.tool_set('pay', '{\"type\": \"object\"}', traits => %s), agentcore.policy_set('m'), agentcore.policy_set('*'), agentcore.agent_set('m', policy => 'm')", (TRAITS,))
    connection.execute("SELECT agentcore.task_set('t1', labels => %s), agentcore.task_set('t2', labels => %s), agentcore.task_set('t0')", (LABELS[:1], LABELS))
    connection.execute("DELETE FROM agentcore.task_fact WHERE policy = 'm'")
    for task, facts in FACTS.items():
        for fact, values in facts.items():
            for value in values:
                connection.execute("INSERT INTO agentcore.task_fact (tenant, root, fact, state, value, call_id, policy, tool, pattern, at) "
                                   "VALUES ('', %s, %s, 'held', %s::jsonb, gen_random_uuid(), 'm', 'pay', 'pay', now())", (task, fact, as_json(value)))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = seed_of.chosen(*sys.argv[2:3])
    dice, problems, seen, refused = random.Random(seed), [], {}, []
    with psycopg.connect("", autocommit=True) as connection:
        connection.execute("SET client_min_messages = error")
        prepare(connection)
        for _ in range(rounds):
            one = Round(connection, dice, problems)
            one.run()
            refused += one.refused
            for reason, n in one.seen.items():
                seen[reason] = seen.get(reason, 0) + n
            if len(problems) >= 10:
                break
    asked = sum(seen.values())
    if not problems and rounds >= 20 and any(seen.get(reason, 0) < asked / 100 for reason in (None, "denylist_match", "not_in_allowlist", "approval_required")):
        problems.append(f"nearly everything was answered alike: the calls prove nothing: {seen}")
    said = ", ".join(f"{n} {reason or 'run'}" for reason, n in sorted(seen.items(), key=str))
    print(f"{rounds} policies, {asked} answers, {said}, {len(refused)} rules refused; seed {seed}")
    if "-v" in sys.argv:
        print("\n".join(refused))
    for problem in problems[:10]:
        print(f"PROBLEM: {problem}")
    print(f"{asked - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
