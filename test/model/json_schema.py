#!/usr/bin/python3
"""Validation against other validators, over random schemas and instances.

    test/model/json_schema.py [CASES [SEED]]    default: 10000 cases, the seed of lib/seed.py
    test/model/json_schema.py replay SEED       one schema again (with the same judges and suite)

The judges are a slow evaluator written from the specification, which is always
there, python3-jsonschema (every draft) and ajv (draft 7 and later) where they are
installed; what is absent is said loudly.  A schema is generated, or is one of the
JSON-Schema-Test-Suite (if $AGENTCORE_SHARED has it), and may be mutated; instances
are made from it, and mutated.  Three ways of ours must agree too: by schema, by
tool, and the walk that collects errors.

A case where another says otherwise than we do must be explained by DISAGREEMENTS or
REFUSALS below, each a rule that is known to be wrong elsewhere or refused by design;
anything else is shrunk, printed and fails.
"""
import copy
import json
import os
import pathlib
import random
import sys

import psycopg

from lib import seed as seed_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
from judges import Ajv, ByTheBook, Ours, Python  # noqa: E402
from schemas import DIALECTS, Generator, at, fresh_schema, mutated, places  # noqa: E402

INSTANCES = 20


# ----- what is known to differ

def words(document):
    """Every key of every object."""
    return {path[-1] for path, _ in places(document) if path and isinstance(path[-1], str)}


def uses(*keywords):
    return lambda case: words(case.schema) & set(keywords)


def true_and_one(case):
    """Both a boolean and the number that Python takes for it, and something that compares."""
    scalars = [value for _, value in places([case.schema, case.instance]) if isinstance(value, (bool, int, float))]
    return (any(isinstance(value, bool) for value in scalars) and any(value in (0, 1) for value in scalars if not isinstance(value, bool))
            and uses("enum", "const", "uniqueItems")(case))


