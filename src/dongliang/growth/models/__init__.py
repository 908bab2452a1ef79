from dongliang.growth.models.path import Move, Opinion, Path
from dongliang.growth.models.training import (
    Attempt,
    Attendance,
    Course,
    Credit,
    Feedback,
    Material,
    PracticeReport,
    Question,
    Quota,
    Seat,
    Session,
)

__all__ = [
    "Attempt",
    "Attendance",
    "Course",
    "Credit",
    "Feedback",
    "Material",
    "Move",
    "Opinion",
    "Path",
    "PracticeReport",
    "Question",
    "Quota",
    "Seat",
    "Session",
]
