"""In what the rule books of two seasons differ, so far as it bears on comparing their figures."""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.seasons.rulebook import Named
from dongliang.years.queries.seasons import SCORE, Year


def comparable(what: str, earlier: Year, later: Year) -> bool:
    """Whether the figures have one unit at all: a score in marks and one in standard deviations have not."""
    if what == SCORE:
        return earlier.rules.scoring.scale == later.rules.scoring.scale
    keys = [{source.key for source in year.rules.sources} for year in (earlier, later)]
    return all(what in known for known in keys)


def yardstick_differences(what: str, earlier: Year, later: Year) -> list[str]:
    """Sentences, each a reason to take a change with care; none where both seasons were measured alike."""
    found = indicator_differences(earlier, later)
    if what == SCORE:
        found += weight_differences(earlier, later)
        if earlier.rules.scoring.scale != later.rules.scoring.scale:
            found.append(
                _(
                    "One year's scores are in marks, the other's in standard deviations: they have no common unit."
                )
            )
    if earlier.method != later.method:
        found.append(
            _("The method of scoring differs: %(earlier)s in %(first)s, %(later)s in %(second)s.")
            % {
                "earlier": method_name(earlier.method),
                "first": earlier.label,
                "later": method_name(later.method),
                "second": later.label,
            }
        )
    return found


def method_name(method: str) -> str:
    return {
        "gaussian": _("measures adjusted by a model"),
        "mean": _("plain means"),
        "trimmed_mean": _("trimmed means"),
    }.get(method, method)


def indicator_differences(earlier: Year, later: Year) -> list[str]:
    before = {entry.key: entry for entry in earlier.rules.indicators}
    after = {entry.key: entry for entry in later.rules.indicators}
    found = []
    for year, these, those in ((earlier, before, after), (later, after, before)):
        if only := [entry for key, entry in these.items() if key not in those]:
            found.append(
                _("Asked in %(year)s only: %(indicators)s.") % {"year": year.label, "indicators": named(only)}
            )
    if reworded := [
        entry for key, entry in after.items() if key in before and entry.question != before[key].question
    ]:
        found.append(_("Asked in other words: %(indicators)s.") % {"indicators": named(reworded)})
    return found


def weight_differences(earlier: Year, later: Year) -> list[str]:
    before = {source.key: source for source in earlier.rules.sources}
    after = {source.key: source for source in later.rules.sources}
    found = []
    for key, source in {**before, **after}.items():
        weights = [known[key].weight if key in known else 0.0 for known in (before, after)]
        if abs(weights[0] - weights[1]) > 1e-9:
            found.append(
                _("“%(source)s” counted %(before)s in %(first)s and %(after)s in %(second)s.")
                % {
                    "source": source.name,
                    "before": f"{weights[0]:.0%}",
                    "first": earlier.label,
                    "after": f"{weights[1]:.0%}",
                    "second": later.label,
                }
            )
    return found


def named(entries: Iterable[Named]) -> str:
    return pgettext("between names", ", ").join(str(entry.name) for entry in entries)


def sources_named(years: Iterable[Year]) -> dict[str, str]:
    """The sources of these years by key, called as in the newest rule book that has them."""
    return {source.key: str(source.name) for year in years for source in year.rules.sources}
