"""Validators to compare with.  judge() answers [True | False | None, ...], None being no
verdict, or None where the schema is not taken."""
import json
import os
import pathlib
import subprocess

import psycopg

from specification import Specification

try:
    import jsonschema
except ImportError:
    jsonschema = None

TOP = pathlib.Path(__file__).resolve().parents[2]


class Ours:
    name = "agentcore"

    def __init__(self):
        self.connection = psycopg.connect(autocommit=True)
        self.connection.execute("SET agentcore.max_node_visits = 1000000")
        self.why = ""

    def one(self, sql, *arguments):
        return self.connection.execute(sql, arguments).fetchone()[0]

    def judge(self, dialect, schema, instances):
        schema, instances = json.dumps(schema), json.dumps(instances)
        try:
            return self.one("SELECT json_agg(agentcore.jsonschema_validate(%s::jsonb, i, %s) ORDER BY n) FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY e(i, n)",
                            schema, dialect, instances)
        except psycopg.Error as error:
            self.why = f"{error.sqlstate} {error.diag.message_primary} {error.diag.message_detail}"
            return None

    def by_tool(self, dialect, schema, instances):
        """[[args_valid, no errors], ...] of a tool with that schema; NULL where it is no tool's."""
        try:
            with self.connection.transaction(force_rollback=True):
                self.one("SELECT agentcore.tool_set('fuzz', %s::jsonb, dialect => %s)", json.dumps(schema), dialect)
                return self.one("SELECT json_agg(json_build_array(agentcore.args_valid('fuzz', i), agentcore.args_validate('fuzz', i) = '[]') ORDER BY n)"
                                " FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY e(i, n)", json.dumps(instances))
        except psycopg.Error as error:
            self.why = f"{error.sqlstate} {error.diag.message_primary} {error.diag.message_detail}"
            return None


class Python:
    """python3-jsonschema."""
    name = "python3-jsonschema"

    def __init__(self):
        if jsonschema is None:
            raise OSError("it is not installed")
        of = jsonschema.validators
        self.validators = {"draft4": of.Draft4Validator, "draft6": of.Draft6Validator, "draft7": of.Draft7Validator,
                           "2019-09": of.Draft201909Validator, "2020-12": of.Draft202012Validator}

    def takes(self, dialect):
        return True

    def lawful(self, dialect, schema):
        """Is it a schema by its metaschema?"""
        return self.validators[dialect](self.validators[dialect].META_SCHEMA).is_valid(schema)

    def judge(self, dialect, schema, instances):
        validator = self.validators[dialect](schema)
        return [self.verdict(validator, instance) for instance in instances]

    @staticmethod
    def verdict(validator, instance):
        try:
            return validator.is_valid(instance)
        except Exception:  # whatever it trips over: no verdict
            return None


class Ajv:
    name = "ajv"

    def __init__(self):
        self.process = subprocess.Popen(["node", str(TOP / "test/peers/ajv_judge.js")], env={**os.environ, "NODE_PATH": str(TOP / "build/peers/node_modules")},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.judge("draft7", {"type": "null"}, [None, 1]) != [True, False]:
            raise OSError("it does not answer; npm could not install it")

    def takes(self, dialect):
        return dialect in ("draft7", "2019-09", "2020-12")

    def judge(self, dialect, schema, instances):
        self.process.stdin.write(json.dumps({"dialect": dialect, "schema": schema, "instances": instances}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "null")
        return answer if isinstance(answer, list) else None


class ByTheBook:
    """The specification, written down once more: specification.py."""
    name = "the specification"

    def takes(self, dialect):
        return True

    def judge(self, dialect, schema, instances):
        return [self.verdict(dialect, schema, instance) for instance in instances]

    @staticmethod
    def verdict(dialect, schema, instance):
        try:
            return Specification(dialect, schema).valid(instance)
        except Exception:  # no schema, or beyond its scope
            return None
