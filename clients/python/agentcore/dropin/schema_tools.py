"""Schemas that a program holds, as tools of the database: registered once, under a name made of their digest."""
import hashlib
import json
import threading
import typing

from ..errors import GateError
from ..values import of_json
from . import rows

_known: typing.Set[str] = set()
_lock = threading.Lock()
_SET = "SELECT agentcore.tool_set(%(name)s::text, %(schema)s::text::jsonb, dialect => %(dialect)s::text, coerce => true)"
_IS = "SELECT 1 AS known FROM agentcore.tools WHERE name = %(name)s::text"


def tool_of(schema: typing.Any, dialect: str = "auto") -> str:
    """The name of the tool that has the schema.  Making it takes the level admin; where it is there already, reading is enough."""
    text = json.dumps(schema, sort_keys=True)
    name = "schema_" + hashlib.sha256(f"{dialect}\0{text}".encode()).hexdigest()[:40]
    with _lock:
        if name not in _known:
            if not rows(_IS, {"name": name}):
                rows(_SET, {"name": name, "schema": text, "dialect": dialect})
            _known.add(name)
    return name


def asked(sql: str, parameters: typing.Mapping[str, typing.Any]) -> typing.Dict[str, typing.Any]:
    """The row; once more where the tool was dropped meanwhile (42704)."""
    try:
        return rows(sql, parameters)[0]
    except GateError as error:
        if error.sqlstate == "42704":
            with _lock:
                _known.discard(parameters["tool"])
        raise


def json_of(row: typing.Mapping[str, typing.Any], name: str) -> typing.Any:
    return of_json(row[name])
