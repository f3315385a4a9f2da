"""What a policy's rules say of a call, written as plainly as it can be said: no index, no cache, no order.

Truth is False, None (unknown) or True.  A context is a Python value read with
decimal numbers; an absent member and null are the same.
"""
import decimal
import re

NUMBERS, EVERY = {"number", "integer"}, {"string", "number", "integer", "boolean", "array", "object"}
STRING_WORDS, NUMBER_WORDS = {"minLength", "maxLength", "pattern", "format"}, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
ARRAY_WORDS = {"items", "contains", "minItems", "maxItems", "uniqueItems", "minContains", "maxContains"}
FORMATS = {"ipv4": r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)", "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"}


def both(values):
    values = list(values)
    return False if any(v is False for v in values) else None if any(v is None for v in values) else True


def either(values):
    return turned(both(turned(v) for v in values))


def turned(value):
    return None if value is None else not value


def kind(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, decimal.Decimal)):
        return "number"
    return {str: "string", list: "array", dict: "object", type(None): "null"}[type(value)]


def equal(a, b):
    if kind(a) != kind(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return a == b


def types_of(schema):
    """What a schema is about: by type, const or enum, else by its words."""
    if "type" in schema:
        stated = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return set(stated)
    types = set()
    if "const" in schema:
        types.add(kind(schema["const"]))
    types |= {kind(v) for v in schema.get("enum", [])}
    types |= {t for words, t in ((STRING_WORDS, "string"), (NUMBER_WORDS, "number"), (ARRAY_WORDS, "array")) if words & schema.keys()}
    for word in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(word, []):
            types |= types_of(one)
    return types | (types_of(schema["not"]) if "not" in schema else set())


def is_about(schema, value):
    types = types_of(schema)
    return kind(value) in types or kind(value) == "number" and "integer" in types and value == value.to_integral_value()


def level(schema, value):
    """A schema and a value: of another type than the schema is about is unknown."""
    return both(words(schema, value)) if is_about(schema, value) else None


def branches(schemas, value):
    """Branches that are about other types do not hold, unless none is about this one."""
    if not any(is_about(one, value) for one in schemas):
        return [None]
    return [level(one, value) if is_about(one, value) else False for one in schemas]


def exactly_one(values):
    sure, possible = values.count(True), sum(v is not False for v in values)
    return False if sure > 1 or possible == 0 else True if sure == possible == 1 else None


def words(schema, value):
    number, text, array = kind(value) == "number", kind(value) == "string", kind(value) == "array"
    yield True
    if "const" in schema:
        yield equal(value, schema["const"])
    if "enum" in schema:
        yield any(equal(value, one) for one in schema["enum"])
    if number:
        yield value >= schema.get("minimum", value)
        yield value <= schema.get("maximum", value)
        yield "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]
        yield "exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"]
        yield "multipleOf" not in schema or decimal.Decimal(value) % decimal.Decimal(schema["multipleOf"]) == 0
    if text:
        yield schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        yield "pattern" not in schema or re.search(schema["pattern"].replace("$", r"\Z"), value) is not None
        yield "format" not in schema or re.fullmatch(FORMATS[schema["format"]], value, re.ASCII) is not None
    if array:
        yield schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        yield not schema.get("uniqueItems") or not any(equal(value[i], value[k]) for i in range(len(value)) for k in range(i))
        if "items" in schema:
            yield both(level(schema["items"], one) for one in value)
        if "contains" in schema:
            found = [level(schema["contains"], one) for one in value]
            sure, possible = found.count(True), sum(v is not False for v in found)
            least, most = schema.get("minContains", 1), schema.get("maxContains", len(value))
            yield False if possible < least or sure > most else True if sure >= least and possible <= most else None
    yield both(level(one, value) for one in schema.get("allOf", []))
    if "anyOf" in schema:
        yield either(branches(schema["anyOf"], value))
    if "oneOf" in schema:
        yield exactly_one(branches(schema["oneOf"], value))
    if "not" in schema:
        yield turned(level(schema["not"], value))


ABSENT, WRONG = object(), object()
decimal.getcontext().prec = 1000


def places(value, tokens):
    """What stands where a pointer leads; `*` leads to each element, and no element is absence."""
    if value is None:
        return [ABSENT]
    if not tokens:
        return [value]
    token, rest = tokens[0], tokens[1:]
    if token == "*":
        if not isinstance(value, list):
            return [WRONG]
        return [place for one in value for place in places(one, rest)] or [ABSENT]
    token = token.replace("~1", "/").replace("~0", "~")
    if isinstance(value, dict):
        return places(value.get(token), rest)
    if isinstance(value, list) and re.fullmatch("0|[1-9][0-9]*", token):
        return places(value[int(token)] if int(token) < len(value) else None, rest)
    return [WRONG]


def same(value, other):
    return None if other is ABSENT or other is WRONG or other is None or kind(value) != kind(other) else equal(value, other)


def at_place(context, schema, place, speaks_for_call):
    if place is ABSENT:
        return speaks_for_call
    if place is WRONG:
        return None
    plain, results = {k: v for k, v in schema.items() if k not in ("equals", "in")}, []
    if plain:
        results.append(level(plain, place))
    if "equals" in schema:
        results.append(same(place, places(context, schema["equals"].split("/")[1:])[0]))
    if "in" in schema:
        listed = places(context, schema["in"].split("/")[1:])[0]
        results.append(either(same(place, one) for one in listed) if isinstance(listed, list) else None)
    return both(results)


def condition(context, when, opens):
    """opens: of an allow."""
    results = []
    for pointer, schema in (when or {}).items():
        speaks_for_call = opens if pointer.endswith("?") else None
        found = [at_place(context, schema, place, speaks_for_call) for place in places(context, pointer.removesuffix("?").split("/")[1:])]
        results.append(both(found) if opens else either(found))
    return both(results)


def covers(rule, tool):
    return tool.startswith(rule["tool"][:-1]) if rule["tool"].endswith("*") else tool == rule["tool"]


def by_name(tool, rules):
    """What is said of the tool before anybody looks at the call."""
    plain = [rule for rule in rules if rule["effect"] == "deny" and rule["when"] is None]
    if any(not rule["common"] for rule in plain):
        return "denylist_match"
    if not any(rule["effect"] != "deny" and not rule["common"] for rule in rules):
        return "not_in_allowlist"
    return "denylist_match" if plain else None


def decision(context, rules):
    """None: it runs; else the reason.  Rules of the policy '*' have "common"; they allow nothing."""
    rules = [rule for rule in rules if covers(rule, context["tool"]) and not rule.get("audit") and not rule.get("over")]
    refused = by_name(context["tool"], rules)
    if refused:
        return refused
    effects = set()
    asked_by_own = False
    for rule in rules:
        truth = condition(context, rule["when"], rule["effect"] == "allow")
        if truth is True or (truth is None and rule["effect"] != "allow"):
            effects.add(rule["effect"])
            asked_by_own |= rule["effect"] == "ask" and not rule["common"]
    if "deny" in effects:
        return "denylist_match"
    if "allow" not in effects and not asked_by_own:
        return "not_in_allowlist"
    return "approval_required" if "ask" in effects else None
