"""What two people of the programme office see of flagged ballots, and where each of them judges by themselves."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.ballots.actions.integrity import end_search, examine_round, judge_flag, preview_flags
from dongliang.ballots.forms import ANSWERS, CANNOT_SAY, VerdictForm
from dongliang.ballots.models import Ballot, Flag, Round
from dongliang.ballots.queries.cards import revocations
from dongliang.ballots.queries.integrity import (
    PEOPLE_NEEDED,
    Evidence,
    ending_blockers,
    examining_blockers,
    flags_visible_to,
    panel_members,
    pick_numbers,
    previewing_blockers,
    verdict_blockers,
)
from dongliang.ballots.queries.residents import enrolments_with_project
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.comparison_charts import Pair, PairChart, Timeline, pairs, timeline
from dongliang.common.refusals import Blocker, Refused
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

# What is rarer is not told apart.
RAREST = 100_000


@never_cache
@permission_required("ballots.judge_flags", raise_exception=True)
def flags(request: HttpRequest) -> HttpResponse:
    """All flags of the season: those that wait for the reader, for somebody else, and those decided."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        return render(request, "ballots/flags.html", {"season": None})
    found = flags_visible_to(request.user).filter(round__season=season).prefetch_related("verdicts")
    mine, others, decided = [], [], []
    for flag in found:
        given = {verdict.by_id for verdict in flag.verdicts.all()}
        if flag.state != Flag.State.RAISED:
            decided.append(flag)
        elif request.user.pk in given:
            others.append(flag)
        else:
            mine.append(flag)
    rounds = list(rounds_of(season).values())
    members = panel_members(season).count()
    return render(
        request,
        "ballots/flags.html",
        {
            "season": season,
            "rounds": rounds,
            "mine": mine,
            "others": others,
            "decided": decided,
            "members": members,
            "too_few_members": members < PEOPLE_NEEDED,
            "examined": any(round.examined_at for round in rounds),
            "over": bool(rounds) and all(round.search_ended_at for round in rounds),
            "under_way": any(not previewing_blockers(round) for round in rounds),
            "examining_blockers": against(examining_blockers(round) for round in rounds),
            "ending_blockers": ending_blockers(season),
        },
    )


def against(lists: Any) -> list[Blocker]:
    return [blocker for blockers in lists for blocker in blockers]


@never_cache
@permission_required("ballots.judge_flags", raise_exception=True)
def flag(request: HttpRequest, flag_id: int) -> HttpResponse:
    """One flag in words and charts, never a ballot; and the reader's verdict on it."""
    found = get_object_or_404(flags_visible_to(request.user), pk=flag_id)
    form = VerdictForm(request.POST if request.method == "POST" else None)
    blockers = verdict_blockers(found, request.user)
    if form.is_valid() and not blockers:
        try:
            judged = judge_flag(found, by=request.user, **form.cleaned_data)
        except Refused as refusal:
            blockers = list(refusal.blockers)
        else:
            messages.success(request, verdict_taken(judged))
            return redirect("ballots:flags")
    shown = of_revoked(found) if found.kind == Ballot.Exclusion.REVOKED else of_count(found)
    return render(
        request,
        "ballots/flag.html",
        {
            "flag": found,
            **shown,
            "innocent": innocent_reading(found.kind),
            "form": form,
            "blockers": blockers,
            # Neither is shown before both are in.
            "verdicts": found.verdicts.select_related("by") if found.state != Flag.State.RAISED else [],
        },
    )


def of_count(flag: Flag) -> dict[str, Any]:
    """What the panel is shown of ballots that chance hardly explains."""
    evidence, titles = Evidence.of(flag), project_titles(flag)
    return {
        "sentence": in_words(flag, evidence, titles),
        "times": times_chart(evidence),
        "shares": shares_chart(flag, evidence, titles),
    }


def of_revoked(flag: Flag) -> dict[str, Any]:
    """What the panel is shown of ballots of revoked cards: how many, and who revoked. They may be one household's."""
    seen = _(
        "Cards of this neighbourhood that were revoked: %(cards)d. Ballots that had been cast with them: %(ballots)d."
    ) % {"cards": flag.evidence["cards"], "ballots": flag.number}
    unknown = _("What they say and when they came is not shown: they may be one household's.")
    return {"sentence": Words(seen, unknown), "revocations": revocations(flag.enrolment)}


