"""What an agent acts upon: a model, pages, a ledger and the log of what MCP servers did, on the loopback.

    with World(path) as world:      # world.url; threads of this process
        world.script("hello", [{"calls": [("t1", "pay", {"amount": 1})]}, {"text": "paid"}])
        world.hold("pay")           # whoever comes there waits
        ...; world.held("pay"); world.let_go("pay")

Every effect is appended to world.effects by the server that had it, not by the agent, with the call that the request names
(x-call-id, x-call-key): compare.py holds them against the permits.  world.usage has the tokens that the model told, per call.

    POST /v1/chat/completions, /v1/messages     the scripted model, as OpenAI and Anthropic answer, streams included
    GET  /page/NAME, /go                        a page; a redirect to /page/there
    POST /pay                                   the ledger: it does what it is told as often as it is told
    POST /tap                                   what src/tap.ts of clients/agent sees: {server, pid, tap, stage, name, call_id, key}

The script is named by the first word of the first user message, the turn by how many answers of the model follow it.
Points to hold at: "model", "stream" (after the first events), "page", "pay" (done, not answered), "SERVER:TOOL:request" (not done),
"SERVER:TOOL:answer" (done, not answered).
"""
import http.server
import json
import threading

from compare import Effects


def _provider(path):
    return "anthropic" if path == "/v1/messages" else "openai"


# ----- what a provider answers ------------------------------------------------

def usage_of(kind, turn):
    """Tokens of the turn: (what the provider says, their sum)."""
    given, made = 100 + turn, 20 + turn
    names = ("input_tokens", "output_tokens") if kind == "anthropic" else ("prompt_tokens", "completion_tokens")
    return {names[0]: given, names[1]: made, **({} if kind == "anthropic" else {"total_tokens": given + made})}, given + made


def _blocks(turn):
    text = [{"type": "text", "text": turn["text"]}] if turn.get("text") else []
    return text + [{"type": "tool_use", "id": id, "name": name, "input": given} for id, name, given in turn.get("calls", ())] + turn.get("raw", [])


def _tool_calls(turn):
    return [{"id": id, "type": "function", "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)}}
            for id, name, given in turn.get("calls", ())] + turn.get("raw", [])


def response(kind, model, turn, usage):
    if kind == "anthropic":
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": _blocks(turn), "usage": usage,
                "stop_reason": "tool_use" if turn.get("calls") else "end_turn"}
    message = {"role": "assistant", "content": turn.get("text")}
    if turn.get("calls"):
        message["tool_calls"] = _tool_calls(turn)
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "usage": usage,
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if turn.get("calls") else "stop"}]}


def _halves(text):
    return [text[:len(text) // 2], text[len(text) // 2:]]


def _anthropic_events(model, turn, usage):
    yield {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [],
                                                "usage": {**usage, "output_tokens": 1}}}
    for index, block in enumerate(_blocks(turn)):
        text = block["type"] == "text"
        body = block["text"] if text else block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
        yield {"type": "content_block_start", "index": index, "content_block": {**block, "text": ""} if text else {**block, "input": {}}}
        for half in _halves(body):
            yield {"type": "content_block_delta", "index": index,
                   "delta": {"type": "text_delta", "text": half} if text else {"type": "input_json_delta", "partial_json": half}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _openai_events(model, turn, usage):
    def chunk(delta, **more):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": model, "choices": [{"index": 0, "delta": delta}], **more}
    yield chunk({"role": "assistant", "content": ""})
    for half in _halves(turn.get("text") or ""):
        yield chunk({"content": half})
    for index, call in enumerate(_tool_calls(turn)):
        function = call["function"]
        yield chunk({"tool_calls": [{"index": index, **call, "function": {"name": function["name"], "arguments": ""}}]})
        for half in _halves(function["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": half}}]})
    yield {**chunk({}), "choices": [], "usage": usage}


def events(kind, model, turn, usage):
    return (_anthropic_events if kind == "anthropic" else _openai_events)(model, turn, usage)


def told(event):
    """Tokens that the event tells: (given, made), None where it does not say."""
    usage = event.get("usage") or event.get("message", {}).get("usage") or {}
    return usage.get("input_tokens", usage.get("prompt_tokens")), usage.get("output_tokens", usage.get("completion_tokens"))


