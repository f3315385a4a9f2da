"""Miss ratio of the cache on traces, against exact LRU and Belady's optimum.

    make bench-miss_ratio [TRACES="FILE ..."]        default: $AGENTCORE_SHARED/traces/*

A trace has one key a line.  Each is replayed through SQL (cache_get, on a miss
cache_set) against a server of its own whose cache is as small as it can be made
(1 MB, one partition).  The number of entries is set by the size of the values, all
of one size: what is wanted is 1 % and 10 % of the trace's unique keys, what is
used, for LRU and Belady too, is the number that the cache is then seen to hold.
So 1 % of a short trace means a dozen large values, and a partition's split into
queues is as coarse as it really is.  The server restarts before every replay.

With agentcore.cache_policy = lru there is nothing to compare: on the beginning of
every trace the misses are exactly those of the simulated LRU, or this fails.
"""
import collections
import glob
import heapq
import itertools
import os
import statistics
import subprocess
import sys

import psycopg

import measure

SHARES = (0.01, 0.10)
TARGET_MEAN, TARGET_WORST = 6.0, -3.0
LRU_ENTRIES, LRU_REQUESTS = 500, 20000
NEVER = 1 << 60

REPLAY = """
CREATE FUNCTION replay(keys text[], bytes int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  k text;
  misses bigint := 0;
  value jsonb;
BEGIN
  -- nothing that a compressor could make small
  value := to_jsonb((SELECT left(string_agg(encode(sha256(i::text::bytea), 'hex'), ''), bytes) FROM generate_series(0, bytes / 64) i));
  FOREACH k IN ARRAY keys LOOP
    IF agentcore.cache_get('trace', to_jsonb(k), 's') IS NULL THEN
      misses := misses + 1;
      IF NOT agentcore.cache_set('trace', to_jsonb(k), value, scope => 's', ttl => '1 day', publish => 'immediate') THEN
        RAISE 'a value of % bytes was refused', bytes;
      END IF;
    END IF;
  END LOOP;
  RETURN misses;
END $$;
"""


def lru(keys, capacity):
    cache, misses = collections.OrderedDict(), 0
    for key in keys:
        if key in cache:
            cache.move_to_end(key)
        else:
            misses += 1
            if len(cache) >= capacity:
                cache.popitem(last=False)
            cache[key] = None
    return misses


def belady(keys, capacity):
    """The farthest next use leaves; every miss is admitted."""
    following, last = [NEVER] * len(keys), {}
    for at in range(len(keys) - 1, -1, -1):
        following[at] = last.get(keys[at], NEVER)
        last[keys[at]] = at
    cache, heap, misses = {}, [], 0
    for at, key in enumerate(keys):
        if key not in cache:
            misses += 1
            while len(cache) >= capacity:
                use, victim = heapq.heappop(heap)
                if cache.get(victim) == -use:
                    del cache[victim]
        cache[key] = following[at]
        heapq.heappush(heap, (-following[at], key))
    return misses


class Server:
    """A private cluster below the directory WORK, which has a stage."""

    def __init__(self, work, name, *settings):
        self.dir = os.path.join(work, name)
        os.makedirs(self.dir)
        os.symlink(os.path.join(work, "stage"), os.path.join(self.dir, "stage"))
        self.control("start", *settings)
        words = subprocess.run([CLUSTER, "env", self.dir], capture_output=True, text=True, check=True).stdout.split()
        self.address = dict(word.split("=", 1) for word in words[1:])

    def control(self, what, *settings):
        run = subprocess.run([CLUSTER, what, self.dir, *settings], capture_output=True, text=True)
        if run.returncode:
            raise measure.Failed(f"{what} of a private cluster failed:\n{run.stdout}{run.stderr}")

    def connect(self):
        return psycopg.connect(host=self.address["PGHOST"], port=self.address["PGPORT"], user=self.address["PGUSER"],
                               dbname="postgres", autocommit=True)

    def ask(self, query, *values):
        with self.connect() as connection:
            return connection.execute(query, values).fetchone()[0]


CLUSTER = os.path.join(measure.HERE, "..", "..", "tools", "cluster")


def holds(server, bytes_, about):
    """How many values of this size the cache holds once it is full."""
    server.control("restart")
    server.ask("SELECT replay(%s, %s)", [f"fill {i}" for i in range(3 * about + 40)], bytes_)
    return server.ask("SELECT entries FROM agentcore.stat_cache")


