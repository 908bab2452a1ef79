"""What may be read of the rounds."""

import datetime
from collections.abc import Collection

from django.db.models import Max
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.calendar import OVER, dates_of
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Round
from dongliang.common.refusals import Blocker, Refused
from dongliang.seasons.models import Phase, Season

# What a round is in while residents vote, or may again.
RUNNING = (Round.State.OPEN, Round.State.PAUSED)


def rounds_of(season: Season) -> dict[str, Round]:
    """The season's rounds by kind, secretaries first; empty before they are prepared."""
    found = {round.kind: round for round in season.rounds.all()}
    for round in found.values():
        round.season = season
    return {kind.value: found[kind] for kind in Round.Kind if kind in found}


def opening_blockers(
    season: Season, kinds: Collection[str] = tuple(Round.Kind), *, at: datetime.datetime
) -> list[Blocker]:
    """Every reason why none of the rounds of ``kinds`` can open. Before the announced beginning one can: it waits for it."""
    rounds = rounds_of(season)
    states = {round.state for kind, round in rounds.items() if kind in kinds}
    found = preparing_blockers(season)
    dates = dates_of(season)
    if (not rounds or Round.State.PREPARED in states) and dates.ends and at >= dates.ends:
        found.append(
            Blocker(
                "ballots.end_passed",
                _("Voting was announced to end on %(day)s, and that is past.") % {"day": dates.last},
                _("Announce other days first."),
            )
        )
    if not rounds or Round.State.PREPARED in states:
        return found
    if states & set(RUNNING):
        found.append(
            Blocker(
                "ballots.open_already",
                _("The residents' rounds are open already."),
                _("A paused round goes on with “Go on”."),
            )
            if Round.State.PAUSED in states
            else Blocker(
                "ballots.open_already",
                _("The residents' rounds are open already."),
                _("There is nothing to do until they close."),
            )
        )
    if Round.State.CLOSED in states:
        found.append(
            Blocker(
                "ballots.closed_for_good",
                _("The residents' rounds are closed."),
                _("A closed round does not open again: its ballots are final."),
            )
        )
    return found


def preparing_blockers(season: Season) -> list[Blocker]:
    """Every reason why there can be no household codes yet: these hold the numbers given when the season opens."""
    found = []
    if season.phase != Phase.OPEN:
        found.append(
            Blocker(
                "ballots.season_not_open",
                _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
                _("Residents' rounds belong to an open season."),
            )
        )
    highest = season.enrolments.aggregate(highest=Max("number"))["highest"] or 0
    if highest > codes.HIGHEST_NUMBER:
        found.append(
            Blocker(
                "ballots.too_many_secretaries",
                _("The season counts up to secretary number %(seen)d; household codes hold %(most)d.")
                % {"seen": highest, "most": codes.HIGHEST_NUMBER},
                _("Run a season for each part of the district."),
            )
        )
    return found


def closing_blockers(
    season: Season, kinds: Collection[str] = tuple(Round.Kind), *, at: datetime.datetime
) -> list[Blocker]:
    """Every reason why none of the rounds of ``kinds`` can close: one with an announced end does after it."""
    rounds = [round for kind, round in rounds_of(season).items() if kind in kinds]
    if running := [round for round in rounds if round.state in RUNNING]:
        if not season.closes_on or all(round.standing(at) == OVER for round in running):
            return []
        return [
            Blocker(
                "ballots.before_the_end",
                _("Residents were told that they can vote until %(day)s.") % {"day": dates_of(season).last},
                _(
                    "Close after that. Where it must be earlier, move the end, with a reason that is made public."
                ),
            )
        ]
    return [
        Blocker(
            "ballots.not_open",
            _("The residents' rounds are not open."),
            _("Only open rounds can be closed."),
        )
    ]


def ending_blockers(season: Season, *, at: datetime.datetime) -> list[Blocker]:
    """Every reason why the season's rounds cannot be over and done with by its end: one is running that cannot close."""
    if any(round.state in RUNNING for round in rounds_of(season).values()):
        return closing_blockers(season, at=at)
    return []


def pausing_blockers(season: Season, kinds: Collection[str] = tuple(Round.Kind)) -> list[Blocker]:
    """Every reason why none of the rounds of ``kinds`` can be paused."""
    if any(round.state == Round.State.OPEN for kind, round in rounds_of(season).items() if kind in kinds):
        return []
    return [
        Blocker(
            "ballots.not_open",
            _("The residents' rounds are not open."),
            _("Only an open round can be paused."),
        )
    ]


def resuming_blockers(season: Season, kinds: Collection[str] = tuple(Round.Kind)) -> list[Blocker]:
    """Every reason why none of the rounds of ``kinds`` can go on."""
    if any(round.state == Round.State.PAUSED for kind, round in rounds_of(season).items() if kind in kinds):
        return []
    return [
        Blocker(
            "ballots.not_paused",
            _("The residents' rounds are not paused."),
            _("Only a paused round can go on."),
        )
    ]


def proven_key(season: Season) -> bytes:
    """The season's key, if it is the one that its rounds were prepared with. Raises Refused.

    Under another one all printed cards would be void, and new ones would let every household vote once more.
    """
    key = season_key(season)
    for round in season.rounds.all():
        if round.key_digest and bytes(round.key_digest) != codes.key_digest(key):
            raise Refused(
                Blocker(
                    "ballots.key_replaced",
                    _("The file %(path)s holds a key, but not the one that %(season)s began with.")
                    % {"path": key_path(season), "season": season},
                    _("Put the file back from its copy: printed household codes hold only under this key."),
                )
            )
    return key


def seasons_with_rounds() -> list[tuple[Season, bytes]]:
    """The seasons that residents may ask about, newest first, with their keys.

    A key may be destroyed once a season's objections are over; while its rounds are not closed, a missing one is a
    fault that nobody must take for a wrong code. Raises Refused.
    """
    found = []
    for season in Season.objects.filter(rounds__isnull=False).distinct().prefetch_related("rounds"):
        try:
            found.append((season, proven_key(season)))
        except Refused:
            if any(round.state != Round.State.CLOSED for round in season.rounds.all()):
                raise
    return found
