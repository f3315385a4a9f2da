"""Random schemas of each dialect, instances that come near them, and mutations of both."""
import copy
import json
import re

DIALECTS = {"draft4": "draft4", "draft6": "draft6", "draft7": "draft7", "2019-09": "draft2019-09", "2020-12": "draft2020-12"}
KEYS = ["a", "b", "c", "ab", "foo", "x-1", "é"]
STRINGS = ["", "a", "ab", "abc", "foo", "foo1", "é", "\U0001f600", "\U0001f600a", "\U0001f600\u00e9", "日本", "1", "true", "2026-11-21", "a/b~c"]
NUMBERS = [0, 1, -1, 2, 3, 4, 5, 10, 1.0, 2.0, 0.5, 1.5, -0.5, 2.5, 100, 1e2, 12345678]
# where doubles, or 64 bits, do not suffice
EDGES = [0.1, 0.3, 0.01, 1e-7, 1e300, 2 ** 53 + 1, 10 ** 16, 2 ** 63 - 1, 2 ** 63, -2 ** 63 - 1, 10 ** 30 + 1]
COUNTS = [0, 1, 1, 2, 2, 3, 5]
PATTERNS = ["^a", "b$", "^[a-c]+$", "^.{2}$", "o{2}", "^$", "[0-9]", "^(foo|ab)", "^[^a]*$", "."]
TYPES = ["null", "boolean", "string", "number", "integer", "array", "object"]


