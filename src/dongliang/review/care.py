"""What makes a sheet look careless: pointed out to whoever filled it, before it is sent. Never a reason to refuse it.

The page on the phone asks the same three questions without a signal (static/review/care.js); a test holds the two
against each other.
"""

from typing import Literal

Remark = Literal["straight", "fast", "contradicting"]

# The first thing marked so much better or worse than every indicator is hardly the same neighbourhood.
FAR_APART = 3


def remarks_on(
    marks: str, project_mark: str = "", *, seconds: float | None = None, least_seconds: int = 0
) -> list[Remark]:
    """What to point out about these marks, filled in so many seconds if that is known."""
    found: list[Remark] = []
    if len(marks) > 1 and len(set(marks)) == 1:
        found.append("straight")
    if seconds is not None and seconds < least_seconds:
        found.append("fast")
    if project_mark and marks and all(abs(int(mark) - int(project_mark)) >= FAR_APART for mark in marks):
        found.append("contradicting")
    return found
