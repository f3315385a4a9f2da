#!/usr/bin/python3
"""Every query in every file of monitoring/ runs, on real traffic, for a role that may only read, and returns the columns that its
file says it has."""
import json
import re

import psycopg

from lib import traffic
from lib.tests import TOP, done, loud, ok

try:
    import yaml
except ImportError:
    loud("NO QUERY WAS RUN: python3-yaml is absent")
    done()

FLOAT, TEXT = {"float8"}, {"text", "varchar", "name"}
NUMBER = {"float8", "int8", "int4", "numeric"}


def load(name):
    with open(f"{TOP}/monitoring/{name}", encoding="utf-8") as file:
        return json.load(file) if name.endswith(".json") else yaml.safe_load(file)


def types_of(connection, query):
    """[(column, type)], and the rows."""
    cursor = connection.execute(query)
    names = dict(connection.execute("SELECT oid::int8, typname::text FROM pg_type").fetchall())
    return [(column.name, names[column.type_code]) for column in cursor.description], cursor.fetchall()


def check(connection, name, query, judge, may_be_empty=False):
    try:
        columns, rows = types_of(connection, query)
    except psycopg.Error as error:
        ok(False, f"{name} runs", error, query)
        return
    if not may_be_empty:
        ok(bool(rows), f"{name}: it has rows", query)
    wrong = judge(columns, rows)
    ok(not wrong, f"{name}: its columns", wrong, columns)


def sql_exporter(connection):
    for job in load("sql_exporter.yml")["jobs"]:
        for query in job["queries"]:
            def judge(columns, rows):
                return ([f"{label} is no text" for label in query["labels"] if dict(columns).get(label) not in TEXT]
                        + [f"{value} is no float" for value in query["values"] if dict(columns).get(value) not in FLOAT]
                        + [f"{column} is neither label nor value" for column, _ in columns if column not in query["labels"] + query["values"]])
            check(connection, f"sql_exporter.yml: {query['name']}", query["query"], judge)
            labels = {label for labels, in connection.execute("SELECT labels FROM agentcore.metrics").fetchall() for label in labels}
            ok(labels <= set(query["labels"]), f"sql_exporter.yml: {query['name']} has every label of metrics", labels - set(query["labels"]))


def postgres_exporter(connection):
    for name, entry in load("postgres_exporter.yml").items():
        usage = {column: facts["usage"] for metric in entry["metrics"] for column, facts in metric.items()}

        def judge(columns, rows):
            return ([f"{column} is not described" for column, _ in columns if column not in usage]
                    + [f"{column} is missing" for column in usage if column not in dict(columns)]
                    + [f"{column} is no number" for column, use in usage.items() if use != "LABEL" and dict(columns).get(column) not in NUMBER])
        check(connection, f"postgres_exporter.yml: {name}", entry["query"], judge)


def pgwatch(connection):
    document = load("pgwatch.yml")
    for name, metric in document["metrics"].items():
        for sql in metric["sqls"].values():
            def judge(columns, rows):
                gauges = [] if metric["gauges"] == ["*"] else metric["gauges"]
                return ([] if columns[0] == ("epoch_ns", "int8") else ["epoch_ns is not the first column"]) + \
                       [f"{column} is no text" for column, kind in columns if column.startswith("tag_") and kind not in TEXT] + \
                       [f"{column} is no number" for column, kind in columns if not column.startswith("tag_") and kind not in NUMBER] + \
                       [f"gauge {gauge} is no column" for gauge in gauges if gauge not in dict(columns)]
            # that one looks at the last minute, which a busy machine may let pass
            check(connection, f"pgwatch.yml: {name}", sql, judge, name == "agentcore_calls")
    named = {name for preset in document["presets"].values() for name in preset["metrics"]}
    ok(named == set(document["metrics"]), "pgwatch.yml: its preset names its metrics", named ^ set(document["metrics"]))


