"""An agent over the Python client: one message, to the model's last word.  agent.py with CONFIG, a JSON object, in the environment.

"cancel" on its input gives it up.  Its last line says what became of it.  src/agent.ts is the same in the other language.
"""
import asyncio
import itertools
import json
import os
import sys
from urllib.parse import urlsplit

import psycopg

import agentcore
from fetch import Fetcher

CONFIG = json.loads(os.environ["CONFIG"])
WORLD, PROVIDER, STREAM, MESSAGE = CONFIG["world"], CONFIG["provider"], CONFIG["stream"], CONFIG["message"]
DATABASE = " ".join(f"{name}={value}" for name, value in zip(("host", "port", "dbname"), (CONFIG["database"][name] for name in ("host", "port", "database"))))


class HttpError(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status_code = status


def named():
    running = agentcore.current()
    return {"x-call-id": running.call_id, "x-call-key": running.key}


async def http(path, body):
    """The status and the reader of the answer's body."""
    place = urlsplit(WORLD)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    text = json.dumps(body).encode()
    head = {"host": place.netloc, "content-length": len(text), **named()}
    writer.write(f"POST {path} HTTP/1.0\r\n{''.join(f'{name}: {value}' + chr(13) + chr(10) for name, value in head.items())}\r\n".encode() + text)
    await writer.drain()
    status = int((await reader.readline()).split()[1])
    while (await reader.readline()).strip():
        pass
    if status != 200:
        raise HttpError(status, (await reader.read()).decode())
    return reader, writer


async def asked(path, body):
    reader, writer = await http(path, body)
    try:
        return json.loads(await reader.read())
    finally:
        writer.close()


class Bridge:
    """MCP servers by the official client, in a process beside this one: see src/bridge.ts."""

    def __init__(self):
        self.process, self.waiting, self.numbers = None, {}, itertools.count(1)
        self.starting = asyncio.Lock()

    async def ask(self, **what):
        async with self.starting:
            if self.process is None:
                self.process = await asyncio.create_subprocess_exec("node", CONFIG["bridge"], WORLD, CONFIG["folder"], stdin=-1, stdout=-1, limit=1 << 24)
                self.reading = asyncio.ensure_future(self.read())
        number = next(self.numbers)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        self.say(id=number, **what)
        try:
            said = await self.waiting[number]
        except asyncio.CancelledError:
            self.say(id=number, do="cancel")
            raise
        if "error" in said:
            raise ConnectionError(said["error"]) if "closed" in said["error"] else RuntimeError(said["error"])
        return said["value"]

    def say(self, **what):
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def read(self):
        while line := await self.process.stdout.readline():
            said = json.loads(line)
            waiting = self.waiting.pop(said["id"])
            if not waiting.done():
                waiting.set_result(said)

    async def close(self):
        if self.process is not None:
            self.process.stdin.close()
            await self.process.wait()


def fetch(args):
    """In a thread, over a connection of its own."""
    with psycopg.connect(DATABASE, autocommit=True) as connection:
        return Fetcher(connection, CONFIG["agent"]).fetch(args["url"], headers=named()).body.decode()


async def pay(args):
    return await asked("/pay", args)


def mcp(bridge, name):
    async def call(args):
        running = agentcore.current()
        return await bridge.ask(do="call", name=name, args=args, meta={"callId": running.call_id, "key": running.key})
    return call


# ----- the model ----------------------------------------------------------------

PATH = "/v1/messages" if PROVIDER == "anthropic" else "/v1/chat/completions"


async def events(request):
    reader, writer = await http(PATH, request)
    last = {}
    try:
        while line := await reader.readline():
            if line.strip():
                last = json.loads(line[len("data: "):])
                yield last
    finally:
        writer.close()
    if last.get("type") != "message_stop" and not last.get("usage"):
        raise ConnectionResetError("the stream ended before its end")


def parsed(text):
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def of_anthropic(seen):
    content = []
    for event in seen:
        delta = event.get("delta", {})
        if event["type"] == "content_block_start":
            content.append({**event["content_block"], "json": ""})
        if delta.get("type") == "text_delta":
            content[event["index"]]["text"] += delta["text"]
        if delta.get("type") == "input_json_delta":
            content[event["index"]]["json"] += delta["partial_json"]
    for block in content:
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = parsed(text)
    return {"type": "message", "role": "assistant", "content": content}


def of_openai(seen):
    calls, text = [], ""
    for event in seen:
        delta = event["choices"][0]["delta"] if event["choices"] else {}
        text += delta.get("content") or ""
        for call in delta.get("tool_calls", ()):
            if call["index"] < len(calls):
                calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
            else:
                calls.append(call)
    return {"choices": [{"message": {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}}]}


def chosen(response):
    if PROVIDER == "anthropic":
        return {"role": "assistant", "content": response["content"]}, "".join(block["text"] for block in response["content"] if block["type"] == "text")
    message = response["choices"][0]["message"]
    return message, message["content"]


class Failed(Exception):
    pass


async def answer(gate, request, key):
    if not STREAM:
        result = await gate.model(None, "fake", request, lambda final: asked(PATH, final), key=key)
        value = result.value
    else:
        stream = await gate.model(None, "fake", request, events, stream=True, key=key)
        seen = []
        async for event in stream:
            seen.append(event)
            if len(seen) == 2:
                print("streaming", flush=True)
        result, value = stream.result, (of_anthropic if PROVIDER == "anthropic" else of_openai)(seen)
    if not result.ok:
        raise Failed(f"{result.reason}: {result.content()}")
    return value


async def run(gate, tools, results):
    messages = [{"role": "user", "content": MESSAGE["text"]}]
    for turn in range(10):
        request = {"model": "fake", "max_tokens": 200, "stream": STREAM, "messages": messages,
                   "tools": await gate.tools(None, "anthropic" if PROVIDER == "anthropic" else "openai_chat")}
        response = await answer(gate, request, f"{MESSAGE['id']}/model/{turn}")
        done = await gate.many(None, response, tools, key_prefix=f"{MESSAGE['id']}/")
        results += [{"content": result.content(), **{name: getattr(result, name) for name in ("id", "tool", "ok", "verdict", "reason", "settled", "attempts")}}
                    for result in done]
        said, text = chosen(response)
        if not done:
            return text
        messages += [said, *({"role": "tool", "tool_call_id": result.id, "content": result.content()} for result in done)]
    raise Failed("it goes round and round")


async def main():
    gate = agentcore.AsyncGate(DATABASE, agent=CONFIG["agent"], errors="result", **{name: value / 1000 for name, value in CONFIG["rules"].items()})
    bridge = Bridge()
    tools = {"fetch": fetch, "pay": pay, **{name: mcp(bridge, name) for name in CONFIG["mcp"]}}
    report = {"final": None, "results": []}
    work = asyncio.ensure_future(run(gate, tools, report["results"]))
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: (sys.stdin.readline() and work.cancel(), loop.remove_reader(sys.stdin)))
    try:
        report["final"] = await work
    except (Exception, asyncio.CancelledError) as error:
        report["failed"] = f"{type(error).__name__}: {error}"
    print(json.dumps({**report, "counts": gate.counts}), flush=True)
    await bridge.close()
    await gate.close()


asyncio.run(main())