def verdict_taken(flag: Flag) -> str:
    if flag.state == Flag.State.RAISED:
        return _("Your verdict is in. A second member of the programme office decides with you.")
    if flag.state == Flag.State.KEPT:
        return _("Both verdicts are in: the ballots count.")
    return ngettext(
        "Both verdicts are in: %(count)d ballot is excluded.",
        "Both verdicts are in: %(count)d ballots are excluded.",
        flag.excluded,
    ) % {"count": flag.excluded}


@require_POST
def examine(request: HttpRequest, slug: str) -> HttpResponse:
    """Search both closed rounds."""
    season = run_by(request, slug)
    found, refused = 0, False
    for round in rounds_of(season).values():
        try:
            found += len(examine_round(round, by=request.user))
        except Refused as refusal:
            refused = True
            for blocker in refusal.blockers:
                messages.error(request, str(blocker))
    if not refused:
        messages.success(
            request,
            ngettext(
                "The ballots were examined: %(count)d new flag.",
                "The ballots were examined: %(count)d new flags.",
                found,
            )
            % {"count": found},
        )
    return redirect("ballots:flags")


@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """How many flags of each kind there would be now; nowhere stored."""
    season = run_by(request, slug)
    labels = dict(Ballot.Exclusion.choices)
    for round in rounds_of(season).values():
        try:
            kinds = preview_flags(round, by=request.user)
        except Refused as refusal:
            for blocker in refusal.blockers:
                messages.error(request, str(blocker))
            continue
        words = pgettext("between names", ", ").join(
            _("%(kind)s: %(count)d") % {"kind": labels[kind], "count": count} for kind, count in kinds.items()
        )
        messages.info(
            request, f"{round.get_kind_display()}: {words or _('nothing that chance would not explain')}"
        )
    return redirect("ballots:flags")


