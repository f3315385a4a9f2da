"""Waiting for people: one connection for all calls of a gate that wait for a decision.

What is heard only shortens a pause.  A decision that is not heard, because the connection is away or
agentcore.approval_notify is off, is found at the next look.
"""
import asyncio
import json
import logging
import threading
import time
import typing

log = logging.getLogger("agentcore")

CHANNEL = "agentcore_approval"


def approval_of(payload: str) -> typing.Optional[str]:
    try:
        message = json.loads(payload)
        return str(message["approval"]) if message["state"] != "pending" else None
    except (ValueError, KeyError, TypeError):
        return None


class Listener:
    """A thread that lives while somebody waits."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._lock = threading.Lock()
        self._waiting: typing.Dict[str, typing.List[threading.Event]] = {}
        self._thread: typing.Optional[threading.Thread] = None

    def listen(self, heard: typing.Callable[[str], None], stopped: typing.Callable[[], bool]) -> None:
        """Of a driver: calls `heard` with each payload until stopped() is true."""
        raise NotImplementedError

    def wait(self, approval: str, seconds: float) -> None:
        event = threading.Event()
        with self._lock:
            self._waiting.setdefault(approval, []).append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, daemon=True, name="agentcore approvals")
                self._thread.start()
        try:
            event.wait(seconds)
        finally:
            with self._lock:
                events = self._waiting[approval]
                events.remove(event)
                if not events:
                    del self._waiting[approval]

    def _serve(self) -> None:
        idle_since = time.monotonic()

        def stopped() -> bool:
            # it stays for a while: who waits looks now and then, and waits on
            nonlocal idle_since
            with self._lock:
                if self._waiting:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > 10:
                    self._thread = None
                    return True
                return False

        while True:
            try:
                self.listen(self._heard, stopped)
                return
            except Exception as error:
                log.warning("no connection to hear decisions by: %s", error)
            if stopped():
                return
            time.sleep(1)

    def _heard(self, payload: str) -> None:
        approval = approval_of(payload)
        with self._lock:
            for event in self._waiting.get(approval, []) if approval else []:
                event.set()


class AsyncListener:
    """A task that lives while somebody waits."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._waiting: typing.Dict[str, typing.List[asyncio.Event]] = {}
        self._task: typing.Optional["asyncio.Task[None]"] = None

    async def listen(self, heard: typing.Callable[[str], None]) -> None:
        """Of a driver: calls `heard` with each payload, until it is cancelled."""
        raise NotImplementedError

    async def wait(self, approval: str, seconds: float) -> None:
        event = asyncio.Event()
        self._waiting.setdefault(approval, []).append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._serve())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except asyncio.TimeoutError:
            pass
        finally:
            events = self._waiting[approval]
            events.remove(event)
            if not events:
                del self._waiting[approval]

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            try:
                await self.listen(self._heard)
            except Exception as error:
                log.warning("no connection to hear decisions by: %s", error)
            await asyncio.sleep(1)

    def _heard(self, payload: str) -> None:
        approval = approval_of(payload)
        for event in self._waiting.get(approval, []) if approval else []:
            event.set()