# ----- the servers ------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    world = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/go":
            self.world.did("redirect", None)
            return self.answer(302, "", {"Location": "/page/there"})
        self.done("fetch")
        self.world.pass_by("page")
        return self.answer(200, f"this is {self.path}")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/pay":
            self.done("pay")
            self.world.pass_by("pay")
            return self.answer(200, json.dumps({"paid": body.get("amount")}))
        if self.path == "/tap":
            return self.tap(body)
        return self.model(body, _provider(self.path))

    def done(self, tool):
        self.world.did(tool, self.headers.get("x-call-id"), self.headers.get("x-call-key"))

    def tap(self, seen):
        place = f"{seen['server']}:{seen['name']}"
        self.world.pids |= {seen["pid"], seen["tap"]}
        self.world.pid[seen["server"]] = seen["pid"], seen["tap"]
        if seen["stage"] == "answer":
            self.world.did(f"{seen['server']}__{seen['name']}", seen.get("call_id"), seen.get("key"))
        self.world.pass_by(f"{place}:{seen['stage']}")
        return self.answer(200, "{}")

    def model(self, request, kind):
        call_id, messages = self.headers.get("x-call-id"), request["messages"]
        number = sum(message["role"] == "assistant" for message in messages)
        turn = self.world.turn(next(message["content"] for message in messages if message["role"] == "user").split()[0], number)
        if turn["fails"]:
            return self.answer(turn["fails"].pop(0), json.dumps({"error": {"message": "overloaded"}}))
        usage, total = usage_of(kind, number)
        if not request.get("stream"):
            self.world.did(request["model"], call_id, self.headers.get("x-call-key"))
            self.world.usage[call_id] = total
            self.world.pass_by("model")
            return self.answer(200, json.dumps(response(kind, request["model"], turn, usage)))
        return self.stream(kind, request["model"], turn, usage, call_id)

    def stream(self, kind, model, turn, usage, call_id):
        self.send_response(200)
        self.end_headers()
        given = made = None
        for number, event in enumerate(events(kind, model, turn, usage)):
            if number == turn["cut"]:
                turn["cut"] = None
                self.wfile.flush()
                self.connection.shutdown(2)
                return
            more = told(event)
            given, made = (more[0] if more[0] is not None else given), (more[1] if more[1] is not None else made)
            if given is not None:
                self.world.usage[call_id] = given + (made or 0)
            if number == 0:
                self.world.did(model, call_id, self.headers.get("x-call-key"))
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            if number == 1:
                self.world.pass_by("stream")

    def answer(self, status, text, headers=None):
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass        # who asked has gone


class World:
    """Listens as soon as it is made, at a port that the system chose."""

    def __init__(self, path):
        self.log = Effects(path)
        self.usage, self.scripts = {}, {}
        self.pid, self.pids = {}, set()      # of MCP servers and what stands before them: seen last, by name; all
        self.lock = threading.Condition()
        self.points, self.waiting = set(), {}
        self.server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"world": self}))
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def script(self, name, turns):
        """Turns: "calls" [(id, tool, arguments)], "raw" [what stands beside them], "text", "fails" [status, ...], "cut" (a stream ends before that event)."""
        self.scripts[name] = [{"cut": None, **turn, "fails": list(turn.get("fails", ()))} for turn in turns]

    def turn(self, name, number):
        return self.scripts[name][number]

    def did(self, tool, call_id, key=None):
        if call_id is not None or tool != "redirect":
            self.log.add(call_id, tool, key)

    @property
    def effects(self):
        return self.log.read()

    def done(self, tool, key=None):
        return sum(effect["tool"] == tool and (key is None or effect["key"] == key) for effect in self.effects)

    # ----- points -----

    def hold(self, point):
        with self.lock:
            self.points.add(point)

    def held(self, point):
        return self.waiting.get(point, 0)

    def let_go(self, *points):
        with self.lock:
            self.points -= set(points or self.points)
            self.lock.notify_all()

    def pass_by(self, point):
        with self.lock:
            self.waiting[point] = self.waiting.get(point, 0) + 1
            self.lock.wait_for(lambda: point not in self.points)
            self.waiting[point] -= 1

    def close(self):
        self.let_go()
        self.server.shutdown()
        self.server.server_close()
