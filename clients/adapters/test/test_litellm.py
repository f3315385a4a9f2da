"""The guardrail against LiteLLM's documented interface: a class in the place of its CustomGuardrail, and hooks called as its page says."""
import sys
import types
import unittest

import psycopg


class CustomGuardrail:
    def __init__(self, **kwargs):
        self.optional_params = kwargs


litellm, integrations, custom_guardrail = (types.ModuleType(name) for name in ("litellm", "litellm.integrations", "litellm.integrations.custom_guardrail"))
custom_guardrail.CustomGuardrail = CustomGuardrail
sys.modules.update({module.__name__: module for module in (litellm, integrations, custom_guardrail)})

import agentcore_guardrail  # noqa: E402

KEY = types.SimpleNamespace(key_alias="lite")


def admin(sql, *parameters):
    with psycopg.connect(autocommit=True) as connection:
        cursor = connection.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


class Response:
    """As LiteLLM's: a model of pydantic."""

    def __init__(self, **members):
        self.members = members

    def model_dump(self):
        return self.members


def request(**more):
    return {"model": "lite-model", "messages": [{"role": "user", "content": "go"}], "max_tokens": 100, **more}


USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}


class Guardrail(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        admin("SELECT agentcore.model_price_set('lite-model', usd_per_input_token => 0.001, usd_per_output_token => 0.001)")
        admin("SELECT agentcore.policy_set('lite'), agentcore.budget_set('lite', max_usd => 1)")
        admin("SELECT agentcore.agent_set('lite', 'lite', 'lite')")

    async def asyncSetUp(self):
        self.guard = agentcore_guardrail.AgentcoreGuardrail(guardrail_name="agentcore")
        self.spent = self.used()

    async def asyncTearDown(self):
        await self.guard.gate.close()
        self.assertEqual(admin("SELECT count(*) FROM agentcore.permits WHERE agent = 'lite' AND state IN ('open', 'held')"), [(0,)])
        self.assertEqual(self.guard.calls, {})

    @staticmethod
    def used():
        return admin("SELECT used_usd FROM agentcore.budget_status WHERE budget = 'lite'")[0][0]

    async def begun(self, data):
        self.assertIs(await self.guard.async_pre_call_hook(KEY, None, data, "completion"), data)

    async def test_charges_by_the_usage(self):
        data, response = request(), Response(usage=USAGE)
        await self.begun(data)
        self.assertIs(await self.guard.async_post_call_success_hook(data, KEY, response), response)
        self.assertEqual(float(self.used() - self.spent), 0.03)

    async def test_refuses_what_the_budget_does_not_hold(self):
        with self.assertRaises(agentcore_guardrail.Refused) as raised:
            await self.guard.async_pre_call_hook(KEY, None, request(max_tokens=100000), "completion")
        self.assertEqual((raised.exception.status_code, bool(str(raised.exception))), (403, True))
        self.assertEqual(self.used(), self.spent)

    async def test_settles_a_failure_once(self):
        def released():
            return admin("SELECT count(*) FROM agentcore.permits WHERE agent = 'lite' AND state = 'released'")[0][0]

        before, data = released(), request(litellm_call_id="one")
        await self.begun(data)
        error = RuntimeError("503 overloaded")
        error.status_code = 503
        await self.guard.async_post_call_failure_hook(data, error, KEY)
        await self.guard.async_post_call_failure_hook(data, error, KEY)
        # nothing was produced, so nothing is charged; LiteLLM tries again itself
        self.assertEqual(released(), before + 1)
        self.assertEqual(self.used(), self.spent)

    async def test_gives_up_a_call_that_nobody_ends(self):
        guard = agentcore_guardrail.AgentcoreGuardrail(longest=0.01)
        data = request()
        await guard.async_pre_call_hook(KEY, None, data, "completion")
        for _, task in list(guard.calls.values()):
            self.assertFalse((await task).ok)
        self.assertEqual(guard.calls, {})
        await guard.async_post_call_success_hook(data, KEY, Response(usage=USAGE))
        await guard.gate.close()

    async def test_charges_a_stream(self):
        data = request(stream=True)
        await self.begun(data)

        async def chunks():
            for usage in (None, None, USAGE):
                yield Response(choices=[], usage=usage)

        self.assertEqual(len([chunk async for chunk in self.guard.async_post_call_streaming_iterator_hook(KEY, chunks(), data)]), 3)
        self.assertEqual(float(self.used() - self.spent), 0.03)


if __name__ == "__main__":
    unittest.main()
