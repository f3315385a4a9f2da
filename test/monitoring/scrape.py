#!/usr/bin/python3
"""What is scraped is what the view metrics shows: by sql_exporter, by postgres_exporter, through a Prometheus under its own names, and as a text.
The alert rules are checked, tried and loaded.  All servers are private processes on loopback ports."""
import os
import shutil
import subprocess
import tempfile
import urllib.parse

import psycopg

from lib import server, traffic
from lib.tests import TOP, done, loud, ok

try:
    import yaml
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
    from prometheus_client.parser import text_string_to_metric_families as prometheus_text
except ImportError:
    loud("NOTHING WAS SCRAPED: python3-yaml or python3-prometheus-client is absent")
    done()

MONITORING = f"{TOP}/monitoring"
ROLE = "agentcore_scraper"


def dsn(database):
    where = urllib.parse.urlencode({"host": os.environ["PGHOST"], "port": os.environ["PGPORT"], "sslmode": "disable"})
    return f"postgres://{ROLE}@/{database}?{where}"


def samples(connection):
    """{(name, labels): value} as the view has it; an empty label is none, as Prometheus has it."""
    rows = connection.execute("SELECT name, labels, value FROM agentcore.metrics WHERE value IS NOT NULL").fetchall()
    return {(name, frozenset((key, value) for key, value in labels.items() if value)): value for name, labels, value in rows}


class Steady:
    """The samples that did not change since the traffic ended: not time, nor what others do on the same server."""

    def __init__(self, connection):
        self.connection, self.before = connection, samples(connection)

    def now(self):
        after = samples(self.connection)
        return {key: value for key, value in self.before.items() if after.get(key) == value}


def exposed(text, name):
    """{(name, labels): value} of an exporter's samples, by the label metric."""
    found = {}
    for family in prometheus_text(text):
        for sample in family.samples:
            if sample.name == name:
                own = {"driver", "host", "database", "user", "sql_job", "col", "server", "metric"}
                labels = frozenset((key, value) for key, value in sample.labels.items() if value and key not in own)
                found[sample.labels["metric"], labels] = sample.value
    return found


def compare(name, found, wanted):
    missing = [key for key in wanted if key not in found]
    other = [(key, found[key], value) for key, value in wanted.items() if key in found and abs(found[key] - value) > 1e-9 * abs(value)]
    ok(len(wanted) > 80 and not missing and not other, name, f"missing: {missing[:5]}", f"other: {other[:5]}")


def texts(connection, steady):
    for strict, parse in ((True, openmetrics), (False, prometheus_text)):
        text = connection.execute("SELECT agentcore.metrics_text(%s)", (strict,)).fetchone()[0]
        found = {(sample.name, frozenset((key, value) for key, value in sample.labels.items() if value)): sample.value
                 for family in parse(text) for sample in family.samples}
        compare(f"metrics_text({'true' if strict else 'false'}): a parser of its format reads every sample", found, steady.now())
        if strict:
            units = {family.name: family.unit for family in parse(text) if family.unit}
            ok(all(name.endswith("_" + unit) for name, unit in units.items()) and {"bytes", "seconds", "usd", "ratio"} == set(units.values()),
               "metrics_text(true): its units are those that end the names", units)
        else:
            run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=600)
            ok(run.returncode == 0 and not run.stderr, "promtool finds no fault with metrics_text(false)", run.stdout, run.stderr)