def expand(sql, variables, hours=traffic.HOURS + 1):
    """The macros and variables of Grafana's PostgreSQL data source, as it puts them into a query."""
    begin, end = f"(now() - interval '{hours} hours')", "(now() + interval '1 hour')"
    sql = sql.replace("$__timeFrom()", f"{begin}::text").replace("$__timeTo()", f"{end}::text")
    sql = re.sub(r"\$__timeFilter\(([^)]*)\)", rf"\1 BETWEEN {begin} AND {end}", sql)
    sql = re.sub(r"\$__timeGroup\(([^,]*), *\$__interval\)", r"floor(extract(epoch from \1)/300)*300", sql)
    return re.sub(r"\$(\w+)", lambda found: ",".join("'" + value.replace("'", "''") + "'" for value in variables[found.group(1)]), sql)


def grafana(connection):
    board = load("grafana/agentcore.json")
    variables = {}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            values = [row[0] for row in connection.execute(variable["query"]).fetchall()]
            ok(len(values) > 1 and all(values), f"agentcore.json: variable {variable['name']} has values, and none is empty", values)
            variables[variable["name"]] = values
    ok(traffic.HOSTILE in variables["tool"], "agentcore.json: a hostile name is a value as every other")
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            def judge(columns, rows):
                if target["format"] != "time_series":
                    return [] if panel["type"] == "table" or columns[-1][1] in NUMBER else ["the last column is no number"]
                names = [column for column, _ in columns]
                return ([] if names == ["time", "metric", "value"] else ["not time, metric, value"]) + \
                       [f"{column} is no number" for column, kind in columns if column != "metric" and kind not in NUMBER]
            query = expand(target["rawSql"], variables)
            name = f"agentcore.json: {panel['title']}"
            check(connection, name, query, judge)
    one = {"tenant": ["acme"], "agent": ["buyer"], "tool": ["search"]}
    calls = next(panel for panel in board["panels"] if panel["title"] == "Calls")["targets"][0]["rawSql"]
    counted = connection.execute(expand(calls, one)).fetchone()[0]
    there = connection.execute("SELECT count(*) FROM agentcore.call_log WHERE event = 'begin' AND tenant = 'acme'").fetchone()[0]
    ok(counted == there > 0, "agentcore.json: the variables choose", counted, there)


def grafana_alerts(connection):
    for group in load("grafana/alerts.yml")["groups"]:
        for rule in group["rules"]:
            for part in rule["data"]:
                if part["datasourceUid"] != "__expr__":
                    def judge(columns, rows):
                        return ([] if columns[-1] == ("value", "float8") else ["the last column is no float value"]) + \
                               [f"{column} is no text" for column, kind in columns[:-1] if kind not in TEXT]
                    check(connection, f"alerts.yml: {rule['title']}", part["model"]["rawSql"], judge, rule["uid"] == "agentcore-permits-lapsed")
            ok(rule["condition"] in {part["refId"] for part in rule["data"]}, f"alerts.yml: {rule['title']}: its condition is a part of it")


def main():
    with psycopg.connect("", autocommit=True) as connection:
        made = traffic.fill(connection)
        logged = connection.execute("SELECT count(*) FROM agentcore.call_log WHERE event = 'begin'").fetchone()[0]
        ok(made == logged, f"every one of {made} calls is in the log", logged)
        verdicts = {row[0] for row in connection.execute("SELECT DISTINCT verdict FROM agentcore.call_log").fetchall()}
        ok({"run", "cached", "wait", "deny"} <= verdicts, "every verdict occurs", verdicts)
        connection.execute("DROP ROLE IF EXISTS agentcore_monitor")
        connection.execute("CREATE ROLE agentcore_monitor")
        connection.execute("SELECT agentcore.access_grant('agentcore_monitor', 'reader', '{*}')")
        connection.execute("SET ROLE agentcore_monitor")
        for part in (sql_exporter, postgres_exporter, pgwatch, grafana, grafana_alerts):
            part(connection)
        connection.execute("RESET ROLE")
        connection.execute("SELECT agentcore.access_revoke('agentcore_monitor')")
        connection.execute("DROP ROLE agentcore_monitor")
    done()


if __name__ == "__main__":
    main()
