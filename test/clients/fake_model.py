#!/usr/bin/env python3
"""A provider of models, and a web site, on loopback: what an agent needs for a test.

    fake_model.py       prints {"port": N} and serves until its input ends

POST /v1/messages answers as Anthropic's API does, with "stream": true as its stream.  What the model says stands in the first
message of the request, as JSON, so the server remembers nothing but faults:

    {"id": "any name", "turns": [[{"name": "fetch", "input": {...}}, ...], ..., "the last words"],
     "fail": {"1": [529, 503]},        the first tries of turn 1 fail with these statuses
     "cut": {"1": 2}}                  the first stream of turn 1 breaks after two events

GET /page/NAME is a page; /page/broken is a 503 at first.  GET /log: {"answers": [{"id", "turn", "input_tokens", "output_tokens"}], "pages": [NAME, ...]},
of what was answered in full, to be compared with what was charged.  Python tests use the class FakeModel in their own process.
"""
import http.server
import json
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        model = self.server.model
        if self.path == "/log":
            self.reply(200, {"answers": model.answers, "pages": model.pages})
            return
        name = self.path.rsplit("/", 1)[-1]
        if name == "broken" and model.first_time(("page", name)):
            self.reply(503, b"later", "text/plain")
            return
        model.pages.append(name)
        self.reply(200, f"The page {name}.".encode(), "text/plain")

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = self.server.model
        said = json.loads(request["messages"][0]["content"])
        turn = sum(message["role"] == "assistant" for message in request["messages"])
        for number, status in enumerate(said.get("fail", {}).get(str(turn), [])):
            if model.first_time((said["id"], turn, "fail", number)):
                self.reply(status, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
                return
        answer = model.answer(said, turn, request)
        if request.get("stream"):
            self.stream(said, turn, answer)
        else:
            model.note(said, turn, answer["usage"])
            self.reply(200, answer)

    def stream(self, said, turn, answer):
        model = self.server.model
        usage = answer["usage"]
        events = [{"type": "message_start", "message": {**answer, "content": [], "usage": {"input_tokens": usage["input_tokens"], "output_tokens": 1}}}]
        for index, block in enumerate(answer["content"]):
            events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "message_delta", "delta": {"stop_reason": answer["stop_reason"]}, "usage": {"output_tokens": usage["output_tokens"]}},
                   {"type": "message_stop"}]
        cut = said.get("cut", {}).get(str(turn))
        whole = cut is None or not model.first_time((said["id"], turn, "cut"))
        sent = events if whole else events[:cut]
        model.note(said, turn, usage if whole else {"input_tokens": usage["input_tokens"], "output_tokens": 1})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in sent:
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True


class FakeModel:
    """Serves as soon as it is made."""

    def __init__(self):
        self.answers, self.pages, self.seen = [], [], set()
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.model = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def first_time(self, what):
        with self.lock:
            first = what not in self.seen
            self.seen.add(what)
            return first

    def note(self, said, turn, usage):
        with self.lock:
            self.answers.append({"id": said["id"], "turn": turn, **usage})

    def answer(self, said, turn, request):
        calls = said["turns"][turn]
        if isinstance(calls, str):
            content = [{"type": "text", "text": calls}]
        else:
            content = [{"type": "tool_use", "id": f"toolu_{said['id']}_{turn}_{number}", **call} for number, call in enumerate(calls)]
        return {"id": f"msg_{said['id']}_{turn}", "type": "message", "role": "assistant", "model": request["model"], "content": content,
                "stop_reason": "end_turn" if isinstance(calls, str) else "tool_use",
                "usage": {"input_tokens": 10 + len(request["messages"]), "output_tokens": 5 + turn}}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    fake = FakeModel()
    print(json.dumps({"port": fake.port}), flush=True)
    sys.stdin.read()
    fake.close()
