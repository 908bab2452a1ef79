"""The line between the server and its database, which can fall silent: nothing arrives any more, and nothing is refused."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Line:
    """Passes on what is said on a port of this machine to a PostgreSQL on a Unix socket, and back."""

    def __init__(self, socket_file: str) -> None:
        self.socket_file = socket_file
        self.speaks = threading.Event()
        self.speaks.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ends: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.listen)]
        self.threads[0].start()

    def listen(self) -> None:
        while True:
            try:
                near, _address = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.socket_file)
            self.ends += [near, far]
            for source, target in ((near, far), (far, near)):
                thread = threading.Thread(target=self.pass_on, args=(source, target))
                thread.start()
                self.threads.append(thread)

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while said := source.recv(65536):
                # What is under way when the line falls silent arrives when it speaks again.
                self.speaks.wait()
                target.sendall(said)
        self.speaks.wait()
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def fall_silent(self) -> None:
        self.speaks.clear()

    def speak(self) -> None:
        self.speaks.set()

    def close(self) -> None:
        self.speak()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for end in self.ends:
            end.close()
