"""Statements over a local socket by pgbench: prepared, one script per request.

closed() asks again as soon as the answer is there.  open_loop() sends what is due
(--rate: Poisson), and its latencies run from the time at which a request was due, its
wait for a free client included.
"""
import glob
import os
import re
import subprocess

from lib import sizes
from measure import DATABASE, Failed


class Pgbench:
    def __init__(self, directory, database=DATABASE, **variables):
        self.directory, self.database, self.host = directory, database, ()
        self.variables = [f"-D{name}={value}" for name, value in variables.items()]

    def run(self, script, clients, *options):
        path = os.path.join(self.directory, "request.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        where = ("-h", self.host[0], "-p", self.host[1]) if self.host else ()
        run = subprocess.run(["pgbench", *where, "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), *self.variables, *options,
                              "-f", path, self.database], capture_output=True, text=True)
        rate = re.search(r"^tps = ([\d.]+)", run.stdout, re.M)
        if run.returncode or not rate or re.search(r"number of failed transactions: [1-9]", run.stdout):
            raise Failed(f"pgbench failed:\n{script}\n{run.stdout[-500:]}{run.stderr[-1500:]}")
        return float(rate.group(1))

    def closed(self, script, clients=1, seconds=sizes.SECONDS):
        """Microseconds per request and client."""
        length = ("-t", "20") if sizes.TINY else ("-T", str(max(1, round(seconds))))
        return 1e6 * clients / self.run(script, clients, *length)

    def open_loop(self, script, rate, clients, seconds=sizes.SECONDS):
        """(latencies in us, sorted; answers per second)"""
        length = ("-t", str(max(2, round(rate * seconds / clients)))) if sizes.TINY else ("-T", str(max(1, round(seconds))))
        prefix = os.path.join(self.directory, "latencies")
        for path in glob.glob(prefix + ".*"):
            os.remove(path)
        done = self.run(script, clients, *length, "--rate", str(rate), "-l", "--log-prefix", prefix)
        latencies = []
        for path in glob.glob(prefix + ".*"):
            with open(path, encoding="ascii") as file:
                latencies += [int(line.split()[2]) for line in file]
        return sorted(latencies), done


def at(latencies, share):
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))]
