"""The drop-ins for small libraries: what they promise of their own, and where they go past them."""
import asyncio
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid

from support import admin

from agentcore.dropin import llm_retry, tool_arg_coerce
from agentcore.dropin.arg_validator import ArgumentError, ArgValidator
from agentcore.dropin.token_budget import BudgetConfig, BudgetExceeded, BudgetPool
from agentcore.dropin.tool_result_cache import ToolCache, ToolResultCache, make_key


def elsewhere(program, *arguments):
    """The program's output in another process."""
    return subprocess.run([sys.executable, "-c", program, *arguments], env=os.environ, capture_output=True, text=True, check=True).stdout.strip()


class Cache(unittest.TestCase):
    def test_one_name_is_one_cache(self):
        name = str(uuid.uuid4())
        ToolCache(name=name).set("search", {"q": "x"}, {"hits": [1, 2]})
        program = "import sys; from agentcore.dropin.tool_result_cache import ToolCache; print(ToolCache(name=sys.argv[1]).get('search', {'q': 'x'}))"
        self.assertEqual(elsewhere(program, name), "{'hits': [1, 2]}")
        self.assertIsNone(ToolCache().get("search", {"q": "x"}))

    def test_drops_the_longest_unused(self):
        cache = ToolResultCache(max_size=2)
        for number in (1, 2):
            cache.put("t", {"n": number}, number)
        self.assertEqual(cache.get("t", {"n": 1}), 1)
        cache.put("t", {"n": 3}, 3)
        self.assertEqual([cache.has("t", {"n": number}) for number in (1, 2, 3)], [True, False, True])
        self.assertEqual((cache.size, cache.stats["evictions"], cache.stats()["per_tool"]["t"]["evictions"]), (2, 1, 1))

    def test_every_spelling_of_the_bounds(self):
        now = [0.0]
        for cache in (ToolResultCache(ttl_seconds=5), ToolResultCache(default_ttl=5), ToolResultCache(default_ttl_seconds=5)):
            cache._store._clock = lambda: now[0]
            cache.set("t", {"n": 1}, "value")
            now[0] += 4
            self.assertEqual(cache.get("t", {"n": 1}), "value")
            now[0] += 2
            self.assertIsNone(cache.get("t", {"n": 1}))
            self.assertEqual(cache.stats["expirations"], 1)
        for wrong in ({"max_size": 0}, {"maxsize": -1}, {"ttl_seconds": -1}):
            with self.assertRaises(ValueError):
                ToolResultCache(**wrong)

    def test_none_is_a_value(self):
        cache = ToolResultCache()
        runs = []
        looked = cache.wrap("nothing")(lambda x: runs.append(x))
        self.assertEqual((looked(x=1), looked(x=1), runs), (None, None, [1]))
        self.assertTrue(cache.has("nothing", {"x": 1}))

    def test_removes_what_it_is_told_to(self):
        cache = ToolResultCache()
        for tool, number in (("a", 1), ("a", 2), ("b", 1)):
            cache.set(tool, {"n": number}, number)
        self.assertEqual((cache.delete("a", {"n": 1}), cache.delete("a", {"n": 1}), cache.invalidate("a"), cache.size), (1, 0, 1, 1))
        self.assertEqual((cache.invalidate("b", {"n": 1}), cache.invalidate()), (True, 0))

    def test_a_file_names_a_store(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "deep" / "cache"
            ToolResultCache(persist_path=path).set("t", {"n": 1}, "kept")
            self.assertEqual(ToolResultCache(persist_path=path).get("t", {"n": 1}), "kept")

    def test_asyncio(self):
        cache = ToolResultCache()
        runs = []

        @cache.cached_async("shout")
        async def shout(word, times=1):
            runs.append(word)
            return word.upper() * times

        async def twice():
            return await shout("a"), await shout("a", times=1), await shout("a", 2)
        self.assertEqual((asyncio.run(twice()), runs), (("A", "A", "AA"), ["a", "a"]))

    def test_key_is_known(self):
        cache = ToolCache()
        cache.set("t", {"b": 1, "a": 2}, "x")
        self.assertIn(make_key("t", {"a": 2, "b": 1}), cache)
        self.assertNotIn(make_key("t", {}), cache)


class Budget(unittest.TestCase):
    def test_one_name_is_one_pool(self):
        name = str(uuid.uuid4())
        pool = BudgetPool(token_cap=100, name=name)
        program = "import sys; from agentcore.dropin.token_budget import BudgetPool; BudgetPool(name=sys.argv[1]).record(tokens=60); print('charged')"
        self.assertEqual(elsewhere(program, name), "charged")
        with self.assertRaises(BudgetExceeded) as refused:
            pool.record(tokens=50)
        self.assertEqual((refused.exception.axis, refused.exception.attempted, refused.exception.cap), ("tokens", 110, 100))
        self.assertEqual(pool.snapshot().tokens_remaining, 40)

    def test_config(self):
        pool = BudgetPool(BudgetConfig(max_tokens=100, max_usd=0.5, window_seconds=3600))
        pool.acquire(tokens=40, usd=0.25).commit(tokens=30)
        state = pool.snapshot()
        self.assertEqual((state.tokens_used, state.usd_used, state.tokens_remaining, state.usd_remaining), (30, 0.25, 70, 0.25))
        self.assertEqual(admin("SELECT kind, period::text FROM agentcore.budget WHERE name = %s", pool.name), [("sliding", "01:00:00")])

    def test_an_overrun_is_refused_and_its_hold_is_gone(self):
        pool = BudgetPool(token_cap=100)
        pool.record(tokens=80)
        hold = pool.acquire(tokens=10)
        with self.assertRaises(BudgetExceeded):
            hold.commit(tokens=30)
        self.assertEqual((hold.completed, pool.snapshot().tokens_used, pool.snapshot().tokens_remaining), (True, 80, 20))

    def test_never_over_the_cap(self):
        pool = BudgetPool(usd_cap=1)
        granted = []

        def take():
            try:
                pool.acquire(usd=0.1).commit()
                granted.append(1)
            except BudgetExceeded:
                pass
        threads = [threading.Thread(target=take) for _ in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(granted), pool.snapshot().usd_used), (10, 1.0))
        self.assertEqual(admin("SELECT count(*) FROM agentcore.budget_verify()"), [(0,)])

    def test_an_existing_budget_stays_as_it_is(self):
        admin("SELECT agentcore.budget_set('house', max_tokens => 7)")
        self.assertEqual(BudgetPool(name="house").snapshot().token_cap, 7)


