#!/usr/bin/python3
"""Holds agentcore.jsonschema_output() against agentcore.jsonschema_validate() over the JSON-Schema-Test-Suite.

    AGENTCORE_SHARED=../shared test/conformance/json_schema_output.py [-v]

For every test whose schema is accepted: flag and basic agree with the verdict; an
invalid instance has errors and a valid one has none; every unit has the members that
the specification's output schema asks for; its instanceLocation leads to something
in the instance, its absoluteKeywordLocation (of the document's own resource) to
something in the schema, and after the last reference the two locations end alike.
In documents of one resource keywordLocation is followed keyword by keyword: it must
lead to absoluteKeywordLocation in the schema and to instanceLocation in the instance.
The last line is "N passed, N failed".
"""
import json
import os
import pathlib
import sys
import urllib.parse

import psycopg

DIALECTS = {'draft4': 'draft4', 'draft6': 'draft6', 'draft7': 'draft7',
            'draft2019-09': '2019-09', 'draft2020-12': '2020-12'}
REFERENCES = ('$ref', '$dynamicRef', '$recursiveRef')
MAPS = ('properties', 'patternProperties', 'dependentSchemas', 'dependencies')
ONE_DOWN = ('patternProperties', 'additionalProperties', 'unevaluatedProperties', 'propertyNames', 'items',
            'additionalItems', 'unevaluatedItems', 'contains')
UNIT = json.dumps({
    'type': 'object', 'required': ['valid', 'keywordLocation', 'absoluteKeywordLocation', 'instanceLocation'],
    'properties': {'valid': {'type': 'boolean'}, 'keywordLocation': {'type': 'string', 'format': 'json-pointer'},
                   'absoluteKeywordLocation': {'type': 'string', 'format': 'uri-reference'},
                   'instanceLocation': {'type': 'string', 'format': 'json-pointer'}, 'error': {'type': 'string'},
                   'annotation': True},
    'additionalProperties': False, 'if': {'properties': {'valid': {'const': False}}},
    'then': {'required': ['error'], 'not': {'required': ['annotation']}}, 'else': {'not': {'required': ['error']}}})
QUERY = """
SELECT agentcore.jsonschema_validate(s, i, d, f), agentcore.jsonschema_output(s, i, 'flag', d, f),
       o, agentcore.jsonschema_validate(%s::jsonb, coalesce(o->'errors', o->'annotations'), assert_format => true)
  FROM (SELECT s, i, d, f, agentcore.jsonschema_output(s, i, 'basic', d, f) AS o
          FROM (VALUES (%s::jsonb, %s::jsonb, %s, %s::boolean)) v(s, i, d, f)) x"""


def leads_somewhere(document, pointer):
    for token in pointer.split('/')[1:]:
        token = token.replace('~1', '/').replace('~0', '~')
        if isinstance(document, list):
            if not token.isdigit() or int(token) >= len(document):
                return False
            document = document[int(token)]
        elif isinstance(document, dict) and token in document:
            document = document[token]
        else:
            return False
    return True


def follow_way(schema, way):
    """(place in the schema, steps in the instance) of a keywordLocation: a step is a key, or None for any one.

    None where it follows a reference that is not a pointer into the same document.
    """
    tokens = [token.replace('~1', '/').replace('~0', '~') for token in way.split('/')[1:]]
    here, place, steps = schema, [], []
    while tokens:
        keyword = tokens.pop(0)
        if keyword in ('$defs', 'definitions'):
            raise ValueError('keywordLocation goes through definitions')
        place.append(keyword)
        here = here[keyword]
        if not tokens:
            break
        if keyword in REFERENCES:
            if not here.startswith('#') or (here != '#' and here[1] != '/'):
                return None
            place = [t.replace('~1', '/').replace('~0', '~') for t in urllib.parse.unquote(here[1:]).split('/')[1:]]
            here = schema
            for token in place:
                here = here[int(token) if isinstance(here, list) else token]
            continue
        steps += {'properties': [tokens[0]], 'prefixItems': [tokens[0]]}.get(
            keyword, [None] if keyword in ONE_DOWN else [])
        if keyword in MAPS or isinstance(here, list):
            token = tokens.pop(0)
            place.append(token)
            here = here[int(token) if isinstance(here, list) else token]
    return place, steps


