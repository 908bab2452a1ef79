"""Where the district's people stand, subdistrict by subdistrict; and who may become a mentor."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from dongliang.growth.queries.path import NOT_ON_PATH, last_stage, stages_of, with_paths
from dongliang.growth.queries.people import WithColumns
from dongliang.people.models import Organisation
from dongliang.seasons.models import Enrolment, Season


@dataclass(frozen=True)
class Tile:
    """One subdistrict: how many of its secretaries stand at each stage, in the order of the path."""

    subdistrict: Organisation
    counts: tuple[int, ...]
    outside: int
    stars: int
    paused: int

    @property
    def total(self) -> int:
        return sum(self.counts) + self.outside


def talent(season: Season, secretaries: QuerySet[Enrolment]) -> list[Tile]:
    """A tile for each subdistrict, in the order of codes."""
    keys = [key for key, _name in stages_of(season.rules)]
    homes: dict[int, tuple[Organisation, list[Any]]] = {}
    for enrolment in with_paths(secretaries).order_by("post__organisation__parent__code", "number"):
        homes.setdefault(enrolment.subdistrict.pk, (enrolment.subdistrict, []))[1].append(enrolment)
    return [tile(subdistrict, people, keys) for subdistrict, people in homes.values()]


def tile(subdistrict: Organisation, people: Iterable[Any], keys: list[str]) -> Tile:
    rows = [(entry.stage, entry.star_since, entry.paused_on) for entry in people]
    stages = Counter(stage if stage in keys else NOT_ON_PATH for stage, _star, _paused in rows)
    return Tile(
        subdistrict,
        tuple(stages[key] for key in keys),
        outside=stages[NOT_ON_PATH],
        stars=sum(star is not None for _stage, star, _paused in rows),
        paused=sum(paused is not None for _stage, _star, paused in rows),
    )


def reserve(season: Season, secretaries: QuerySet[Enrolment]) -> WithColumns:
    """Those at the last stage who are not paused: the district's future mentors."""
    return with_paths(secretaries).filter(stage=last_stage(season.rules), paused_on=None)
