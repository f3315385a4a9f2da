"""Private processes on loopback ports, gone when the test ends, and what they answer."""
import contextlib
import json
import random
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

# only bounds a hang
PATIENCE = 300
# what runs here is on this machine, whatever proxy is set
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    """Below the ports that the system gives to connections, which one of them may take meanwhile."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@contextlib.contextmanager
def running(command, log, **options):
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(url):
    with opener.open(url, timeout=60) as answer:
        return answer.read().decode()


def wait_for(process, look):
    """What look() returns as soon as it is something; None if the process ends or patience does."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            found = look()
            if found:
                return found
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    return None


def ask(base, path, **arguments):
    """The data of an answer of Prometheus's API."""
    return json.loads(get(f"{base}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"))["data"]
