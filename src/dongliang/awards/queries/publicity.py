"""How far a list has come on its way from the run to the certificate, and what stands against the next step."""

import datetime

from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dongliang.awards.calendar import today
from dongliang.awards.models import Certificate, Hold, HonourList, ListChange, Objection
from dongliang.awards.queries.lists import honours, publishing_blockers
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Enrolment

# More than this waiting for an answer is no objecting any more, and would bury the rest.
MOST_OPEN_OBJECTIONS = 200


def changes(honour_list: HonourList) -> QuerySet[ListChange]:
    return honour_list.changes.select_related(
        "leaving__person",
        "leaving__post__organisation",
        "entering__person",
        "entering__post__organisation",
        "proposed_by",
        "decided_by",
    )


def objections(honour_list: HonourList) -> QuerySet[Objection]:
    return honour_list.objections.select_related(
        "enrolment__person", "enrolment__post__organisation", "answered_by"
    )


def certificates(honour_list: HonourList) -> QuerySet[Certificate]:
    return Certificate.objects.filter(honour__honour_list=honour_list).select_related(
        "honour__enrolment__person", "honour__enrolment__post__organisation__parent", "honour__project"
    )


def certificates_visible_to(account: Account) -> QuerySet[Certificate]:
    districts = organisations_reached(account, "office").values("pk")
    return Certificate.objects.filter(
        Q(honour__honour_list__season__district__in=districts)
        | Q(commendation__honour__season__district__in=districts)
    ).select_related(
        "honour__honour_list__run__rule_book",
        "honour__enrolment__person",
        "commendation__honour",
        "commendation__tenure__person",
    )


def certificate_of(number: str) -> Certificate | None:
    """The certificate with this number, as anybody may check it."""
    return (
        Certificate.objects.filter(number=number.strip().upper())
        .select_related(
            "honour__honour_list__run__rule_book",
            "honour__honour_list__season__district",
            "honour__enrolment__person",
            "honour__enrolment__post__organisation__parent",
            "honour__project",
            "commendation__honour__season__district",
            "commendation__tenure__person",
            "commendation__tenure__post__organisation__parent",
        )
        .first()
    )


def candidates_for(honour_list: HonourList) -> QuerySet[Enrolment]:
    """Who could enter the list: those who can be listed and are not on it."""
    season = honour_list.season
    on_it = honour_list.honours.values("enrolment")
    found = season.enrolments.exclude(pk__in=on_it).select_related("person", "post__organisation__parent")
    if honour_list.kind == HonourList.Kind.BEST_SECRETARIES:
        return found.filter(standings__run=honour_list.run, standings__eligible=True)
    return found.filter(first_thing__isnull=False)


def confirmed_already(honour_list: HonourList) -> list[Blocker]:
    if not honour_list.confirmed_at:
        return []
    return [
        Blocker(
            "awards.confirmed",
            _("“%(title)s” is confirmed.") % {"title": honour_list.title},
            _(
                "A confirmed list stays as it is; what proves wrong later is revoked, certificate by certificate."
            ),
        )
    ]


def change_blockers(
    honour_list: HonourList, leaving: Enrolment, entering: Enrolment | None, reason: str
) -> list[Blocker]:
    """Every reason why the list cannot be changed so."""
    found = confirmed_already(honour_list)
    if not reason.strip():
        found.append(
            Blocker(
                "awards.no_reason",
                _("No reason is given."),
                _("Say why the list should depart from the scoring run; it stands in the record."),
            )
        )
    if not honour_list.honours.filter(enrolment=leaving).exists():
        found.append(
            Blocker("awards.not_on_list", _("%(name)s is not on the list.") % {"name": leaving.person})
        )
    if entering and not candidates_for(honour_list).filter(pk=entering.pk).exists():
        found.append(
            Blocker(
                "awards.cannot_enter",
                _("%(name)s cannot enter the list.") % {"name": entering.person},
                _("Choose somebody who can be listed by the rules and is not on it yet."),
            )
        )
    return found + quota_blockers(honour_list, leaving, entering)


