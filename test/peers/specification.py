"""JSON Schema, drafts 4 to 2020-12, as the specification reads: for comparison, not for speed.

Every keyword is a few lines here, evaluated schema first, with sets of what has been
evaluated as the specification's annotations.  Out of scope: format, $id, $anchor, dynamic
references; a schema that has one raises LookupError when it matters.  Numbers are exact.
"""
import decimal
import re

decimal.getcontext().prec = 2000
AGES = ["draft4", "draft6", "draft7", "2019-09", "2020-12"]


def exact(number):
    """What the JSON text says, not the double next to it."""
    return decimal.Decimal(repr(number)) if isinstance(number, float) else decimal.Decimal(number)


def is_number(value):
    return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)


def equal(a, b):
    if is_number(a) and is_number(b):
        return exact(a) == exact(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return a == b


def search(pattern, text):
    if "\\" in pattern:
        raise LookupError("escapes are not the same in Python")
    return re.search(pattern, text) is not None


class Specification:
    def __init__(self, dialect, root):
        self.age, self.root = AGES.index(dialect), root

    def valid(self, instance):
        return self.evaluate(self.root, instance) is not None

    def evaluate(self, schema, instance):
        """None: invalid; else the names or indexes that have been evaluated."""
        if isinstance(schema, bool):
            return set() if schema else None
        if self.age >= 1 and any(word in schema for word in ("$id", "$anchor", "$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor")) \
                or isinstance(schema.get("id"), str) and self.age == 0:
            raise LookupError("references with names")
        seen = set()
        reference = isinstance(schema.get("$ref"), str)
        if reference:
            found = self.evaluate(self.find(schema["$ref"]), instance)
            if found is None:
                return None
            seen |= found
        if reference and self.age <= 2:
            return seen  # siblings are ignored
        if not self.assertions(schema, instance):
            return None
        for applicator in (self.in_place, self.of_object, self.of_array, self.unevaluated):
            found = applicator(schema, instance, seen)
            if found is None:
                return None
            seen |= found
        return seen

    def find(self, reference):
        if not reference.startswith("#") or "%" in reference:
            raise LookupError(reference)
        found = self.root
        for token in reference[1:].split("/")[1:] if reference != "#" else []:
            if reference[1:2] != "/":
                raise LookupError(reference)
            token = token.replace("~1", "/").replace("~0", "~")
            found = found[int(token)] if isinstance(found, list) else found[token]
        return found

    # ----- keywords that look at the value itself

    def is_type(self, value, name):
        if name == "integer":
            return is_number(value) and (exact(value).as_tuple().exponent >= 0 if self.age == 0 else exact(value) == exact(value).to_integral_value())
        if name == "number":
            return is_number(value)
        return isinstance(value, {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}[name])

    def assertions(self, schema, value):
        for word, rule in schema.items():
            method = getattr(self, "is_" + word, None) if word not in ("type", "number") else None
            if word == "type":
                good = any(self.is_type(value, name) for name in ([rule] if isinstance(rule, str) else rule))
            elif word == "enum":
                good = any(equal(value, one) for one in rule)
            elif word == "const":
                good = self.age < 1 or equal(value, rule)
            else:
                good = method is None or method(value, rule, schema)
            if not good:
                return False
        return True

    def is_minimum(self, value, rule, schema):
        return not is_number(value) or exact(value) >= exact(rule) and not (self.age == 0 and schema.get("exclusiveMinimum") is True and exact(value) == exact(rule))

    def is_maximum(self, value, rule, schema):
        return not is_number(value) or exact(value) <= exact(rule) and not (self.age == 0 and schema.get("exclusiveMaximum") is True and exact(value) == exact(rule))

    def is_exclusiveMinimum(self, value, rule, schema):
        return self.age == 0 or not is_number(value) or exact(value) > exact(rule)

    def is_exclusiveMaximum(self, value, rule, schema):
        return self.age == 0 or not is_number(value) or exact(value) < exact(rule)

    def is_multipleOf(self, value, rule, schema):
        return not is_number(value) or exact(value) % exact(rule) == 0

    def is_minLength(self, value, rule, schema):
        return not isinstance(value, str) or len(value) >= rule

    def is_maxLength(self, value, rule, schema):
        return not isinstance(value, str) or len(value) <= rule

    def is_pattern(self, value, rule, schema):
        return not isinstance(value, str) or search(rule, value)

    def is_minItems(self, value, rule, schema):
        return not isinstance(value, list) or len(value) >= rule

    def is_maxItems(self, value, rule, schema):
        return not isinstance(value, list) or len(value) <= rule

    def is_uniqueItems(self, value, rule, schema):
        return rule is not True or not isinstance(value, list) or not any(equal(a, b) for i, a in enumerate(value) for b in value[:i])

    def is_minProperties(self, value, rule, schema):
        return not isinstance(value, dict) or len(value) >= rule

    def is_maxProperties(self, value, rule, schema):
        return not isinstance(value, dict) or len(value) <= rule

    def is_required(self, value, rule, schema):
        return not isinstance(value, dict) or set(rule) <= value.keys()

    def is_dependentRequired(self, value, rule, schema):
        return self.age < 3 or not isinstance(value, dict) or all(set(names) <= value.keys() for name, names in rule.items() if name in value)

    # ----- keywords that apply schemas

    def in_place(self, schema, value, seen):
        found = set()

        def take(result):
            found.update(result or ())
            return result is not None
        if "allOf" in schema and not all([take(self.evaluate(one, value)) for one in schema["allOf"]]):
            return None
        if "anyOf" in schema and not any([take(self.evaluate(one, value)) for one in schema["anyOf"]]):
            return None
        if "oneOf" in schema and sum([take(self.evaluate(one, value)) for one in schema["oneOf"]]) != 1:
            return None
        if "not" in schema and self.evaluate(schema["not"], value) is not None:
            return None
        if "if" in schema and self.age >= 2:
            branch = "then" if take(self.evaluate(schema["if"], value)) else "else"
            if branch in schema and not take(self.evaluate(schema[branch], value)):
                return None
        if isinstance(value, dict):
            # later drafts keep the old keyword for what was written before
            for name, rule in [*schema.get("dependencies", {}).items(), *(schema.get("dependentSchemas", {}).items() if self.age >= 3 else ())]:
                if name in value and not (set(rule) <= value.keys() if isinstance(rule, list) else take(self.evaluate(rule, value))):
                    return None
        return found

    def of_object(self, schema, value, seen):
        found = set()
        if not isinstance(value, dict):
            return found
        for name, child in value.items():
            rules = [schema["properties"][name]] if name in schema.get("properties", {}) else []
            rules += [rule for pattern, rule in schema.get("patternProperties", {}).items() if search(pattern, name)]
            if not rules and "additionalProperties" in schema:
                rules = [schema["additionalProperties"]]
            if any(self.evaluate(rule, child) is None for rule in rules):
                return None
            if rules:
                found.add(name)
            if self.age >= 1 and "propertyNames" in schema and self.evaluate(schema["propertyNames"], name) is None:
                return None
        return found

    def of_array(self, schema, value, seen):
        found = set()
        if not isinstance(value, list):
            return found
        if self.age == 4:
            tuple_, rest = schema.get("prefixItems", []), schema.get("items")
        elif isinstance(schema.get("items"), list):
            tuple_, rest = schema["items"], schema.get("additionalItems")
        else:
            tuple_, rest = [], schema.get("items")
        for i, child in enumerate(value):
            rule = tuple_[i] if i < len(tuple_) else rest
            if rule is None:
                continue
            if self.evaluate(rule, child) is None:
                return None
            found.add(i)
        if self.age >= 1 and "contains" in schema:
            good = {i for i, child in enumerate(value) if self.evaluate(schema["contains"], child) is not None}
            least, most = (schema.get("minContains", 1), schema.get("maxContains", len(value))) if self.age >= 3 else (1, len(value))
            if not least <= len(good) <= most:
                return None
            if self.age == 4:
                found |= good
        return found

    def unevaluated(self, schema, value, seen):
        word = "unevaluatedProperties" if isinstance(value, dict) else "unevaluatedItems" if isinstance(value, list) else None
        if self.age < 3 or word not in schema:
            return set()
        children = value if isinstance(value, dict) else range(len(value))
        if any(self.evaluate(schema[word], value[child]) is None for child in children if child not in seen):
            return None
        return set(children)
