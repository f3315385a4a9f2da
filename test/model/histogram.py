#!/usr/bin/python3
"""The quantiles of src/profile/histogram.c against exact ones, over many distributions.

    test/model/histogram.py [SEED]

The source is compiled as a library of its own and asked directly.  A quantile by the
nearest rank must be less than 2 % off the exact one, whatever the values; small values are
exact, and so are the ends.  What lies beyond the last bucket is told as the largest value.
"""
import ctypes
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from lib import seed

TOP = pathlib.Path(__file__).resolve().parents[2]
SHARES = (0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
BITS = 45
WORST = 0.02
FULL = 2 ** 32 - 1

passed = failed = 0
largest = 0.0


def check(name, ok):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {name}")


def library(directory):
    config = os.environ.get("PG_CONFIG") or "pg_config"
    include = subprocess.run([config, "--includedir-server"], capture_output=True, text=True, check=True).stdout.strip()
    path = os.path.join(directory, "histogram.so")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-I{TOP}/src", f"-I{include}", "-D_GNU_SOURCE", "-o", path,
                    str(TOP / "src/profile/histogram.c"), "-lm"], check=True)
    found = ctypes.CDLL(path)
    found.histogram_quantile.restype = ctypes.c_int64
    found.histogram_quantile.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_double, ctypes.c_int64]
    found.histogram_add.restype = None
    found.histogram_add.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int64]
    return found


class Histogram:
    def __init__(self, found, bits=BITS):
        self.found, self.size = found, 32 * (bits - 4)
        self.bucket, self.most = (ctypes.c_uint32 * self.size)(), 0

    def add(self, value):
        self.found.histogram_add(self.bucket, self.size, value)
        self.most = max(self.most, value)

    def quantile(self, share):
        return self.found.histogram_quantile(self.bucket, self.size, share, self.most)


def exact(values, share):
    return values[max(math.ceil(share * len(values)), 1) - 1]


def near(got, wanted):
    global largest
    largest = max(largest, abs(got - wanted) / max(wanted, 1))
    return got == wanted if wanted < 32 else abs(got - wanted) < WORST * wanted


def distributions(rng):
    most = 2 ** BITS - 1
    shapes = {
        "uniform": lambda: rng.randrange(10 ** rng.randint(1, 9)),
        "exponential": lambda: int(rng.expovariate(1 / 50_000)),
        "log-normal": lambda: int(rng.lognormvariate(10, 2)),
        "long tail": lambda: int(1000 * rng.paretovariate(0.7)),
        "two humps": lambda: int(rng.gauss(3_000, 100) if rng.random() < 0.6 else rng.gauss(90_000_000, 5_000_000)),
        "hardly any": lambda: rng.randrange(40),
        "edges": lambda: max(2 ** rng.randrange(BITS) + rng.randint(-1, 1), 0),
        "edges of buckets": lambda: (32 + rng.randrange(32)) * 2 ** rng.randrange(30) - rng.randrange(2),
        "every size": lambda: rng.getrandbits(rng.randrange(1, BITS)),
        "one value": lambda value=rng.randrange(10 ** 7): value,
    }
    for name, draw in shapes.items():
        for count in (1, 2, 3, 100, 3_000):
            yield f"{name}, {count}", [min(max(draw(), 0), most) for _ in range(count)]


def compare(found, rng):
    for name, values in distributions(rng):
        histogram = Histogram(found)
        for value in values:
            histogram.add(value)
        values.sort()
        told = [histogram.quantile(share) for share in SHARES]
        # the last bucket is open above: what counts in it is told as the largest value
        inside = [(share, got) for share, got in zip(SHARES, told) if exact(values, share) < 63 * 2 ** (BITS - 6)]
        worst = [(share, got, exact(values, share)) for share, got in inside if not near(got, exact(values, share))]
        check(f"{name}: share, told, exact {worst}", not worst)
        check(f"{name}: {told} does not grow", told == sorted(told))
        check(f"{name}: more than the largest", max(told) <= values[-1])


def compare_ends(found):
    empty = Histogram(found)
    check("of nothing", empty.quantile(0.5) == -1)
    beyond = Histogram(found, bits=36)
    for value in (2 ** 40, 2 ** 62, 5):
        beyond.add(value)
    check("beyond the last bucket", beyond.quantile(0.99) == 2 ** 62 and beyond.quantile(0.01) == 5)
    below = Histogram(found)
    below.add(-5)
    check("below zero", below.quantile(0.5) == 0)
    full = Histogram(found)
    for value, count in ((100, FULL), (100_000, FULL // 4)):
        full.add(value)
        full.bucket[[i for i in range(full.size) if full.bucket[i] == 1][-1]] = count
    before = [full.quantile(share) for share in SHARES]
    full.add(100)
    check("a full bucket halves all", [full.quantile(share) for share in SHARES] == before and sum(full.bucket) < FULL * 0.7)


def main():
    number = seed.chosen(sys.argv[1] if len(sys.argv) > 1 else None)
    with tempfile.TemporaryDirectory() as directory:
        found = library(directory)
        rng = random.Random(number)
        for _ in range(10):
            compare(found, rng)
        compare_ends(found)
    print(f"seed {number}; the largest error was {100 * largest:.2f} %")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