class Retry(unittest.TestCase):
    def fails(self, *errors):
        left = list(errors)

        def run():
            if left:
                raise left.pop(0)
            return "done"
        return run

    def test_a_named_policy_decides(self):
        admin("SELECT agentcore.retry_policy_set('quick', base => '1 s', cap => '8 s', max_attempts => 3, method => 'none')")
        slept = []
        self.assertEqual(llm_retry.retry(self.fails(ConnectionError("connection reset"), Exception("overloaded_error")), policy="quick", sleep=slept.append), "done")
        self.assertEqual(slept, [1.0, 2.0])
        error = Exception("insufficient_quota: check your billing")
        with self.assertRaises(Exception) as raised:
            llm_retry.retry(self.fails(error), policy="quick", sleep=slept.append)
        self.assertIs(raised.exception, error)
        with self.assertRaises(llm_retry.RetryExhausted) as ended:
            llm_retry.retry(self.fails(*[TimeoutError("timed out")] * 9), policy="quick", sleep=lambda _: None)
        self.assertEqual(ended.exception.attempts, 3)

    def test_a_wait_that_was_asked_for_counts(self):
        class Throttled(Exception):
            status_code, headers = 429, {"Retry-After": "7"}
        admin("SELECT agentcore.retry_policy_set('quick', base => '1 s', cap => '8 s', max_attempts => 3, method => 'none')")
        slept = []
        self.assertEqual(asyncio.run(llm_retry.retry_async(self.awaitable(Throttled()), policy="quick", sleep=self.recorder(slept))), "done")
        self.assertEqual(slept, [7.0])

    def awaitable(self, *errors):
        run = self.fails(*errors)

        async def op():
            return run()
        return op

    @staticmethod
    def recorder(slept):
        async def sleep(seconds):
            slept.append(seconds)
        return sleep

    def test_the_predicate_of_the_gate(self):
        self.assertTrue(llm_retry.by_gate(Exception("rate_limit_error")))
        self.assertFalse(llm_retry.by_gate(Exception("authentication_error")))

    def test_decorated(self):
        runs = []

        @llm_retry.with_retry(llm_retry.RetryPolicy(max_attempts=2, base_delay_ms=0))
        def once(value):
            """Doc."""
            runs.append(value)
            if len(runs) < 2:
                raise ValueError("no")
            return value
        self.assertEqual((once(5), runs, once.__doc__), (5, [5, 5], "Doc."))

    def test_an_interrupt_is_no_failure(self):
        for policy in (None, "default"):
            with self.assertRaises(KeyboardInterrupt):
                llm_retry.retry(self.fails(KeyboardInterrupt()), policy=policy)


