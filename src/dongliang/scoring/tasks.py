"""Work beside the requests: a thread of the serving process, which the page of the job follows through the database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils.timezone import now

from dongliang.scoring.models import ScoringJob

# Well below ``ScoringJob.SILENCE``.
BEAT_SECONDS = 5.0


@contextmanager
def kept_alive(job: ScoringJob, *, every: float = BEAT_SECONDS) -> Iterator[None]:
    """Have the job seen every few seconds, however long a step of it takes, as long as this process lives."""
    over = threading.Event()

    def beat() -> None:
        try:
            while not over.wait(every):
                ScoringJob.objects.filter(pk=job.pk, state=ScoringJob.State.RUNNING).update(seen_at=now())
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"scoring-{job.pk}-pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
