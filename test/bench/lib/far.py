"""A server that is some way off: a relay before it that keeps everything for a while.

Each message waits as long as its way through a network would take; what a round trip
then costs is seen by SELECT 1.  For a handful of connections that ask one question at a
time.
"""
import contextlib
import os
import socket
import threading
import time


def carry(source, target, seconds):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            time.sleep(seconds)
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def accept(listener, server, seconds):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(server)
        for ends in ((client, far), (far, client)):
            threading.Thread(target=carry, args=(*ends, seconds), daemon=True).start()


@contextlib.contextmanager
def relay(directory, seconds):
    """Gives the host and the port to connect to; one way takes that long."""
    server = os.path.join(os.environ["PGHOST"], ".s.PGSQL." + os.environ["PGPORT"])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(directory, ".s.PGSQL.5432"))
    listener.listen()
    threading.Thread(target=accept, args=(listener, server, seconds), daemon=True).start()
    try:
        yield directory, "5432"
    finally:
        listener.close()
        os.unlink(os.path.join(directory, ".s.PGSQL.5432"))
