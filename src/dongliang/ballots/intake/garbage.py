"""Python's search for garbage stops a server while it lasts: a tenth of a second once all pages are loaded.

Meanwhile hundreds of residents queue up, so that a search every few seconds is what the slowest answers wait for.
"""

import gc
import time
from typing import Any

# Seconds of CPU. A search that takes longer goes through what lives as long as the process.
LONG = 0.005
OLDEST = 2


class Search:
    """Watches the searches: what a long one has left alone is gone through no more."""

    def __init__(self) -> None:
        self.began = 0.0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] != OLDEST:
            return
        if phase == "start":
            self.began = time.thread_time()
        elif time.thread_time() - self.began > LONG:
            gc.freeze()


def keep_searches_short() -> None:
    """Once a process: modules, templates and caches are searched through once, whenever they come."""
    gc.collect()
    gc.freeze()
    if not any(isinstance(callback, Search) for callback in gc.callbacks):
        gc.callbacks.append(Search())