def fit(server, wanted):
    """(bytes, entries): the value size whose number of entries comes closest to what is wanted."""
    low, high = 1, server.ask("SELECT max_value FROM agentcore.stat_cache") - 64
    best = None
    bytes_ = max(1, min(high, server.ask("SELECT capacity FROM agentcore.stat_cache") // wanted - 192))
    for _ in range(7):
        entries = holds(server, bytes_, wanted)
        if best is None or abs(entries - wanted) < abs(best[1] - wanted):
            best = bytes_, entries
        if entries > wanted:
            low = bytes_ + 1
        else:
            high = bytes_ - 1
        if abs(entries - wanted) <= wanted // 50 or low > high:
            break
        bytes_ = max(low, min(high, bytes_ * entries // wanted))
    return best


def replay(server, keys, wanted):
    bytes_, capacity = fit(server, wanted)
    server.control("restart")
    misses = server.ask("SELECT replay(%s, %s)", keys, bytes_)
    if server.ask("SELECT entries FROM agentcore.stat_cache") > capacity:
        raise measure.Failed("the cache held more than it was thought to hold")
    return capacity, misses


def read(path):
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() not in ("", "*")]


def table(paths, work):
    server = Server(work, "miss_ratio", "shared_preload_libraries=agentcore", "agentcore.cache_memory=1MB", "jit=off")
    with server.connect() as connection:
        connection.execute("CREATE EXTENSION agentcore")
        connection.execute(REPLAY)
    yield "| trace | requests | unique | wanted | entries | agentcore | LRU | Belady | fewer misses than LRU |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    gains = []
    for path in paths:
        keys = read(path)
        unique = len(set(keys))
        for share in SHARES:
            wanted = max(4, round(unique * share))
            capacity, misses = replay(server, keys, wanted)
            other, best = lru(keys, capacity), belady(keys, capacity)
            gains.append(100 * (other - misses) / other)
            yield "| {} | {} | {} | {} ({:.0%}) | {} | {:.4f} | {:.4f} | {:.4f} | {:+.1f} % |".format(
                os.path.basename(path), len(keys), unique, wanted, share, capacity,
                misses / len(keys), other / len(keys), best / len(keys), gains[-1])
    server.control("stop")
    mean, worst = statistics.mean(gains), min(gains)
    yield ""
    yield f"- mean reduction against LRU: {mean:+.1f} % (target >= {TARGET_MEAN:.0f} %) {verdict(mean >= TARGET_MEAN)}"
    yield f"- worst trace: {worst:+.1f} % (target >= {TARGET_WORST:.0f} %) {verdict(worst >= TARGET_WORST)}"


def exact_lru(paths, work):
    """The policy lru against the simulated one; small values, the number of entries is the limit."""
    server = Server(work, "exact_lru", "shared_preload_libraries=agentcore", "jit=off",
                    "agentcore.cache_policy=lru", f"agentcore.cache_max_entries={LRU_ENTRIES}")
    with server.connect() as connection:
        connection.execute("CREATE EXTENSION agentcore")
        connection.execute(REPLAY)
    for path in paths:
        keys = read(path)[:LRU_REQUESTS]
        server.control("restart")
        misses, expected = server.ask("SELECT replay(%s, %s)", keys, 100), lru(keys, LRU_ENTRIES)
        if misses != expected:
            raise measure.Failed(f"{path}: cache_policy = lru missed {misses} times, exact LRU misses {expected} times")
    server.control("stop")
    yield f"- cache_policy = lru, {LRU_ENTRIES} entries, the first {LRU_REQUESTS} requests of {len(paths)} traces: every miss ratio is exact LRU's"


def verdict(met):
    return "met" if met else "MISSED"


def traces():
    """Paths; none, said loudly, when there are none."""
    named = os.environ.get("TRACES", "").split()
    shared = os.environ.get("AGENTCORE_SHARED") or os.path.join(measure.HERE, "..", "..", "..", "shared")
    paths = named or sorted(glob.glob(os.path.join(shared, "traces", "*.txt")))
    if not paths:
        print(f"\n{'*' * 78}\n*** MISS RATIO NOT MEASURED: no traces at {shared}/traces"
              f" (set AGENTCORE_SHARED or TRACES)\n{'*' * 78}\n", flush=True)
    return paths


def main():
    paths = traces()
    work = os.environ["BENCH_WORK"]
    for line in itertools.chain(table(paths, work), exact_lru(paths, work)) if paths else ():
        print(line)
    return 0 if paths else 1


if __name__ == "__main__":
    sys.exit(main())