def beyond_doubles(case):
    """A number that a double, or a quotient of two, does not hold."""
    numbers = [value for _, value in places([case.schema, case.instance]) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return any(abs(value) >= 2 ** 53 for value in numbers) or uses("multipleOf")(case) and any(value != int(value) for value in numbers)


def siblings_of_ref(case):
    return case.dialect == "draft7" and any(isinstance(value, dict) and isinstance(value.get("$ref"), str) and len(value) > 1 for _, value in places(case.schema))


def empty_array(case):
    return uses("contains")(case) and any(value == [] for _, value in places([case.instance]))


def inherited_name(case):
    names = {value for _, value in places(case.schema) if isinstance(value, str)} | words(case.schema)
    return any(name in names for name in ("constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"))


def empty_token(case):
    return any(isinstance(value, str) and value.startswith("#/") and "//" in value + "/" for _, value in places(case.schema))


def escapes(case):
    return "\\\\" in json.dumps(case.schema)


# peer, which cases, why
DISAGREEMENTS = [
    ("python3-jsonschema", uses("unevaluatedItems", "unevaluatedProperties"), "its unevaluated* do not follow the specification"),
    ("python3-jsonschema", beyond_doubles, "it computes with doubles"),
    ("ajv", beyond_doubles, "it computes with doubles"),
    ("python3-jsonschema", true_and_one, "inside arrays and objects true is 1 and false is 0"),
    ("python3-jsonschema", uses("$recursiveRef", "$dynamicRef"), "its dynamic references do not follow the specification"),
    ("python3-jsonschema", empty_token, "it drops empty tokens of a JSON Pointer"),
    ("python3-jsonschema", escapes, "patterns are Python's, where a class such as \\d is Unicode's"),
    ("ajv", uses("unevaluatedItems", "unevaluatedProperties"), "branches that failed, if without then, and unevaluated* inside each other mark wrongly"),
    ("ajv", siblings_of_ref, "it heeds what stands beside a $ref in draft 7"),
    ("ajv", empty_array, "contains, beside items, takes an empty array"),
    ("ajv", inherited_name, "every object has what JavaScript's prototypes have: constructor, toString"),
]

# what we refuse by design, and others evaluate: part of the message, why
REFUSALS = [
    ("references itself without going deeper", "a schema that may loop at one place of the instance is refused when it is compiled"),
    ("\"$ref\" must be a string", "a $ref that is no string is refused, where others ignore it"),
    ("\"$ref\" refers to", "an unresolved reference is refused when the schema is compiled, not when it is followed"),
]


class Case:
    def __init__(self, peer, dialect, schema, instance, refusal):
        self.peer, self.dialect, self.schema, self.instance, self.refusal = peer, dialect, schema, instance, refusal

    def explained(self):
        if self.refusal:
            return next((reason for part, reason in REFUSALS if part in self.refusal), None)
        return next((reason for name, rule, reason in DISAGREEMENTS if name == self.peer and rule(self)), None)


# ----- one schema and its instances

class Fuzz:
    def __init__(self):
        self.ours, self.peers, self.known = Ours(), [], {}
        self.cases, self.verdicts, self.accepted, self.unlawful, self.refused = 0, 0, 0, 0, 0
        self.absent = []
        self.start("the specification", ByTheBook)
        self.start("python3-jsonschema", Python)
        self.start("ajv", Ajv)
        self.suite = self.read_suite()

    def start(self, name, kind):
        try:
            self.peers.append(kind())
        except OSError as error:
            self.absent.append(f"{name}: {error}")

    @staticmethod
    def read_suite():
        tests = pathlib.Path(os.environ.get("AGENTCORE_SHARED", "../shared")) / "conformance/json-schema/tests"
        found = {}
        for dialect, directory in DIALECTS.items():
            found[dialect] = [(case["schema"], [test["data"] for test in case["tests"]])
                              for path in sorted((tests / directory).glob("*.json")) for case in json.loads(path.read_text())
                              if "$schema" not in words(case["schema"]) - ({"$schema"} if isinstance(case["schema"], dict) and "$schema" in case["schema"] else set())
                              and "\\u0000" not in json.dumps(case) and "http" not in json.dumps({k: v for k, v in case["schema"].items() if k != "$schema"} if isinstance(case["schema"], dict) else "")]
        return found

    def make(self, seed):
        chance = random.Random(seed)
        dialect = chance.choice(list(DIALECTS))
        generator = Generator(chance, dialect)
        data = []
        if self.suite[dialect] and chance.random() < 0.4:
            schema, data = chance.choice(self.suite[dialect])
            schema = {key: value for key, value in schema.items() if key != "$schema"} if isinstance(schema, dict) else schema
        else:
            schema = generator.document()
        if chance.random() < 0.5:
            schema = mutated(chance, schema, fresh_schema(generator))
        instances = [copy.deepcopy(one) for one in data[:INSTANCES // 2]]
        while len(instances) < INSTANCES:
            instances.append(generator.instance(schema, schema))
        for i in range(INSTANCES):
            if chance.random() < 0.5:
                instances[i] = mutated(chance, instances[i], lambda value, key: generator.value(1))
        return dialect, schema, instances

    def run(self, seed):
        """What is wrong with one schema, or None."""
        dialect, schema, instances = self.make(seed)
        if not isinstance(schema, (dict, bool)) or not all(peer.lawful(dialect, schema) for peer in self.peers if isinstance(peer, Python)):
            self.unlawful += 1
            return None
        own = self.ours.judge(dialect, schema, instances)
        why = self.ours.why
        self.cases += len(instances)
        wrong = self.against_peers(dialect, schema, instances, own, why) or self.against_itself(dialect, schema, instances, own)
        return f"schema {seed}, {dialect}: {wrong}" if wrong else None

    def against_peers(self, dialect, schema, instances, own, why):
        answers = [peer.judge(dialect, schema, instances) if peer.takes(dialect) else None for peer in self.peers]
        if own is None and self.refused_too(dialect, answers):
            self.refused += 1
            return None
        for peer, theirs in zip(self.peers, answers):
            for i in range(len(instances)) if theirs else ():
                if theirs[i] is None:
                    continue
                self.verdicts += 1
                if own is not None and own[i] == theirs[i]:
                    self.accepted += own[i]
                    continue
                reason = Case(peer.name, dialect, schema, instances[i], None if own else why).explained()
                if reason:
                    self.known[peer.name, reason] = self.known.get((peer.name, reason), 0) + 1
                    continue
                small, instance = self.shrink(peer, theirs[i], dialect, schema, instances[i])
                return (f"{peer.name} says {theirs[i]}, we say {own[i] if own is not None else why}\n"
                        f"    schema   {json.dumps(small)}\n    instance {json.dumps(instance)}")
        return None

    def refused_too(self, dialect, answers):
        """Python's does not look below the root of a schema of the later drafts: there ajv has the word."""
        if dialect not in ("2019-09", "2020-12"):
            return False
        return any(peer.takes(dialect) and answer is None for peer, answer in zip(self.peers, answers)) or not any(isinstance(peer, Ajv) for peer in self.peers)

    def against_itself(self, dialect, schema, instances, own):
        by_tool = self.ours.by_tool(dialect, schema, instances) if own is not None and isinstance(schema, dict) else None
        for i in range(len(instances)) if by_tool else ():
            if by_tool[i][0] != by_tool[i][1] or by_tool[i][0] != own[i] and "format" not in words(schema):
                return (f"by schema {own[i]}, args_valid {by_tool[i][0]}, args_validate without errors {by_tool[i][1]}\n"
                        f"    schema   {json.dumps(schema)}\n    instance {json.dumps(instances[i])}")
        return None

    def differ(self, peer, verdict, dialect, schema, instance):
        if any(isinstance(one, Python) and not one.lawful(dialect, schema) for one in self.peers):
            return False
        own, answers = self.ours.judge(dialect, schema, [instance]), [one.judge(dialect, schema, [instance]) if one.takes(dialect) else None for one in self.peers]
        theirs = answers[self.peers.index(peer)]
        if theirs != [verdict] or own == theirs or own is None and self.refused_too(dialect, answers):
            return False
        return not Case(peer.name, dialect, schema, instance, None if own else self.ours.why).explained()

    def shrink(self, peer, verdict, dialect, schema, instance):
        """The same disagreement, with what is not needed for it removed."""
        pair, smaller = [schema, instance], True
        while smaller:
            smaller = False
            for path, _ in sorted(places(pair), key=lambda place: len(place[0])):
                trial = copy.deepcopy(pair)
                if len(path) < 2:
                    continue
                try:
                    del at(trial, path[:-1])[path[-1]]
                except (KeyError, IndexError, TypeError):
                    continue
                if self.differ(peer, verdict, dialect, *trial):
                    pair, smaller = trial, True
                    break
        return pair


def main():
    if sys.argv[1:2] == ["replay"]:
        print(Fuzz().run(int(sys.argv[2])) or "1 passed, 0 failed")
        return 0
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    seed = seed_of.chosen(*sys.argv[2:3])
    keep_going = int(os.environ.get("KEEP_GOING", "0"))
    print(f"seed {seed}", flush=True)
    fuzz = Fuzz()
    for line in fuzz.absent:
        print(f"*** NOT COMPARED WITH {line}")
    passed, failed = 0, 0
    while fuzz.cases < cases:
        wrong = fuzz.run(seed * 1000000 + passed + failed + fuzz.unlawful)
        if wrong:
            failed += 1
            print(f"{wrong}", flush=True)
            if failed > keep_going:
                break
        passed += not wrong
    print(f"{fuzz.cases} instances of {passed + failed} schemas ({fuzz.unlawful} more were none, {fuzz.refused} refused by all); {fuzz.verdicts} verdicts of {', '.join(peer.name for peer in fuzz.peers) or 'nobody'}, {fuzz.accepted} of them: valid")
    for (peer, reason), count in sorted(fuzz.known.items()):
        print(f"  {count:6} known: {peer}: {reason}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
