"""Real pages in a real browser: the system's Chromium, driven by Playwright.

``python tests/browser.py`` makes sure that Chromium and a Chinese font are there: it installs them where it may
(Debian, as root), and otherwise says in one line what to install.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

SHOTS = Path(__file__).parent.parent / ".shots"

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}

# A browser under test talks to the page's server and to nobody else.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
]
# Milliseconds to wait for what a page should come to. No test passes because of it; a busy machine makes none fail.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)
# Where script is off, what stands in <noscript> is part of the page.
SCRIPT_IS_OFF = """() => {
  const box = document.createElement("div");
  box.innerHTML = "<noscript><i></i></noscript>";
  return box.querySelector("i") !== null;
}"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium_path() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True).stdout.strip())


def missing() -> list[str]:
    """The Debian packages that the browser tests still want."""
    return ["chromium"] * (not chromium_path()) + ["fontconfig", "fonts-noto-cjk"] * (not has_chinese_font())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if packages := missing():
        pytest.fail(
            f"The browser tests need {' and '.join(packages)}: run python tests/browser.py.", pytrace=False
        )
    # Playwright keeps an event loop in this thread, in which Django would refuse the database. Hence also one browser
    # a module: tests of other modules may want a loop of their own.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET + root)
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser, live_server: Any) -> Iterator[Page]:
    with page_of(chromium, live_server.url, **PHONE) as page:
        yield page


@pytest.fixture
def phone_without_script(chromium: Browser, live_server: Any) -> Iterator[Page]:
    with page_of(chromium, live_server.url, java_script_enabled=False, **PHONE) as page:
        yield page


@pytest.fixture
def desktop(chromium: Browser, live_server: Any) -> Iterator[Page]:
    with page_of(chromium, live_server.url, **DESKTOP) as page:
        yield page


@pytest.fixture
def desktop_without_script(chromium: Browser, live_server: Any) -> Iterator[Page]:
    with page_of(chromium, live_server.url, java_script_enabled=False, **DESKTOP) as page:
        yield page


@contextmanager
def page_of(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """A page whose addresses start at ``address``. Errors on it, and requests to anywhere else, fail the test."""
    faults: list[str] = []
    files: set[str] = set()

    def note_message(message: Any) -> None:
        # A refused page is told by its status; the console only repeats it. What a file is shown with is the browser's own.
        is_told = message.text.startswith("Failed to load resource") or message.location["url"] in files
        if message.type == "error" and not is_told:
            faults.append(f"console: {message.text}")

    def note_request(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            faults.append(f"asked elsewhere: {request.url}")

    def note_response(response: Any) -> None:
        if response.status >= 500:
            faults.append(f"answered {response.status}: {response.url}")
        is_page = response.headers.get("content-type", "").startswith("text/html")
        if response.request.is_navigation_request() and not is_page:
            files.add(response.url)

    with browser.new_context(
        base_url=address, locale="zh-CN", timezone_id="Asia/Shanghai", **context
    ) as opened:
        opened.set_default_timeout(PATIENCE)
        page = opened.new_page()
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", note_message)
        page.on("request", note_request)
        page.on("response", note_response)
        yield page
    assert not faults, "\n".join(faults)


def sign_in(page: Page, account: Any) -> None:
    """Sign in without the form, which has a test of its own."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(account)
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
    }
    page.context.add_cookies([{**cookie, "domain": "localhost", "path": "/"}])


def follow(page: Page, link: Locator) -> None:
    """Press what leads to another page, and wait until that stands: half a page cannot be judged."""
    with page.expect_navigation():
        link.click()


def axe(page: Page) -> None:
    """Fail on any breach of WCAG 2.2 AA or of good practice that axe finds on the page as it stands."""
    if page.evaluate(SCRIPT_IS_OFF):
        raise ValueError("axe would wait for ever on a page without script. Ask for the page with script.")
    options = {
        "runOnly": {"type": "tag", "values": WCAG},
        "rules": {"target-size": {"enabled": True}},
        # To spell out all that is well takes longer than to look for what is not.
        "resultTypes": ["violations"],
    }
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
        # It is large: the pages that follow find it in the browser already.
        page.add_init_script(Axe().axe_script)
    breaches = [
        f"{breach['id']} ({breach['impact']}): {breach['help']}\n"
        + "\n".join(
            f"    {' '.join(map(str, node['target']))}    {node['html'][:120]}" for node in breach["nodes"]
        )
        for breach in page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    ]
    assert not breaches, f"{page.url}\n" + "\n".join(breaches)


def shoot(page: Page, name: str) -> None:
    """Keep a picture of the whole page in .shots/, where SHOTS=1 asks for it."""
    if os.environ.get("SHOTS") == "1":
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def main() -> int:
    packages = missing()
    if packages and os.geteuid() == 0 and is_debian():
        print(f"Installing {' '.join(packages)} for the browser tests.")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", "-q", *command], env=quiet, check=False)
        packages = missing()
    if packages:
        line = f"The browser tests need Chromium and a Chinese font. Install {' '.join(packages)}"
        print(f"{line} (Debian: apt-get install {' '.join(packages)}), then try again.", file=sys.stderr)
        return 1
    return 0


def is_debian() -> bool:
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text().split() and bool(shutil.which("apt-get"))


if __name__ == "__main__":
    raise SystemExit(main())
