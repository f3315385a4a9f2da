"""Values on their way to the gate, and what an exception says; no database."""
import dataclasses
import datetime
import decimal
import enum
import json
import unittest

from agentcore import loop, requests, usage, values
from agentcore.errors import Away, GateError
from agentcore.statements import numbered
from agentcore.steps import Outcome, Run, Shield


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Results(unittest.TestCase):
    def kept(self, value):
        return json.loads(values.of_result(value, 1 << 20))

    def test_what_json_cannot_say_becomes_text(self):
        for value, expected in (
                ("a\0b\ud800", "a\ufffdb\ufffd"), (float("nan"), None), ([float("inf")], [None]), (b"abc", "abc"), (b"\xff\xfe", "//4="),
                ({1: (2, {3})}, {"1": [2, [3]]}), (datetime.date(2026, 1, 2), "2026-01-02"), (decimal.Decimal("1.50"), 1.5), (decimal.Decimal(3), 3),
                (Colour.RED, "red"), (Point(1, 2.5), {"x": 1, "y": 2.5}), (10 ** 30, 10 ** 30), (True, True), (None, None)):
            with self.subTest(value=value):
                self.assertEqual(self.kept(value), expected)

    def test_what_refers_to_itself_has_an_end(self):
        value = []
        value.append(value)
        self.assertIsInstance(values.to_json(value), str)
        parent = {"name": "parent"}
        parent["children"] = [{"up": parent}, {"up": parent}]
        self.assertEqual(self.kept(parent), {"name": "parent", "children": [{"up": "..."}, {"up": "..."}]})
        shared = ["x"]
        self.assertEqual(self.kept([shared, shared]), [["x"], ["x"]])

    def test_what_grows_without_end_is_not_kept(self):
        crowd = [[] for _ in range(30)]
        for one in crowd:
            one.extend(crowd)
        self.assertIsNone(values.of_result(crowd, 1000))
        with self.assertRaises(ValueError):
            values.to_json(crowd)

    def test_half_of_an_answer_is_none(self):
        self.assertIsNone(values.of_result("x" * 100, 50))
        self.assertEqual(values.of_result("\u00e4" * 24, 50), '"' + "\u00e4" * 24 + '"')
        self.assertIsNone(values.of_result("\u00e4" * 25, 50))

    def test_arguments_stay_what_the_model_wrote(self):
        self.assertEqual(values.of_args("{'a': 1}"), "{'a': 1}")
        self.assertEqual(values.of_args('{"a": "\0"}'), '{"a": "\\u0000"}')
        self.assertEqual(json.loads(values.of_args({"a": "\ud800"})), {"a": "\ud800"})
        self.assertEqual(values.of_args({"a": float("nan")}), '{"a": NaN}')
        self.assertIsNone(values.of_args(None))


class Raised(Exception):
    def __init__(self, text="failed", **members):
        super().__init__(text)
        self.__dict__.update(members)


class Response:
    def __init__(self, status, headers):
        self.status_code, self.headers = status, headers


class Exceptions(unittest.TestCase):
    def test_status_and_headers_of_any_library(self):
        headers = {"Retry-After": "7", "X-RateLimit-Remaining-Tokens": "0", "Date": "today"}
        told = "Retry-After: 7\nX-RateLimit-Remaining-Tokens: 0"
        for error, expected in ((Raised(status_code=503), (503, None)), (Raised(status=429, headers=headers), (429, told)),
                                (Raised(response=Response(502, headers)), (502, told)), (Raised(code=404), (404, None)),
                                (Raised(code="invalid"), (None, None)), (Raised(code=7), (None, None)), (Raised(retry_after=3), (None, "retry-after: 3"))):
            with self.subTest(error=vars(error)):
                failure = values.failure(error)
                self.assertEqual((failure.status, failure.retry_after), expected)

    def test_names_and_causes(self):
        try:
            try:
                raise ConnectionRefusedError("refused")
            except OSError as error:
                raise TimeoutError("late\0") from error
        except TimeoutError as error:
            self.assertEqual(values.failure(error).error, "TimeoutError: late\ufffd\nConnectionRefusedError: refused")
        self.assertIn('{"type":"overloaded_error"}', values.failure(Raised(body={"type": "overloaded_error"})).error)
        self.assertLessEqual(len(values.failure(Raised("x" * 100000)).error), 60000)

    def test_a_property_that_raises_is_none(self):
        class Odd(Exception):
            @property
            def response(self):
                raise RuntimeError("not read yet")
        self.assertIsNone(values.failure(Odd()).status)


