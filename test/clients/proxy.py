#!/usr/bin/env python3
"""A proxy before PostgreSQL that loses connections at a chosen statement.

    proxy.py DIR            listens at DIR/.s.PGSQL.5432, for the server of PGHOST and PGPORT
    proxy.py --tcp DIR      at a port of 127.0.0.1 too, for clients that know no sockets

The first line that it prints says where it listens: {"host": DIR, "port": 5432, "tcp": null}.  Then it reads commands, one
JSON object a line, and answers each with a line; it ends with its input:

    {"do": "drop", "match": "call_begin", "when": "before", "times": 1}    the statement never reaches the server
    {"do": "drop", "match": "call_begin", "when": "after", "times": 1}     it is executed and committed, its answer is lost
    {"do": "drop", "match": "call_begin", "when": "stall", "times": 1}     the same, but the connection stays open and silent
    {"do": "drop", "match": "call_begin", "when": "hold", "times": 1}      it is kept here until {"do": "let_go"}
    {"do": "holding"}                                                      {"ok": true, "count": N}: statements that are kept now
    {"do": "cut"}                                                          every connection is lost now
    {"do": "refuse", "on": true}                                           and no new one is taken
    {"do": "seen", "match": "call_begin"}                                  {"ok": true, "count": N}: executions that were forwarded
    {"do": "dropped"}                                                      {"ok": true, "count": N}: how often a rule was used

A statement matches where its text contains `match`, however it was sent: as text, with values, or prepared before.
Python tests use the class Proxy in their own process.
"""
import asyncio
import json
import os
import struct
import sys
import threading

SSL, GSS, CANCEL = 80877103, 80877104, 80877102


class Connection:
    """One client, and what its statements are named."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.statements = {}
        self.portals = {}
        self.doomed = None          # a rule that takes effect when the server is ready again

    def close(self):
        for _, writer in (self.client, self.server):
            writer.transport.abort()

    def executes(self, kind, body):
        """The text of the statement that the message executes, or None."""
        if kind == b"Q":
            return body[:-1].decode(errors="replace")
        if kind == b"P":
            name, _, rest = body.partition(b"\0")
            self.statements[name] = rest.partition(b"\0")[0].decode(errors="replace")
        elif kind == b"B":
            portal, _, rest = body.partition(b"\0")
            self.portals[portal] = self.statements.get(rest.partition(b"\0")[0], "")
        elif kind == b"E":
            return self.portals.get(body.partition(b"\0")[0], "")
        return None

    async def forward_client(self):
        reader, to = self.client[0], self.server[1]
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
            text = self.executes(head[:1], body)
            if text is not None:
                rule = self.proxy.rule_for(text)
                if rule and rule["when"] == "before":
                    return
                if rule and rule["when"] == "hold":
                    await self.proxy.hold()
                else:
                    self.doomed = rule or self.doomed
                self.proxy.forwarded.append(text)
            to.write(head + body)
            await to.drain()

    async def forward_server(self):
        reader, to = self.server[0], self.client[1]
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
            if self.doomed:
                if head[:1] != b"Z":
                    continue
                if self.doomed["when"] == "after":
                    return
                await asyncio.Event().wait()
            to.write(head + body)
            await to.drain()

    async def run(self):
        both = [asyncio.ensure_future(self.forward_client()), asyncio.ensure_future(self.forward_server())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


class Proxy:
    """Listens as soon as it is made, in a thread of its own."""

    def __init__(self, directory, port=5432, upstream=None, tcp=False):
        self.host, self.port, self.tcp = directory, port, None
        self.upstream = upstream or os.path.join(os.environ["PGHOST"], f".s.PGSQL.{os.environ['PGPORT']}")
        self.rules = []
        self.forwarded = []
        self.used = 0
        self.refusing = False
        self.held = []
        self.connections = set()
        self.tasks = set()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(tcp, ready), daemon=True)
        self.thread.start()
        ready.wait()

    # ----- commands -----

    def drop(self, match, when="after", times=1):
        self.rules.append({"match": match, "when": when, "times": times})

    def cut(self):
        self._in_loop(self._cut())

    def holding(self):
        return len(self.held)

    def let_go(self):
        self._in_loop(self._let_go())

    def refuse(self, on=True):
        self.refusing = on

    def seen(self, match):
        return sum(match in text for text in self.forwarded)

    def close(self):
        self.refusing = True
        self._in_loop(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    # ----- the thread -----

    def _in_loop(self, work):
        asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def _serve(self, tcp, ready):
        asyncio.set_event_loop(self.loop)
        path = os.path.join(self.host, f".s.PGSQL.{self.port}")
        os.makedirs(self.host, exist_ok=True)
        servers = [self.loop.run_until_complete(asyncio.start_unix_server(self._accept, path))]
        if tcp:
            servers.append(self.loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0)))
            self.tcp = servers[1].sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        for server in servers:
            server.close()
        os.unlink(path)

    async def hold(self):
        gone = asyncio.Event()
        self.held.append(gone)
        await gone.wait()

    async def _let_go(self):
        while self.held:
            self.held.pop().set()

    async def _cut(self):
        for connection in list(self.connections):
            connection.close()

    async def _end(self):
        await self._cut()
        while self.tasks:
            await asyncio.sleep(0.005)

    def rule_for(self, text):
        for rule in self.rules:
            if rule["times"] > 0 and rule["match"] in text:
                rule["times"] -= 1
                self.used += 1
                return rule
        return None

    async def _accept(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        connection, task = None, asyncio.current_task()
        self.tasks.add(task)
        try:
            startup = await self._startup(reader, writer)
            server = await asyncio.open_unix_connection(self.upstream)
            server[1].write(startup)
            if struct.unpack("!I", startup[4:8])[0] == CANCEL:
                await server[0].read()
                return
            connection = Connection(self, (reader, writer), server)
            self.connections.add(connection)
            await connection.run()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            if connection:
                self.connections.discard(connection)
                connection.close()
            writer.transport.abort()
            self.tasks.discard(task)

    async def _startup(self, reader, writer):
        """The first message, after the client was told that there is no encryption."""
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            if code not in (SSL, GSS):
                return head + await reader.readexactly(length - 8)
            writer.write(b"N")


def main():
    arguments = sys.argv[1:]
    tcp = "--tcp" in arguments
    directory = [argument for argument in arguments if not argument.startswith("--")][0]
    proxy = Proxy(directory, tcp=tcp)
    print(json.dumps({"host": proxy.host, "port": proxy.port, "tcp": proxy.tcp}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        what, answer = command.pop("do"), {"ok": True}
        if what == "drop":
            proxy.drop(**command)
        elif what == "cut":
            proxy.cut()
        elif what == "let_go":
            proxy.let_go()
        elif what == "holding":
            answer["count"] = proxy.holding()
        elif what == "refuse":
            proxy.refuse(command.get("on", True))
        elif what == "seen":
            answer["count"] = proxy.seen(command["match"])
        elif what == "dropped":
            answer["count"] = proxy.used
        else:
            answer = {"ok": False, "error": f"no command {what}"}
        print(json.dumps(answer), flush=True)
    proxy.close()


if __name__ == "__main__":
    main()
