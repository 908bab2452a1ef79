"""Residents who vote without pause, write down what they were told, and compare it with what is stored."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlencode

from dongliang.ballots import codes
from tests.load.site import FORM, Site

INDICATORS = ("party_members", "residents_follow", "method", "delivery")
SECRETARIES = "secretaries"


@dataclass
class Page:
    """A page that a household sends, until it is acknowledged or they give up."""

    code: str
    nonce: str
    marks: str
    receipts: list[str] = field(default_factory=list)
    # Sent whole, so that it may be stored whether or not an answer came.
    was_sent: bool = False

    @property
    def body(self) -> str:
        return urlencode({**dict(zip(INDICATORS, self.marks, strict=True)), "nonce": self.nonce})


class Residents:
    """So many at once, each with households of their own."""

    def __init__(
        self, site: Site, *, clients: int = 16, seed: int = 1, first: int = 0, patience: float = 0.7
    ) -> None:
        self.site, self.clients, self.seed = site, clients, seed
        self.households = site.codes[first:]
        # How likely it is that somebody without an answer sends the page again.
        self.patience = patience
        self.pages: dict[str, list[Page]] = {}
        self.acknowledged = 0
        self.statuses: Counter[int | str] = Counter()
        self.odd: list[str] = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.vote, args=(place,)) for place in range(clients)]

    def __enter__(self) -> Residents:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def await_more(self, count: int, seconds: float = 120) -> None:
        """Wait until so many more were acknowledged."""
        wanted, deadline = self.acknowledged + count, time.monotonic() + seconds
        while self.acknowledged < wanted:
            assert time.monotonic() < deadline, (self.statuses, self.site.log()[-3000:])
            time.sleep(0.005)

    def vote(self, place: int) -> None:
        drawn = random.Random(f"{self.seed} {place}")
        mine = self.households[place :: self.clients]
        known: list[str] = []
        line: http.client.HTTPConnection | None = None
        while not self.over.is_set():
            if known and (drawn.random() < 0.25 or not mine):
                code = drawn.choice(known)
            else:
                known.append(code := mine.pop())
            page = Page(code, f"{drawn.getrandbits(64):016x}", "".join(drawn.choices("12345", k=4)))
            self.pages.setdefault(code, []).append(page)
            while True:
                line, is_acknowledged = self.send(page, line)
                if is_acknowledged or self.over.is_set():
                    break
                time.sleep(0.02)
                if page.was_sent and drawn.random() > self.patience:
                    break
        if line:
            line.close()

    def send(
        self, page: Page, line: http.client.HTTPConnection | None
    ) -> tuple[http.client.HTTPConnection | None, bool]:
        """The connection to go on with, and whether the page was acknowledged."""
        try:
            if line is None:
                line = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
                line.connect()
            page.was_sent = True
            line.request("POST", f"/v/{page.code}/", page.body, FORM)
            answer = line.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            if line:
                line.close()
            with self.lock:
                self.statuses["no answer" if page.was_sent else "not reached"] += 1
            return None, False
        with self.lock:
            self.statuses[answer.status] += 1
            if answer.status == 303:
                self.acknowledged += 1
        if answer.status == 303:
            page.receipts.append((answer.getheader("location") or "").split("/")[3])
            return line, True
        # Nothing else is to be expected than the polite page, which keeps what was answered, to be sent again.
        is_polite = answer.status == 503 and answer.getheader("retry-after") and page.nonce in text
        if not is_polite:
            self.odd.append(f"{answer.status}: {page} {text[-1500:]}")
        return line, False

    def check(self) -> None:
        """That the database holds what was acknowledged, and the count is what it comes to."""
        assert self.odd == [], self.odd[0]
        rows = self.site.rows("SELECT credential, receipt, marks, status FROM ballots_ballot ORDER BY id")
        stored = {
            bytes(receipt): (bytes(credential), marks, status) for credential, receipt, marks, status in rows
        }
        assert len(stored) == len(rows)
        expected: dict[bytes, tuple[bytes, str, str]] = {}
        counted: Counter[str] = Counter()
        for code, pages in self.pages.items():
            credential = codes.credential_digest(self.site.key, SECRETARIES, code)
            kept = []
            for page in pages:
                receipt = codes.receipt_of(self.site.key, credential, bytes.fromhex(page.nonce))
                assert set(page.receipts) <= {receipt}
                digest = codes.receipt_digest(self.site.key, receipt)
                # Acknowledged: must be there. Sent, and no answer came: may be.
                if page.receipts or (page.was_sent and digest in stored):
                    kept.append((digest, page.marks))
            expected |= {digest: (credential, marks, "superseded") for digest, marks in kept[:-1]}
            if kept:
                digest, marks = kept[-1]
                expected[digest] = (credential, marks, "counted")
                counted[marks] += 1
        lost = {digest: row for digest, row in expected.items() if digest not in stored}
        assert lost == {}, f"{len(lost)} acknowledged ballots are lost"
        assert stored == expected, f"{len(stored)} are stored, {len(expected)} expected"
        tally = self.site.rows(
            "SELECT marks, count(*) FROM ballots_ballot WHERE status = 'counted' GROUP BY marks"
        )
        assert dict(tally) == dict(counted)
