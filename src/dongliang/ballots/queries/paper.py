"""What may be read of paper ballots while they are keyed in: never one keyer's entries by the other."""

import datetime

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from dongliang.ballots.calendar import EARLY, dates_of
from dongliang.ballots.models import PaperBatch, PaperKeying, Round
from dongliang.ballots.queries.coverage import enrolments_of_offices
from dongliang.ballots.queries.residents import is_accepted
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season

MOST_SHEETS = 1000


def batches_visible_to(account: Account, season: Season) -> QuerySet[PaperBatch]:
    """The batches of the neighbourhoods in reach of the account's offices."""
    return (
        PaperBatch.objects.filter(
            round__season=season, enrolment__in=enrolments_of_offices(account, season).values("pk")
        )
        .select_related("round__season", "enrolment__person", "enrolment__post__organisation__parent")
        .prefetch_related("keyings__by")
    )


def batch_blockers(round: Round, enrolment: Enrolment, kind: str, sheets: int) -> list[Blocker]:
    """Every reason why such a batch cannot be made."""
    found = []
    if not is_accepted(round.season.rules, "paper"):
        found.append(
            Blocker(
                "ballots.way_not_accepted",
                _("%(season)s is not voted on in this way.") % {"season": round.season},
                _("Its rule book would have to name paper among the ways of voting."),
            )
        )
    if round.state not in (Round.State.OPEN, Round.State.PAUSED):
        found.append(
            Blocker(
                "ballots.not_open",
                _("This round is %(state)s.") % {"state": round.get_state_display()},
                _("Paper ballots are keyed in before it closes."),
            )
        )
    households = enrolment.organisation.households
    if kind == PaperBatch.Kind.HALL:
        counted = hall_sheets(round, enrolment)
        if not households or counted + sheets > households:
            found.append(
                Blocker(
                    "paper.more_than_households",
                    _(
                        "%(name)s has %(households)d households; with this batch %(sheets)d ballots would be counted in "
                        "the hall."
                    )
                    % {
                        "name": enrolment.organisation,
                        "households": households or 0,
                        "sheets": counted + sheets,
                    },
                    _("Count the sheets again; each household puts one into the box."),
                )
            )
    return found


def hall_sheets(round: Round, enrolment: Enrolment) -> int:
    """How many sheets of hall counts there are of the neighbourhood, entered or under way."""
    batches = enrolment.paper_batches.filter(round=round, kind=PaperBatch.Kind.HALL)
    return batches.aggregate(total=Sum("sheets"))["total"] or 0


def seat_blockers(batch: PaperBatch, by: Account) -> list[Blocker]:
    """Every reason why the account cannot become a keyer of the batch."""
    if batch.entered_at:
        return [entered_already()]
    taken = list(batch.keyings.select_related("by"))
    if any(keying.by_id == by.pk for keying in taken):
        return [
            Blocker(
                "paper.same_person",
                _("You are one of this batch's two keyers already."),
                _("The other one must be somebody else, under their own account."),
            )
        ]
    if len(taken) == 2:
        return [
            Blocker(
                "paper.two_keyers",
                _("%(first)s and %(second)s are keying this batch.")
                % {"first": taken[0].by, "second": taken[1].by},
                _("A batch has two keyers, no more."),
            )
        ]
    return []


def entered_already() -> Blocker:
    return Blocker(
        "paper.entered",
        _("This batch has been entered."),
        _("Its ballots are among all the others now, and cannot be keyed again."),
    )


def keying_blockers(keying: PaperKeying) -> list[Blocker]:
    """Every reason why the keyer cannot key a sheet."""
    if keying.batch.entered_at:
        return [entered_already()]
    if keying.finished_at:
        return [
            Blocker(
                "paper.finished",
                _("You have finished this batch."),
                _("If the two keyers differ on a sheet, it opens again for both."),
            )
        ]
    return []


def missing_sheets(keying: PaperKeying) -> list[int]:
    """The numbers that the keyer has still to key, in their order."""
    keyed = set(keying.read_sheets.values_list("number", flat=True))
    return [number for number in range(1, keying.batch.sheets + 1) if number not in keyed]


def finishing_blockers(keying: PaperKeying) -> list[Blocker]:
    found = keying_blockers(keying)
    if missing := missing_sheets(keying):
        found.append(
            Blocker(
                "paper.missing",
                _("%(count)d sheets have not been keyed, the first is number %(first)d.")
                % {"count": len(missing), "first": missing[0]},
                _("Key them; a sheet that cannot be read is keyed as spoilt."),
            )
        )
    return found


def entering_blockers(batch: PaperBatch, *, at: datetime.datetime) -> list[Blocker]:
    """Every reason why the batch cannot be entered at that moment.

    After the announced end it can, until the round closes: sheets that were in the box by then are keyed afterwards.
    """
    if batch.entered_at:
        return [entered_already()]
    found = []
    if batch.keyings.filter(finished_at__isnull=False).count() < 2:
        found.append(
            Blocker(
                "paper.not_agreed",
                _("Two people must have keyed this batch, and agree on every sheet."),
                _("It enters by itself when the second of them has finished."),
            )
        )
    round = rounds_of(batch.round.season)[batch.round.kind]
    if round.standing(at) == EARLY:
        found.append(
            Blocker(
                "ballots.too_early",
                _("Voting begins on %(day)s.") % {"day": dates_of(round.season).first},
                _("Until then no vote is taken."),
            )
        )
    elif round.state != Round.State.OPEN:
        found.append(
            Blocker(
                "ballots.not_open",
                _("This round is not open, so that no ballot can enter."),
                _("Enter the batch while it is open."),
            )
        )
    return found


def differing_sheets(batch: PaperBatch) -> list[int]:
    """The numbers of the sheets on which the two keyers differ. Not what either of them read."""
    first, second = (
        {sheet.number: (bytes(sheet.credential), sheet.marks) for sheet in keying.read_sheets.all()}
        for keying in batch.keyings.all()
    )
    return sorted(
        number for number in first.keys() | second.keys() if first.get(number) != second.get(number)
    )
