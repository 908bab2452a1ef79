"""A resident's first visit over a slow mobile connection: bytes over the wire, and the time until something is painted.

Chromium on this machine, which answers in no time, told to behave as on slow 3G: 400 kbit/s each way, 400 ms before each
answer. What a handset's processor takes longer than this one is not in it: ``--slower 4`` has the page's script and layout take
four times as long.

``python bench/paint.py [--visits 9] [--slower 4]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from bars import Bars
from intake import DONGLIANG, prepared
from load.machine import free_port, server

from tests.browser import PHONE, QUIET, chromium_path, missing

# Slow 3G as WebPageTest and Lighthouse have it.
BYTES_A_SECOND, WAIT_MS = 400_000 / 8, 400
# Asks the browser once the page is loaded; a paint may be noted a moment later.
FIRST_PAINT = """() => new Promise((resolve) => {
  const look = () => {
    const found = performance.getEntriesByName("first-contentful-paint")[0];
    if (found) resolve(found.startTime); else setTimeout(look, 20);
  };
  look();
})"""


def visit(browser: Browser, address: str, slower: float) -> tuple[float, int]:
    """Milliseconds to the first contentful paint, and bytes over the wire, of a phone that has never been here."""
    with browser.new_context(**PHONE) as context:
        page = context.new_page()
        session = context.new_cdp_session(page)
        arrived: list[float] = []
        session.on("Network.loadingFinished", lambda told: arrived.append(told["encodedDataLength"]))
        session.send("Network.enable")
        line: dict[str, Any] = {"offline": False, "latency": WAIT_MS}
        line |= {"downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
        session.send("Network.emulateNetworkConditions", line)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.goto(address, wait_until="networkidle")
        return float(page.evaluate(FIRST_PAINT)), round(sum(arrived))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visits", type=int, default=9)
    parser.add_argument("--slower", type=float, default=1.0)
    given, _others = parser.parse_known_args()
    if packages := missing():
        sys.exit(
            f"This opens pages in a browser. Install {' and '.join(packages)}: python tests/browser.py does."
        )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dongliang-paint-")))
        system, port = prepared("SQLite", folder, None), free_port()
        command = [str(DONGLIANG), "serve", "--port", str(port)]
        stack.enter_context(server(command, port, system.environment))
        program = stack.enter_context(sync_playwright())
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = program.chromium.launch(executable_path=chromium_path(), args=QUIET + root)
        report(browser, f"http://127.0.0.1:{port}/v/{system.codes[0]}/", given)


def report(browser: Browser, card: str, given: argparse.Namespace) -> None:
    bars = Bars("a resident's first visit on slow 3G")
    for name, address in (("rating", card), ("choice of projects", f"{card}projects/")):
        found = [visit(browser, address, given.slower) for _ in range(given.visits)]
        paint, size = (float(statistics.median(figures)) for figures in zip(*found, strict=True))
        bars.add(f"{name}: first contentful paint", paint / 1000, bar=1.0, unit="s")
        bars.add(f"{name}: all that goes over the wire", size / 1000, bar=20.0, unit="kB")
    bars.show()


if __name__ == "__main__":
    main()
