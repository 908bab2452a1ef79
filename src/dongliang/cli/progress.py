"""What a long command is doing, on a terminal only."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Whoever waits less need not be told.
PATIENCE = 2.0


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say on standard error what is going on and for how long, if it takes its time and somebody watches."""
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    teller = threading.Thread(target=tell, args=(what, over), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def tell(what: str, over: threading.Event) -> None:
    begun = time.monotonic()
    if over.wait(PATIENCE):
        return
    while not over.wait(0.5):
        sys.stderr.write(f"\r{what} … {time.monotonic() - begun:.0f} s")
        sys.stderr.flush()
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()