def rules():
    for command in (["check", "rules", "agentcore.rules.yml"], ["check", "config", "prometheus.yml"], ["test", "rules", "agentcore.rules.test.yml"]):
        run = subprocess.run(["promtool", *command], capture_output=True, text=True, timeout=600, cwd=MONITORING)
        ok(run.returncode == 0, f"promtool {' '.join(command)}", run.stdout, run.stderr)
    with open(f"{MONITORING}/agentcore.rules.yml", encoding="utf-8") as file:
        alerts = {rule["alert"] for group in yaml.safe_load(file)["groups"] for rule in group["rules"]}
    with open(f"{MONITORING}/agentcore.rules.test.yml", encoding="utf-8") as file:
        fired = {case["alertname"] for test in yaml.safe_load(file)["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    ok(alerts == fired, "every alert is seen to fire", alerts ^ fired)
    return alerts


def sql_exporter(folder, database):
    with open(f"{MONITORING}/sql_exporter.yml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["jobs"][0].update(connections=[dsn(database)], interval="1s")
    path = f"{folder}/sql_exporter.yml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True)
    return ["prometheus-sql-exporter", "-config.file", path], {}


def postgres_exporter(folder, database):
    return ["prometheus-postgres-exporter", "--disable-default-metrics", "--disable-settings-metrics", "--no-collector.database", "--no-collector.bgwriter",
            f"--extend.query-path={MONITORING}/postgres_exporter.yml"], {"DATA_SOURCE_NAME": dsn(database)}


def scraped_by_prometheus(folder, port, steady, alerts, name):
    """A Prometheus with the file's own relabelling has every sample under its own name, and the rules."""
    with open(f"{MONITORING}/prometheus.yml", encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["rule_files"] = [f"{MONITORING}/agentcore.rules.yml"]
    config["scrape_configs"][0].update(scrape_interval="1s", scrape_timeout="1s", static_configs=[{"targets": [f"127.0.0.1:{port}"]}])
    path, own = f"{folder}/prometheus-{name}.yml", server.free_port()
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file)
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb-{name}", f"--web.listen-address=127.0.0.1:{own}"]
    base = f"http://127.0.0.1:{own}"
    with server.running(command, f"{folder}/prometheus-{name}.log") as process:
        if not ok(server.wait_for(process, lambda: server.ask(base, "query", query="agentcore_info")["result"]), f"{name}: Prometheus has agentcore_info",
                  tail(f"{folder}/prometheus-{name}.log")):
            return
        found = {}
        for entry in server.ask(base, "query", query='{__name__=~".*agentcore_.*"}')["result"]:
            labels = {key: value for key, value in entry["metric"].items() if key not in ("__name__", "instance", "job", "database")}
            found[entry["metric"]["__name__"], frozenset(labels.items())] = float(entry["value"][1])
        compare(f"{name}: Prometheus has every sample under its own name and labels", found, steady.now())
        ok(not any(key[0].startswith(("sql_", "agentcore_value")) for key in found), f"{name}: and under no other")
        loaded = {rule["name"] for group in server.ask(base, "rules")["groups"] for rule in group["rules"]}
        ok(loaded == alerts, f"{name}: Prometheus has loaded the rules", loaded ^ alerts)
        full = server.ask(base, "query", query="agentcore_budget_used_ratio >= 0.9")["result"]
        ok("research" in [entry["metric"]["budget"] for entry in full], f"{name}: the alert for a budget sees the one that is nearly full", full)


def tail(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()[-2000:]


def scrape(folder, connection, steady, alerts):
    database = connection.info.dbname
    for make, name, wanted_name in ((sql_exporter, "sql_exporter", "sql_agentcore"), (postgres_exporter, "postgres_exporter", "agentcore_value")):
        command, environment = make(folder, database)
        if not shutil.which(command[0]):
            loud(f"NOT SCRAPED BY {name}: {command[0]} is absent")
            continue
        port = server.free_port()
        command.append(f"-web.listen-address=127.0.0.1:{port}" if name == "sql_exporter" else f"--web.listen-address=127.0.0.1:{port}")
        with server.running(command, f"{folder}/{name}.log", env={**os.environ, **environment}) as process:
            text = server.wait_for(process, lambda: next((t for t in [server.get(f"http://127.0.0.1:{port}/metrics")] if wanted_name in t), None))
            if not ok(text, f"{name}: it has samples", tail(f"{folder}/{name}.log")):
                continue
            compare(f"{name}: it has every sample of metrics", exposed(text, wanted_name), steady.now())
            if shutil.which("prometheus"):
                scraped_by_prometheus(folder, port, steady, alerts, name)
            else:
                loud(f"NOT SCRAPED BY PROMETHEUS from {name}: it is absent")


def main():
    with psycopg.connect("", autocommit=True) as connection, tempfile.TemporaryDirectory() as folder:
        traffic.fill(connection)
        connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
        connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        connection.execute(f"SELECT agentcore.access_grant('{ROLE}', 'reader', '{{*}}')")
        if shutil.which("promtool"):
            steady = Steady(connection)
            texts(connection, steady)
            scrape(folder, connection, steady, rules())
        else:
            loud("NOTHING WAS SCRAPED: promtool is absent")
        connection.execute(f"SELECT agentcore.access_revoke('{ROLE}')")
        connection.execute(f"DROP ROLE {ROLE}")
    done()


if __name__ == "__main__":
    main()
