"""A guardrail of LiteLLM's proxy: every call of a model is asked for before it is made, and charged by its usage."""
import asyncio
import os
import uuid

from litellm.integrations.custom_guardrail import CustomGuardrail

from agentcore import AsyncGate


class Refused(Exception):
    """LiteLLM answers with the status, and with the message, which may be shown to a model."""
    status_code = 403


class Call:
    """A call that waits, inside the gate, for what LiteLLM makes of it."""

    def __init__(self, longest):
        loop = asyncio.get_running_loop()
        self.begun, self.ended, self.longest = loop.create_future(), loop.create_future(), longest

    async def run(self, request):
        if not self.begun.done():
            self.begun.set_result(None)
        return await asyncio.wait_for(asyncio.shield(self.ended), self.longest)


class AgentcoreGuardrail(CustomGuardrail):
    def __init__(self, database=None, agent=None, max_output_tokens=4096, longest=600, **kwargs):
        super().__init__(**kwargs)
        self.agent, self.most, self.longest = agent, max_output_tokens, longest
        self.gate = AsyncGate(database or os.environ.get("AGENTCORE_DATABASE", ""), max_wait=0, errors="result")
        self.calls = {}

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        call, name = Call(self.longest), data.setdefault("litellm_call_id", str(uuid.uuid4()))
        most = data.get("max_completion_tokens") or data.get("max_tokens") or self.most
        agent = self.agent or user_api_key_dict.key_alias
        sent = {part: data[part] for part in ("messages", "input", "prompt", "tools") if part in data}
        task = asyncio.ensure_future(self.gate.model(agent, data["model"], sent, call.run, max_output_tokens=most))
        await asyncio.wait({task, call.begun}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            raise Refused(task.result().content())
        self.calls[name] = (call, task)
        task.add_done_callback(lambda _: self.calls.pop(name, None))
        return data

    async def _end(self, data, value=None, error=None):
        call, task = self.calls.pop(data.get("litellm_call_id"), (None, None))
        if call is not None:
            call.ended.set_result(value) if error is None else call.ended.set_exception(error)
            await task

    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        await self._end(data, response.model_dump())
        return response

    async def async_post_call_failure_hook(self, request_data, original_exception, user_api_key_dict, traceback_str=None):
        await self._end(request_data, error=original_exception)

    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        usage = None
        try:
            async for chunk in response:
                usage = chunk.model_dump().get("usage") or usage
                yield chunk
        finally:
            await self._end(request_data, {"usage": usage})