class Arguments(unittest.TestCase):
    SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}, "unit": {"enum": ["kg", "lb"]}}, "required": ["n"]}

    def test_validates(self):
        validator = ArgValidator(self.SCHEMA)
        self.assertTrue(validator.validate({"n": 1}))
        wrong = validator.validate({"n": 0, "unit": "st"})
        self.assertEqual((wrong.valid, len(wrong.errors)), (False, 2))
        self.assertIn('"kg"', wrong.feedback)
        with self.assertRaises(ArgumentError) as raised:
            wrong.check()
        self.assertEqual(raised.exception.errors, wrong.errors)

    def test_repairs_only_where_it_is_asked_to(self):
        validator = ArgValidator(self.SCHEMA)
        self.assertFalse(validator.validate('{"n": "2"}'))
        fixed = validator.coerce("```json\n{'n': '2',}\n```")
        self.assertEqual((fixed.valid, fixed.args, bool(fixed.changes)), (True, {"n": 2}, True))
        cut = validator.validate('{"n": 2')
        self.assertEqual((cut.valid, cut.args, cut.errors[0]["keyword"]), (False, None, "json"))

    def test_reads_agentvets_dialect(self):
        self.assertFalse(ArgValidator({"query": {"type": "string", "min_length": 2}}).validate({"query": "x"}))
        self.assertTrue(ArgValidator({"query": "string", "top": "number?"}).validate({"query": "x"}))

    def test_a_registered_tool(self):
        admin("""SELECT agentcore.tool_set('weigh', '{"type": "object", "required": ["n"]}')""")
        self.assertFalse(ArgValidator(tool="weigh").validate({}))
        with self.assertRaises(ValueError):
            ArgValidator()

    def test_coerces_as_the_gate_does(self):
        fixed, warnings = tool_arg_coerce.coerce({"n": "5", "unit": "KG"}, self.SCHEMA)
        self.assertEqual((fixed, len(warnings)), ({"n": 5, "unit": "kg"}, 2))
        with self.assertRaises(tool_arg_coerce.CoerceError) as raised:
            tool_arg_coerce.coerce({"n": "many"}, self.SCHEMA, strict=True)
        self.assertEqual((raised.exception.path, raised.exception.value, raised.exception.target_type), ("$.n", "many", "integer"))
        self.assertEqual(tool_arg_coerce.coerce_value("yes", "boolean"), ("yes", []))


if __name__ == "__main__":
    unittest.main()