def unit_problem(unit, schema, instance):
    way, place = unit['keywordLocation'], unit['absoluteKeywordLocation']
    base, fragment = place.split('#', 1)
    pointer = urllib.parse.unquote(fragment)
    own = (schema.get('$id') or schema.get('id') or '') if isinstance(schema, dict) else ''
    if not leads_somewhere(instance, unit['instanceLocation']):
        return 'instanceLocation leads nowhere'
    if base == own.rstrip('#') and not leads_somewhere(schema, pointer):
        return 'absoluteKeywordLocation leads nowhere'
    tokens = way.split('/')
    references = [i for i, token in enumerate(tokens[:-1]) if token in REFERENCES]
    if references and not pointer.endswith(''.join('/' + t for t in tokens[references[-1] + 1:])):
        return 'the locations end differently'
    if json.dumps(schema).count('id":') > (1 if own else 0):
        return None
    try:
        followed = follow_way(schema, way)
    except (KeyError, IndexError, ValueError) as error:
        return f'keywordLocation: {error!r}'
    if followed is None:
        return None
    steps = unit['instanceLocation'].replace('~1', '\0').replace('~0', '~').split('/')[1:]
    if len(steps) - len(followed[1]) not in (0, 1) or any(
            want is not None and want != got.replace('\0', '/') for want, got in zip(followed[1], steps)):
        return 'keywordLocation leads elsewhere in the instance'
    # what a reference to the schema false says stands at that schema, where no keyword is
    of_false = tokens[-1] in REFERENCES and not unit['valid']
    if not of_false and ''.join('/' + t.replace('~', '~0').replace('/', '~1') for t in followed[0]) != pointer:
        return 'absoluteKeywordLocation is not where keywordLocation leads'
    unit_problem.followed += 1
    return None


unit_problem.followed = 0


def problem(cur, schema, instance, dialect, is_format):
    """What is wrong with the output; None: nothing; False: the schema or instance is not accepted."""
    try:
        cur.execute(QUERY, ('{"items": %s}' % UNIT, json.dumps(schema), json.dumps(instance), dialect, is_format))
    except psycopg.Error:
        return False
    verdict, flag, basic, shaped = cur.fetchone()
    units = basic.get('annotations' if verdict else 'errors')
    if flag != {'valid': verdict}:
        return f'flag says {flag}'
    if basic['valid'] is not verdict or units is None or (not verdict and not units):
        return f'basic says {basic}'
    if not shaped or any(unit['valid'] is not verdict for unit in units):
        return f'a unit of {units} has other members than it should'
    return next((f'{wrong}: {unit}' for unit in units if (wrong := unit_problem(unit, schema, instance))), None)


def main():
    tests = pathlib.Path(os.environ.get('AGENTCORE_SHARED', '../shared')) / 'conformance' / 'json-schema' / 'tests'
    if not tests.is_dir():
        sys.exit(f'NOT RUN: no JSON-Schema-Test-Suite at {tests}; set AGENTCORE_SHARED')
    passed = refused = 0
    failures = []
    with psycopg.connect(autocommit=True) as conn, conn.cursor() as cur:
        for path in sorted(tests.rglob('*.json')):
            name = str(path.relative_to(tests))
            for case in json.loads(path.read_text()):
                for test in case['tests']:
                    wrong = problem(cur, case['schema'], test['data'], DIALECTS[name.split('/')[0]], '/format/' in name)
                    if wrong is False:
                        refused += 1
                    elif wrong:
                        failures.append(f'{name}: {case["description"]}: {test["description"]}: {wrong}')
                    else:
                        passed += 1
    for line in failures if '-v' in sys.argv else failures[:20]:
        print(line)
    print(f'{refused} tests whose schema or instance is not accepted, see json_schema.py')
    print(f'{unit_problem.followed} locations followed')
    print(f'{passed} passed, {len(failures)} failed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