class Usage(unittest.TestCase):
    def test_only_what_speaks_of_usage_travels(self):
        told = json.loads(usage.of_response({"id": "x", "content": "long", "service_tier": "priority", "usage": {"input_tokens": 1}}))
        self.assertEqual(told, {"service_tier": "priority", "usage": {"input_tokens": 1}})
        self.assertIsNone(usage.of_response({"content": "long"}))
        self.assertEqual(json.loads(usage.of_response({"response": {"usage": {"input_tokens": 1}}, "type": "response.completed"})),
                         {"response": {"usage": {"input_tokens": 1}}, "type": "response.completed"})

    def test_what_a_request_may_use(self):
        self.assertEqual(usage.most_output({"max_completion_tokens": 5}), 5)
        self.assertEqual(usage.most_output({"generationConfig": {"maxOutputTokens": 6}}), 6)
        self.assertIsNone(usage.most_output({"max_tokens": None}))
        self.assertGreaterEqual(usage.input_estimate({"messages": ["word " * 300]}), 400)


class Steps(unittest.TestCase):
    """The rules alone, with a gate that is played."""

    def play(self, steps, answers):
        seen, answers, thrown, answer = [], list(answers), None, None
        while True:
            try:
                step = steps.throw(thrown) if thrown else steps.send(answer)
            except StopIteration as end:
                return end.value, seen
            seen.append(type(step).__name__)
            thrown = answer = None
            if seen[-1] in ("Ask", "Run"):
                answer = answers.pop(0)
                if isinstance(answer, BaseException):
                    thrown, answer = answer, None

    def request(self):
        return requests.Request(agent="a", tool="t", args={}, fn=lambda args: args)

    def test_a_settlement_that_the_gate_refuses_is_not_repeated(self):
        with self.assertLogs("agentcore", "ERROR"):
            row, seen = self.play(loop.settle(requests.Rules(), self.request().release("x"), "x"), [GateError("no", "42704")])
        self.assertEqual((row, seen), (None, ["Ask"]))

    def test_contention_is_asked_again(self):
        row, seen = self.play(loop.settle(requests.Rules(), self.request().release("x"), "x"), [GateError("busy", "55P03"), Away("gone", True), [{"outcome": "x"}]])
        self.assertEqual((row["outcome"], seen), ("x", ["Ask", "Sleep", "Ask", "Sleep", "Ask"]))

    def test_patience_for_people_grows(self):
        patience = loop.Patience(requests.Rules(approval_wait=100.0))
        looks = []
        while (look := patience.next_look()) > 0:
            looks.append(look)
        self.assertEqual((looks[0], max(looks) <= 15.0, round(sum(looks), 6)), (0.5, True, 100.0))

    def test_rules_are_checked(self):
        for wrong in ({"fail_open": "pay"}, {"errors": "ignore"}, {"nonsense": 1}):
            with self.assertRaises((TypeError, ValueError)):
                requests.Rules(**wrong)
        self.assertTrue(requests.Rules(fail_open=["read_*"]).opens("read_file"))
        self.assertFalse(requests.Rules(fail_open=["read_*", "look"]).opens("looks"))

    def test_numbers_for_drivers_without_names(self):
        self.assertEqual(numbered("%(a)s::text, %(b)s, %(a)s", {"a": 1, "b": 2}), ("$1::text, $2, $3", [1, 2, 1]))


class Settling(unittest.TestCase):
    """Who gives up twice while a call is settled does not give back what has run."""

    ROW = {"verdict": "run", "call_id": "id", "args": "{}", "attempt": 1, "approval": None, "model": None, "enforced": True, "detail": None, "feedback": None}

    def test_two_interrupts_give_nothing_back(self):
        request = requests.Request(agent="a", tool="t", args={}, fn=lambda args: None)
        steps = loop.call(requests.Rules(), request)
        self.assertIn("call_begin", next(steps).sql)
        self.assertIsInstance(steps.send([self.ROW]), Run)
        self.assertIn("call_commit", steps.send(Outcome("done")).sql)
        self.assertIsInstance(steps.throw(KeyboardInterrupt()), Shield)
        self.assertIn("call_commit", steps.send(None).sql)
        with self.assertRaises(KeyboardInterrupt):
            steps.throw(KeyboardInterrupt())
