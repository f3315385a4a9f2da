"""Calls of models: usage, streams, fallback."""
import asyncio
import types

import agentcore
from support import AsyncPsycopg, Asyncpg, GateTest, HttpError, admin, of_each_kind, wait_until

REQUEST = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100}
START = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 10, "output_tokens": 1}}}
DELTA = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}}
END = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7}}


class Models:
    once = False

    def setUp(self):
        super().setUp()
        self.model, self.other = f"model-{self.agent}", f"other-{self.agent}"
        for name in (self.model, self.other):
            admin("SELECT agentcore.model_price_set(%s, 0.000001, 0.000002)", name)
            admin("SELECT agentcore.model_set(%s, retry_policy => 'quick')", name)

    def charged(self):
        return admin("SELECT state, charged_tokens FROM agentcore.permits WHERE agent = %s ORDER BY created_at", self.agent)

    def test_charges_what_the_response_says(self):
        response = {"id": "r", "content": "x" * 100, "usage": {"input_tokens": 20, "output_tokens": 5}}
        result = self.client().model(None, self.model, REQUEST, lambda request: {**response, "model": request["model"]})
        self.assertEqual((result.value["model"], result.settled), (self.model, "committed"))
        self.assertEqual(self.charged(), [("committed", 25)])

    def test_reads_objects_of_libraries(self):
        usage = types.SimpleNamespace(model_dump=lambda: {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
        response = types.SimpleNamespace(model_dump=lambda: {"object": "chat.completion", "choices": [], "usage": usage})
        self.client().model(None, self.model, REQUEST, lambda request: response)
        self.assertEqual(self.charged(), [("committed", 7)])

    def test_a_response_that_tells_nothing_is_charged_as_held(self):
        self.client().model(None, self.model, REQUEST, lambda request: "Hi", input_tokens=50)
        self.assertEqual(self.charged(), [("committed", 150)])

    def test_a_key_answers_again(self):
        client, key = self.client(), f"model-key-{self.agent}"
        client.model(None, self.model, REQUEST, lambda request: {"text": "Hi", "usage": {"input_tokens": 1, "output_tokens": 1}}, key=key)
        again = client.model(None, self.model, REQUEST, self.fail, key=key)
        self.assertEqual((again.cached, again.value["text"]), (True, "Hi"))

    def test_without_a_key_the_answer_is_not_kept(self):
        self.client().model(None, self.model, REQUEST, lambda request: {"text": "secret", "usage": {"input_tokens": 1, "output_tokens": 1}})
        self.assertEqual(admin("SELECT count(*) FROM agentcore.permit p WHERE agent = %s AND to_jsonb(p)::text LIKE '%%secret%%'", self.agent), [(0,)])

    def test_a_request_must_say_how_much_may_come(self):
        with self.assertRaises(TypeError):
            self.client().model(None, self.model, {"messages": []}, self.fail)

    def test_an_overloaded_model_is_tried_again(self):
        errors = [HttpError(529), HttpError(429)]

        def fn(request):
            if errors:
                raise errors.pop()
            return {"usage": {"input_tokens": 1, "output_tokens": 1}}
        result = self.client().model(None, self.model, REQUEST, fn)
        self.assertEqual((result.ok, result.attempts), (True, 3))

    def test_another_model_goes_on_at_once(self):
        admin("SELECT agentcore.retry_policy_set('hour', base => '1 hour', cap => '1 hour', method => 'none')")
        admin("SELECT agentcore.model_set(%s, retry_policy => 'hour')", self.model)
        asked = []

        def fn(request):
            asked.append(request["model"])
            if len(asked) == 1:
                raise HttpError(529)
            return {"usage": {"input_tokens": 1, "output_tokens": 1}}
        result = self.client().model(None, self.model, REQUEST, fn, fallback=[self.other])
        self.assertEqual((asked, result.model), ([self.model, self.other], self.other))
        self.assertNotIn("retry", [state for state, _ in self.charged()])

    def test_a_model_without_a_price_is_a_result(self):
        result = self.client().model(None, f"no-{self.model}", REQUEST, self.fail)
        self.assertEqual((result.verdict, result.reason), ("deny", "unknown_tool"))
        stream = self.client().model(None, f"no-{self.model}", REQUEST, self.fail, stream=True)
        self.assertEqual((self.clients[-1].read(stream), stream.result.reason), ([], "unknown_tool"))

    # ----- streams -----

    def stream(self, events, error=None):
        """A provider's stream, of the kind that the gate wants."""
        if not isinstance(self.clients[0], (AsyncPsycopg, Asyncpg)):
            def source(request):
                yield from events
                if error:
                    raise error
            return source

        async def source(request):
            for event in events:
                yield event
            if error:
                raise error
        return source

    def test_a_stream_is_charged_at_its_end(self):
        client = self.client()
        stream = client.model(None, self.model, REQUEST, self.stream([START, DELTA, END]), stream=True)
        self.assertEqual(self.charged()[0][0], "open")
        self.assertEqual(client.read(stream), [START, DELTA, END])
        self.assertEqual((stream.result.ok, stream.result.settled, self.charged()), (True, "committed", [("committed", 17)]))

    def test_a_stream_whose_last_event_counts(self):
        events = [{"choices": [{"delta": {"content": "Hi"}}], "usage": None},
                  {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}]
        client = self.client()
        client.read(client.model(None, self.model, REQUEST, self.stream(events), stream=True))
        self.assertEqual(self.charged(), [("committed", 12)])

    def test_a_stream_that_breaks_is_charged_for_what_came(self):
        client = self.client()
        stream = client.model(None, self.model, REQUEST, self.stream([START, DELTA], ConnectionResetError("connection reset by peer")), stream=True)
        with self.assertRaises(ConnectionResetError):
            client.read(stream)
        self.assertEqual((stream.result.ok, self.charged()[0][1]), (False, 11))
        self.assertNotIn(self.charged()[0][0], ("open", "retry"))

    def leave(self, client, stream):
        if hasattr(stream, "__enter__"):
            with stream:
                next(stream)
            return

        async def leave():
            async with stream:
                async for _ in stream:
                    break
        client.run(leave())

    def test_a_reader_that_leaves_pays_for_what_came(self):
        client = self.client()
        stream = client.model(None, self.model, REQUEST, self.stream([START, DELTA, END]), stream=True)
        self.leave(client, stream)
        self.assertEqual((stream.result.reason, self.charged()), ("cancelled", [("failed", 11)]))

    def test_the_first_event_may_fail_and_is_tried_again(self):
        client, tries = self.client(), []
        good, bad = self.stream([START, END]), self.stream([], HttpError(529))

        def source(request):
            tries.append(request)
            return bad(request) if len(tries) == 1 else good(request)
        stream = client.model(None, self.model, REQUEST, source, stream=True)
        self.assertEqual((len(client.read(stream)), stream.result.attempts, self.charged()), (2, 2, [("committed", 17)]))

    def test_a_stream_keeps_its_lease(self):
        client = self.client(lease=3.0)
        stream = client.model(None, self.model, REQUEST, self.stream([START, END]), stream=True)
        wait_until(lambda: self.proxy.seen("call_extend") >= 2)
        client.read(stream)
        self.assertEqual(self.charged()[0][1], 17)

    def test_a_stream_that_is_forgotten(self):
        client = self.client()
        stream = client.model(None, self.model, REQUEST, self.stream([START, END]), stream=True)
        if hasattr(stream, "__enter__"):
            del stream
        else:
            client.run(stream.close())
        self.assertEqual(self.charged(), [("failed", 11)])

    def test_a_stream_whose_commit_is_lost(self):
        client = self.client()
        self.proxy.drop("llm_commit", "after")
        stream = client.model(None, self.model, REQUEST, self.stream([START, END]), stream=True)
        client.read(stream)
        self.assertEqual((stream.result.settled, self.charged()), ("replayed", [("committed", 17)]))


class Cancelled(Models):
    def test_a_stream_that_is_cancelled(self):
        client = self.client()

        async def source(request):
            yield START
            await asyncio.Event().wait()

        async def read():
            stream = await client.gate.model(None, self.model, REQUEST, source, stream=True)
            seen = []

            async def consume():
                async for event in stream:
                    seen.append(event)
            task = asyncio.ensure_future(consume())
            while not seen:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        client.run(read())
        self.assertEqual(self.charged(), [("failed", 11)])


for case in of_each_kind(Models):
    globals()[case.__name__] = case
for kind in (AsyncPsycopg, Asyncpg):
    globals()[f"Models{kind.__name__}"] = type(f"Models{kind.__name__}", (Cancelled, GateTest), {"kind": kind})
del case, kind, agentcore