@require_POST
def end(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        end_search(run_by(request, slug), by=request.user)
    except Refused as refusal:
        for blocker in refusal.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(
            request, _("The search is over. When and from where ballots came has been forgotten.")
        )
    return redirect("ballots:flags")


def run_by(request: HttpRequest, slug: str) -> Season:
    season = get_object_or_404(Season, slug=slug)
    if not request.user.has_perm("ballots.run_rounds", season):
        raise PermissionDenied
    return season


# A flag in words and charts.


def project_titles(flag: Flag) -> dict[int, str]:
    wanted = pick_numbers([flag])
    if not wanted:
        return {}
    found = enrolments_with_project(flag.round.season).filter(number__in=wanted)
    return {enrolment.number: enrolment.first_thing.title for enrolment in found}


def pattern_in_words(flag: Flag, pattern: str, titles: dict[int, str]) -> str:
    """“5, 5, 4, 5”, or the projects picked together."""
    between = pgettext("between names", ", ")
    if flag.round.kind == Round.Kind.PROJECTS:
        numbers = [int(number) for number in pattern.split(",") if number]
        return between.join(f"“{titles.get(number, number)}”" for number in numbers)
    return between.join(pattern)


@dataclass(frozen=True)
class Words:
    """A flag in two sentences: what was seen, and what chance would give."""

    seen: str
    chance: str


def in_words(flag: Flag, evidence: Evidence, titles: dict[int, str]) -> Words:
    values = {
        "observed": evidence.observed,
        "among": evidence.among,
        "pattern": pattern_in_words(flag, evidence.pattern, titles),
        "first": moment(evidence.first),
        "last": moment(evidence.last),
        "expected": f"{evidence.expected:.1f}",
    }
    seen = {
        "burst": _(
            "Between %(first)s and %(last)s, %(observed)d of %(among)d ballots from this neighbourhood said the same:"
            " %(pattern)s."
        ),
        "origin": _(
            "From one connection came %(among)d ballots of this neighbourhood, and %(observed)d of them said the same:"
            " %(pattern)s."
        ),
        "straight": _(
            "Of %(among)d ballots from this neighbourhood, %(observed)d gave the same mark throughout, but for one"
            " answer at most: %(pattern)s."
        ),
        "copies": _(
            "Of %(among)d ballots with the same total, %(observed)d have the very same marks: %(pattern)s."
        ),
        "cards": _(
            "Of %(among)d pairs of household cards with consecutive numbers, %(observed)d were used within ten minutes"
            " of each other. Cards are handed out shuffled."
        ),
    }[flag.kind]
    against = {
        "burst": _("By the neighbourhood's ballots at other times, about %(expected)s would be expected."),
        "origin": _("By the neighbourhood's ballots from elsewhere, about %(expected)s would be expected."),
        "straight": _("By what its other ballots say, about %(expected)s would be expected here."),
        "copies": _("By the other neighbourhoods, about %(expected)s would be expected."),
        "cards": _("By chance, about %(expected)s would be expected."),
    }[flag.kind]
    nearly = _("Ballots that differ in one mark are counted among them.") if evidence.nearly else ""
    return Words(joined(seen % values, nearly), joined(against % values, rareness(evidence.false_alarms)))


def joined(*sentences: str) -> str:
    """Sentences one after the other; a Chinese full stop brings its own gap."""
    text = ""
    for sentence in filter(None, sentences):
        text += sentence if not text or text.endswith("。") else f" {sentence}"
    return text


def rareness(false_alarms: float) -> str:
    """How often chance gives a flag as strong, in rounds of honest ballots."""
    if false_alarms * RAREST < 1:
        return _(
            "Were all ballots honest, a flag as strong as this would come in fewer than 1 of %(rounds)s rounds."
        ) % {"rounds": f"{RAREST:,}"}
    return _(
        "Were all ballots honest, a flag as strong as this would come in about 1 of %(rounds)s rounds."
    ) % {"rounds": f"{round(1 / false_alarms):,}"}


def innocent_reading(kind: str) -> str:
    """How honest people come to look like this."""
    return {
        "burst": _(
            "Neighbours who agreed on one evening to praise, or to protest, look exactly like this. Was there a meeting, "
            "a notice, a quarrel at that time?"
        ),
        "origin": _(
            "A service desk's tablet, or one address for a whole estate, sends many ballots; what is unusual is only "
            "that they are alike."
        ),
        "straight": _(
            "A secretary whom everybody likes gets such ballots. The honest ones with these marks stand under the flag "
            "as well, and would be excluded with the others."
        ),
        "copies": _("The honest ballots with these very marks stand under the flag as well."),
        "cards": _(
            "A pile that was handed out unshuffled, door by door, on one evening looks like this. Ask how the cards were "
            "handed out."
        ),
        "revoked": _(
            "A household that voted and lost its card afterwards voted honestly. If it has voted again with a new card, it "
            "has two voices as long as these ballots count. Where one account revoked many cards, ask the households "
            "first whether they had lost any."
        ),
    }[kind]


def moment(at: datetime.datetime) -> str:
    return date_format(localtime(at), "SHORT_DATETIME_FORMAT")


def times_chart(evidence: Evidence) -> Timeline:
    return timeline(
        evidence.times["flagged"],
        evidence.times["others"],
        start=datetime.datetime.fromisoformat(evidence.times["start"]),
        step=datetime.timedelta(minutes=evidence.times["minutes"]),
        first_label=_("under this flag"),
        second_label=_("the neighbourhood's other ballots"),
        title=_("When the ballots came"),
    )


def shares_chart(flag: Flag, evidence: Evidence, titles: dict[int, str]) -> PairChart | None:
    if not evidence.shares:
        return None
    words = dict(ANSWERS)
    picks = flag.round.kind == Round.Kind.PROJECTS
    items = [
        Pair(
            pattern_in_words(flag, label, titles)
            if picks
            else str(words[label])
            if label == CANNOT_SAY
            else f"{label} {words[label]}",
            here,
            elsewhere,
        )
        for label, here, elsewhere in evidence.shares
    ]
    return pairs(
        items,
        here=_("in this neighbourhood"),
        elsewhere=_("in all others"),
        title=_("How often these projects were picked together")
        if picks
        else _("How often each mark was given"),
    )
