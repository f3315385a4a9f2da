"""A call from begin to settlement, over psycopg 3."""
import unittest

import psycopg

import agentcore


def admin(sql, *parameters):
    with psycopg.connect(autocommit=True) as connection:
        cursor = connection.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


class Call(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        admin("SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('bot', 'p')")
        admin("""SELECT agentcore.tool_set('add', '{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 1}},
                 "required": ["a"]}', coerce => true)""")
        cls.gate = agentcore.Gate("", agent="bot")

    def test_runs_with_what_the_gate_returned(self):
        result = self.gate.call("bot", "add", {"a": "41"}, lambda args: args["a"] + args["b"], key="first")
        self.assertEqual((result.ok, result.value, result.args, result.settled), (True, 42, {"a": 41, "b": 1}, "committed"))
        again = self.gate.call("bot", "add", {"a": "41"}, self.fail, key="first")
        self.assertEqual((again.ok, again.value, again.cached), (True, 42, True))

    def test_deny_is_a_result(self):
        result = self.gate.call("bot", "add", {}, self.fail)
        self.assertFalse(result.ok)
        self.assertIn('required property "a" (integer) is missing', result.content())


if __name__ == "__main__":
    unittest.main()