class Generator:
    """Random schemas of one dialect, and instances that come near them."""

    def __init__(self, chance, dialect):
        self.chance, self.dialect = chance, dialect
        self.age = list(DIALECTS).index(dialect)
        self.definitions = "$defs" if self.age >= 3 else "definitions"

    def scalar(self):
        return self.chance.choice([None, True, False, self.number(), self.number(), self.chance.choice(STRINGS), self.chance.choice(STRINGS)])

    def number(self):
        return self.chance.choice(EDGES if self.chance.random() < 0.1 else NUMBERS)

    def value(self, depth=2):
        kind = self.chance.random()
        if depth == 0 or kind < 0.5:
            return self.scalar()
        if kind < 0.75:
            return [self.value(depth - 1) for _ in range(self.chance.choice([0, 1, 2, 3]))]
        return {key: self.value(depth - 1) for key in self.chance.sample(KEYS, self.chance.choice([0, 1, 2, 3]))}

    def schema(self, depth=3):
        if self.age >= 1 and self.chance.random() < 0.06:
            return self.chance.random() < 0.6
        made = {}
        for _ in range(self.chance.choice([1, 1, 2, 2, 3, 4])):
            made.update(self.keyword(depth))
        return made

    def schemas(self, depth, least=1):
        return [self.schema(depth) for _ in range(max(least, self.chance.choice([1, 2, 2, 3])))]

    def map(self, depth, names=KEYS):
        return {name: self.schema(depth) for name in self.chance.sample(names, self.chance.choice([1, 2, 3]))}

    def names(self):
        return self.chance.sample(KEYS, self.chance.choice([1, 1, 2]))

    def reference(self):
        return "#" + self.chance.choice(["", f"/{self.definitions}/one", f"/{self.definitions}/one", f"/{self.definitions}/two"])

    def keyword(self, depth):
        plain = ["type", "type", "type", "enum", "count", "bounds", "multipleOf", "pattern", "unique", "required", "const"]
        nested = ["properties", "properties", "patternProperties", "additionalProperties", "items", "tuple", "allOf", "anyOf", "oneOf", "not",
                  "reference", "contains", "propertyNames", "dependencies", "if", "unevaluatedProperties", "unevaluatedItems"]
        return getattr(self, "make_" + self.chance.choice(plain if depth == 0 else plain + 2 * nested))(depth - 1)

    def make_type(self, depth):
        return {"type": self.chance.choice(TYPES) if self.chance.random() < 0.7 else self.chance.sample(TYPES, 2)}

    def make_enum(self, depth):
        values = []
        for _ in range(self.chance.choice([1, 2, 3, 5])):
            value = self.value(1)
            if not any(same(value, other) for other in values):
                values.append(value)
        return {"enum": values}

    def make_const(self, depth):
        return {"const": self.value(2)} if self.age >= 1 else {}

    def make_count(self, depth):
        of, kind = self.chance.choice([("Length", "string"), ("Length", "string"), ("Items", "array"), ("Properties", "object")])
        made = {self.chance.choice(["min", "max"]) + of: self.chance.choice(COUNTS)}
        return {**made, "type": kind} if self.chance.random() < 0.5 else made

    def make_bounds(self, depth):
        name = self.chance.choice(["minimum", "maximum"])
        if self.chance.random() < 0.6:
            return {name: self.number()}
        exclusive = "exclusive" + name.capitalize()
        return {name: self.number(), exclusive: True} if self.age == 0 else {exclusive: self.number()}

    def make_multipleOf(self, depth):
        return {"multipleOf": self.chance.choice([1, 2, 3, 0.5, 1.5, 10, 0.1, 0.01, 1e-7, 10 ** 16])}

    def make_pattern(self, depth):
        return {"pattern": self.chance.choice(PATTERNS)}

    def make_unique(self, depth):
        return {"uniqueItems": self.chance.random() < 0.9}

    def make_required(self, depth):
        return {"required": self.names()}

    def make_properties(self, depth):
        return {"properties": self.map(depth)}

    def make_patternProperties(self, depth):
        return {"patternProperties": self.map(depth, PATTERNS)}

    def sub(self, depth):
        """A schema where draft 4 has booleans in two places only."""
        return self.schema(depth)

    def make_additionalProperties(self, depth):
        return {"additionalProperties": False if self.chance.random() < 0.5 else self.sub(depth)}

    def make_items(self, depth):
        return {"items": self.sub(depth)}

    def make_tuple(self, depth):
        if self.age == 4:
            return {"prefixItems": self.schemas(depth)}
        made = {"items": self.schemas(depth)}
        if self.chance.random() < 0.5:
            made["additionalItems"] = False if self.chance.random() < 0.5 else self.sub(depth)
        return made

    def make_allOf(self, depth):
        return {"allOf": self.schemas(depth)}

    def make_anyOf(self, depth):
        return {"anyOf": self.schemas(depth, 2)}

    def make_oneOf(self, depth):
        return {"oneOf": self.schemas(depth, 2)}

    def make_not(self, depth):
        return {"not": self.sub(depth)}

    def make_reference(self, depth):
        return {"$ref": self.reference()}

    def make_contains(self, depth):
        if self.age < 1:
            return {}
        made = {"contains": self.sub(depth)}
        if self.age >= 3 and self.chance.random() < 0.5:
            made[self.chance.choice(["minContains", "maxContains"])] = self.chance.choice(COUNTS)
        return made

    def make_propertyNames(self, depth):
        return {"propertyNames": {self.chance.choice(["maxLength", "minLength"]): self.chance.choice(COUNTS)} if self.chance.random() < 0.5
                else {"pattern": self.chance.choice(PATTERNS)}} if self.age >= 1 else {}

    def make_dependencies(self, depth):
        if self.age < 3:
            return {"dependencies": {name: self.names() if self.chance.random() < 0.5 else self.sub(depth) for name in self.names()}}
        if self.chance.random() < 0.5:
            return {"dependentRequired": {name: self.names() for name in self.names()}}
        return {"dependentSchemas": self.map(depth)}

    def make_if(self, depth):
        if self.age < 2:
            return {}
        return {"if": self.sub(depth), **{word: self.sub(depth) for word in self.chance.sample(["then", "else"], self.chance.choice([1, 2]))}}

    def make_unevaluatedProperties(self, depth):
        return {"unevaluatedProperties": False if self.chance.random() < 0.7 else self.sub(depth)} if self.age >= 3 else {}

    def make_unevaluatedItems(self, depth):
        return {"unevaluatedItems": False if self.chance.random() < 0.7 else self.sub(depth)} if self.age >= 3 else {}

    def leaf(self, of_object):
        """It mostly holds, for what a failing branch evaluates does not count."""
        easy = (lambda: True) if self.chance.random() < 0.7 else (lambda: self.schema(0))
        if not of_object:
            kind = self.chance.choice(["prefixItems" if self.age == 4 else "items", "contains"])
            return {kind: self.make_enum(0) if kind == "contains" else [easy() for _ in range(self.chance.choice([1, 2]))]}
        made = {"properties": {name: easy() for name in self.names()}} if self.chance.random() < 0.8 else {"patternProperties": {self.chance.choice(PATTERNS): easy()}}
        return {**made, **(self.make_required(0) if self.chance.random() < 0.5 else {})}

    def marking(self, of_object, depth=3):
        """A schema that evaluates some children, through applicators that stay in place."""
        applicators = ["allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas"]
        if depth == 0 or self.chance.random() < 0.25:
            return self.leaf(of_object)
        word = self.chance.choice(applicators[:5 + of_object])
        if word == "if":
            return {key: self.marking(of_object, depth - 1) for key in ("if", "then", "else") if key == "if" or self.chance.random() < 0.6}
        if word == "not":
            return {"not": self.marking(of_object, depth - 1), **self.marking(of_object, depth - 1)}
        if word == "dependentSchemas":
            return {word: {name: self.marking(True, depth - 1) for name in self.names()}}
        return {word: [self.marking(of_object, depth - 1) for _ in range(self.chance.choice([1, 2, 2]))], **(self.marking(of_object, 0) if self.chance.random() < 0.3 else {})}

    def document(self):
        if self.age >= 3 and self.chance.random() < 0.4:
            of_object = self.chance.random() < 0.6
            return {"unevaluatedProperties" if of_object else "unevaluatedItems": False if self.chance.random() < 0.7 else self.schema(0), **self.marking(of_object)}
        made = {}
        while not made:
            made = self.schema()
            made = made if isinstance(made, dict) else {}
        if "#/" in json.dumps(made):
            made[self.definitions] = {"one": self.schema(2), "two": self.schema(2)}
        return made

    # ----- instances

    def instance(self, schema, root, depth=4):
        """Something the schema may like."""
        if not isinstance(schema, dict) or depth == 0:
            return self.value(1)
        if "$ref" in schema and self.chance.random() < 0.9:
            return self.instance(find(root, schema["$ref"]), root, depth - 1)
        if "const" in schema:
            return copy.deepcopy(schema["const"])
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return copy.deepcopy(self.chance.choice(schema["enum"]))
        for word in ("allOf", "anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word] and self.chance.random() < 0.4:
                return self.instance(self.chance.choice(schema[word]), root, depth - 1)
        for word in ("if", "then", "else", "not"):
            if word in schema and self.chance.random() < 0.2:
                return self.instance(schema[word], root, depth - 1)
        return self.of_type(self.type_for(schema), schema, root, depth)

    def type_for(self, schema):
        declared = schema.get("type")
        if isinstance(declared, list) and declared:
            declared = self.chance.choice(declared)
        if isinstance(declared, str):
            return declared
        text = " ".join(schema)
        for word, kind in (("ropert", "object"), ("required", "object"), ("depend", "object"), ("tems", "array"), ("contains", "array"),
                           ("Length", "string"), ("pattern", "string"), ("imum", "number"), ("multiple", "number")):
            if word in text and self.chance.random() < 0.8:
                return kind
        return self.chance.choice(TYPES)

    def of_type(self, kind, schema, root, depth):
        if kind == "object":
            return self.object(schema, root, depth)
        if kind == "array":
            return self.array(schema, root, depth)
        if kind == "string":
            return self.chance.choice(STRINGS)
        if kind == "integer":
            return self.chance.choice([n for n in NUMBERS + EDGES if n == int(n)])
        if kind == "number":
            return self.number()
        return None if kind == "null" else self.chance.random() < 0.5

    def object(self, schema, root, depth):
        properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
        names = list(schema["required"]) if isinstance(schema.get("required"), list) else []
        names += [name for name in properties if self.chance.random() < 0.7] + [name for name in KEYS if self.chance.random() < (0.1 if properties else 0.25)]
        return {name: self.instance(properties.get(name, True), root, depth - 1) for name in names if isinstance(name, str)}

    def array(self, schema, root, depth):
        tuple_ = schema.get("prefixItems", schema.get("items"))
        rest = schema.get("items", schema.get("contains", True))
        made = [self.instance(one, root, depth - 1) for one in tuple_] if isinstance(tuple_, list) else []
        return made + [self.instance(rest, root, depth - 1) for _ in range(self.chance.choice(COUNTS))]


# keywords whose value the mutation of a schema may exchange for another of their kind
POOLS = [(re.compile(r"^(min|max)(Length|Items|Properties|Contains)$"), COUNTS), (re.compile(r"^(exclusiveM|m)(in|ax)imum$"), NUMBERS),
         (re.compile("^type$"), TYPES), (re.compile("^pattern$"), PATTERNS)]


def places(document, path=()):
    yield path, document
    children = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, child in list(children):
        yield from places(child, path + (key,))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def mutated(chance, document, fresh):
    """The document with one or a few edits; "fresh" makes a new value for a place."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice([1, 1, 2, 3])):
        spots = [path for path, _ in places(document) if path]
        if not spots:
            return fresh(document, None)
        path = chance.choice(spots)
        holder, key = at(document, path[:-1]), path[-1]
        action = chance.random()
        if action < 0.3:
            del holder[key]
        elif action < 0.5:
            holder[key] = copy.deepcopy(at(document, chance.choice(spots)))
        else:
            holder[key] = fresh(holder[key], key)
    return document


def fresh_schema(generator):
    chance = generator.chance

    def fresh(value, key):
        for pattern, pool in POOLS:
            if isinstance(key, str) and pattern.match(key) and isinstance(value, (int, float, str)) and not isinstance(value, bool):
                return chance.choice(pool)
        if isinstance(value, bool) or not isinstance(value, (dict, list)):
            return generator.scalar() if chance.random() < 0.5 else generator.schema(1)
        return generator.schema(1) if isinstance(value, dict) else generator.schemas(1)
    return fresh


def find(root, reference):
    try:
        found = root
        for token in reference.split("/")[1:]:
            found = found[token.replace("~1", "/").replace("~0", "~")] if isinstance(found, dict) else found[int(token)]
        return found
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        return True


def same(a, b):
    """As JSON has it: 1 is 1.0, and neither is true."""
    if isinstance(a, bool) or isinstance(b, bool) or type(a) is not type(b) and not (isinstance(a, (int, float)) and isinstance(b, (int, float))):
        return a is b if isinstance(a, bool) or a is None else False
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b