def quota_blockers(honour_list: HonourList, leaving: Enrolment, entering: Enrolment | None) -> list[Blocker]:
    """What the rule book's quotas say against the change."""
    here, there = leaving.subdistrict, entering.subdistrict if entering else None
    if here == there:
        return []
    if honour_list.kind == HonourList.Kind.SUREST_THINGS and entering:
        return [
            Blocker(
                "awards.other_subdistrict",
                _("%(name)s is of another subdistrict than %(leaving)s.")
                % {"name": entering.person, "leaving": leaving.person},
                _("Each subdistrict puts its own project on stage."),
            )
        ]
    if honour_list.kind != HonourList.Kind.BEST_SECRETARIES:
        return []
    quota = honour_list.run.rule_book.validated.best_secretaries.subdistrict_quota
    counts: dict[int, int] = {}
    for honour in honours(honour_list):
        counts[honour.enrolment.subdistrict.pk] = counts.get(honour.enrolment.subdistrict.pk, 0) + 1
    found = []
    if counts.get(here.pk, 0) - 1 < quota.minimum:
        found.append(
            Blocker(
                "awards.below_quota",
                _("%(subdistrict)s would have fewer than the %(minimum)d places of the rule book.")
                % {"subdistrict": here, "minimum": quota.minimum},
                _("Let somebody of the same subdistrict enter."),
            )
        )
    if there and quota.maximum and counts.get(there.pk, 0) + 1 > quota.maximum:
        found.append(
            Blocker(
                "awards.above_quota",
                _("%(subdistrict)s would have more than the %(maximum)d places of the rule book.")
                % {"subdistrict": there, "maximum": quota.maximum},
                _("Let somebody of another subdistrict enter."),
            )
        )
    return found


def deciding_blockers(change: ListChange, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot decide on the proposed change."""
    found = []
    if change.state != ListChange.State.PROPOSED:
        found.append(
            Blocker(
                "awards.decided",
                _("This change is %(state)s already.") % {"state": change.get_state_display()},
            )
        )
    if by is not None and change.proposed_by_id == by.pk:
        found.append(
            Blocker(
                "awards.own_proposal",
                _("You proposed this change."),
                _("Somebody else in the office has to decide on it."),
            )
        )
    return found


def undecided_blockers(honour_list: HonourList) -> list[Blocker]:
    count = honour_list.changes.filter(state=ListChange.State.PROPOSED).count()
    if not count:
        return []
    return [
        Blocker(
            "awards.undecided",
            ngettext(
                "%(count)d proposed change is not decided.",
                "%(count)d proposed changes are not decided.",
                count,
            )
            % {"count": count},
            _("A second person has to approve or decline it first."),
        )
    ]


def announcing_blockers(honour_list: HonourList) -> list[Blocker]:
    """Every reason why the list cannot be made public."""
    return publishing_blockers(honour_list) + undecided_blockers(honour_list)


def objecting_blockers(honour_list: HonourList) -> list[Blocker]:
    """Every reason why an objection cannot be taken now."""
    if not honour_list.is_open_to_objections:
        return [
            Blocker(
                "awards.no_objections_now",
                _("“%(title)s” takes no objections now.") % {"title": honour_list.title},
                _(
                    "They are taken while a list is public and not yet confirmed; later, write to the programme office."
                ),
            )
        ]
    if honour_list.objections.filter(answered_at=None).count() >= MOST_OPEN_OBJECTIONS:
        return [
            Blocker(
                "awards.too_many_objections",
                _("%(count)d objections wait for an answer already.") % {"count": MOST_OPEN_OBJECTIONS},
                _("Please bring yours to the programme office in writing."),
            )
        ]
    return []


def confirming_blockers(honour_list: HonourList) -> list[Blocker]:
    """Every reason why the list does not hold yet."""
    found = confirmed_already(honour_list) + undecided_blockers(honour_list) + on_hold(honour_list)
    found += clock_behind(honour_list.published_at)
    until = honour_list.objections_until
    if until is None:
        return [
            *found,
            Blocker(
                "awards.not_public",
                _("“%(title)s” has not been public.") % {"title": honour_list.title},
                _("Publish it first, and wait for objections."),
            ),
        ]
    if today() <= until:
        found.append(
            Blocker(
                "awards.objections_open",
                _("Objections are taken until the end of %(day)s.") % {"day": day_in_words(until)},
                _("Confirm the list after that day."),
            )
        )
    return found + objection_blockers(honour_list)


def clock_behind(moment: datetime.datetime | None) -> list[Blocker]:
    """What stands against a step that would be dated before the one it follows."""
    if moment is None or now() >= moment:
        return []
    return [
        Blocker(
            "awards.clock",
            _(
                "By the clock of this machine it is %(now)s, and the step before this one was taken at %(then)s."
            )
            % {"now": moment_in_words(now()), "then": moment_in_words(moment)},
            _("Have the clock set right, then take this step."),
        )
    ]


def on_hold(honour_list: HonourList) -> list[Blocker]:
    hold = honour_list.hold
    if hold is None:
        return []
    return [
        Blocker(
            "awards.on_hold",
            _("“%(title)s” is on hold: %(reason)s") % {"title": honour_list.title, "reason": hold.reason},
            _("Somebody else than who put it on hold lifts that, saying what came of it."),
        )
    ]


def holding_blockers(honour_list: HonourList, reason: str) -> list[Blocker]:
    """Every reason why the list cannot be put on hold."""
    found = on_hold(honour_list)
    if not honour_list.published_at:
        found.append(
            Blocker(
                "awards.not_public",
                _("“%(title)s” has not been public.") % {"title": honour_list.title},
                _("What is not public needs no hold: leave it as it is."),
            )
        )
    return found + ([] if reason.strip() else [no_reason()])


def lifting_blockers(hold: Hold, outcome: str, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot lift the hold."""
    found = []
    if hold.lifted_at:
        found.append(Blocker("awards.lifted", _("This hold is lifted already.")))
    if by is not None and hold.put_by_id == by.pk:
        found.append(
            Blocker(
                "awards.own_hold",
                _("You put the list on hold."),
                _("Somebody else in the office has to lift it."),
            )
        )
    return found + ([] if outcome.strip() else [no_reason()])


def no_reason() -> Blocker:
    return Blocker(
        "awards.no_reason", _("No reason is given."), _("Say why in a sentence; it stands in the record.")
    )


def objection_blockers(honour_list: HonourList) -> list[Blocker]:
    found = []
    if waiting := honour_list.objections.filter(answered_at=None).count():
        found.append(
            Blocker(
                "awards.unanswered",
                ngettext(
                    "%(count)d objection has no answer yet.",
                    "%(count)d objections have no answer yet.",
                    waiting,
                )
                % {"count": waiting},
                _("Answer every one first."),
            )
        )
    upheld = honour_list.objections.filter(upheld=True, enrolment__in=honour_list.honours.values("enrolment"))
    found.extend(
        Blocker(
            "awards.upheld",
            _("An objection to %(name)s was found right, and the name is still on the list.")
            % {"name": objection.enrolment.person},
            _("Propose the change that follows from it."),
        )
        for objection in upheld.select_related("enrolment__person")
        if objection.enrolment
    )
    return found


def issuing_blockers(honour_list: HonourList) -> list[Blocker]:
    """Every reason why there can be no certificates."""
    if honour_list.confirmed_at:
        return on_hold(honour_list) + clock_behind(honour_list.confirmed_at)
    return [
        Blocker(
            "awards.not_confirmed",
            _("“%(title)s” is not confirmed.") % {"title": honour_list.title},
            _("There is no certificate before objections are over and the list is confirmed."),
        )
    ]


def moment_in_words(moment: datetime.datetime) -> str:
    return date_format(localtime(moment), "DATETIME_FORMAT")


def day_in_words(day: datetime.date) -> str:
    return date_format(day, "DATE_FORMAT")
