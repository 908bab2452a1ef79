"""The ways in which residents can show that they may vote, and what stands against one now."""

import datetime
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots.calendar import EARLY, OVER, dates_of
from dongliang.ballots.models import Ballot, PhoneCheck, Round
from dongliang.ballots.queries.residents import is_accepted
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.refusals import Blocker
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments

Channel = Ballot.Channel

# An estate may share one network address, and a mobile carrier's customers too: the limit for an address is wide as long
# as its codes are typed in. Whoever has codes sent to strangers types in none, and is soon refused. What protects a phone
# from being flooded is the limit for its number.
CODE_LIFE = datetime.timedelta(minutes=5)
TRIES = 5
COOLDOWN = datetime.timedelta(minutes=1)
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
A_NUMBER_A_DAY = 3
AN_ADDRESS_AN_HOUR = 100
# So many codes of an address may stay unused, in an hour and in a day, or as many as were used: whatever is more.
UNUSED_AN_HOUR, UNUSED_A_DAY = 10, 30
LEAST_A_NEIGHBOURHOOD_A_DAY = 200


def is_ready(channel: str) -> bool:
    """Whether this installation has what the way takes: a gateway, an official account."""
    if channel == Channel.SMS:
        return bool(settings.SMS_GATEWAY)
    if channel == Channel.WECHAT:
        return bool(settings.WECHAT_APP_ID and settings.WECHAT_SECRET)
    return True


def enrolment_at(organisation_code: str) -> Enrolment | None:
    """The neighbourhood that a poster leads to: in its newest season with rounds."""
    season = (
        Season.objects.filter(rounds__isnull=False, enrolments__post__organisation__code=organisation_code)
        .distinct()
        .first()
    )
    if season is None:
        return None
    return enrolments(season).filter(post__organisation__code=organisation_code).first()


def way_blockers(enrolment: Enrolment, channel: str, *, at: datetime.datetime) -> list[Blocker]:
    """Every reason why nobody of the neighbourhood can show the right to vote in this way at that moment."""
    season = enrolment.season
    found = []
    if not is_accepted(season.rules, channel):
        found.append(
            Blocker(
                "ballots.way_not_accepted",
                _("%(season)s is not voted on in this way.") % {"season": season},
                _("The poster of your neighbourhood says which ways there are."),
            )
        )
    elif not is_ready(channel):
        found.append(
            Blocker(
                "ballots.way_not_ready",
                _("This way of voting has not been set up yet."),
                _("Please use another way, or ask your neighbourhood committee."),
            )
        )
    if stopped := not_open_at(season, at):
        found.append(stopped)
    return found


def not_open_at(season: Season, at: datetime.datetime) -> Blocker | None:
    """Why nobody can vote at that moment; nothing if in one of the rounds one can."""
    states = {round.standing(at) for round in rounds_of(season).values()}
    dates = dates_of(season)
    if Round.State.OPEN in states:
        return None
    if EARLY in states:
        return Blocker(
            "ballots.too_early",
            _("Voting begins on %(day)s.") % {"day": dates.first},
            _("Until then no vote is taken."),
        )
    if Round.State.PAUSED in states:
        return Blocker(
            "ballots.paused",
            _("Voting is held up for the moment."),
            _("Nothing is lost. Please try again later today."),
        )
    if Round.State.PREPARED in states or not states:
        return Blocker(
            "ballots.not_open",
            _("Voting has not begun."),
            _("Your neighbourhood committee announces the start."),
        )
    if OVER in states:
        return Blocker(
            "ballots.over",
            _("Voting ended on %(day)s.") % {"day": dates.last},
            _(
                "The programme office closes the vote and has the ballots checked. Your receipt can still be checked."
            ),
        )
    return Blocker("ballots.closed", _("Voting is over."), _("Your receipt can still be checked."))


def sending_blockers(
    enrolment: Enrolment, identity: bytes, origin: bytes, *, at: datetime.datetime
) -> list[Blocker]:
    """Why no code can be sent to this number now: the first reason, since the others would tell a sender more."""
    checks = PhoneCheck.objects.filter(enrolment__season=enrolment.season, sent_at__gt=at - DAY)
    own = checks.filter(identity=identity)
    households = enrolment.organisation.households
    if latest := own.filter(sent_at__gt=at - COOLDOWN).order_by("-sent_at").first():
        wait = (latest.sent_at + COOLDOWN - at).total_seconds()
        return [
            Blocker(
                "sms.cooldown",
                _("A code was sent to this number just now."),
                _("Please wait %(seconds)d seconds before asking for another one.")
                % {"seconds": max(1, round(wait))},
            )
        ]
    if own.count() >= A_NUMBER_A_DAY:
        return [
            Blocker(
                "sms.number_limit",
                _("This number has been sent %(count)d codes within a day.") % {"count": A_NUMBER_A_DAY},
                _("Please try again tomorrow, or use your household card."),
            )
        ]
    if checks.filter(origin=origin, sent_at__gt=at - HOUR).count() >= AN_ADDRESS_AN_HOUR:
        return [
            Blocker(
                "sms.address_limit",
                _("Too many codes have been asked for from your network within the hour."),
                _("Please try again in an hour, or without wireless network."),
            )
        ]
    if too_many_unused(checks.filter(origin=origin), at=at):
        return [
            Blocker(
                "sms.unused",
                _("Many codes sent to your network have not been used yet."),
                _(
                    "Please type in the one you have, or try again in an hour. Your household card works at once."
                ),
            )
        ]
    if checks.filter(enrolment=enrolment).count() >= messages_a_day(households):
        return [
            Blocker(
                "sms.neighbourhood_limit",
                _("Your neighbourhood has used up the codes of today."),
                _("Please try again tomorrow, or use your household card."),
            )
        ]
    if PhoneCheck.objects.filter(sent_at__gt=at - DAY).count() >= settings.SMS_DAILY:
        return [
            Blocker(
                "sms.daily_limit",
                _("The text messages of today are used up."),
                _("Please try again tomorrow, or use your household card."),
            )
        ]
    return []


def messages_a_day(households: int | None) -> int:
    return max(LEAST_A_NEIGHBOURHOOD_A_DAY, households or 0)


# A used code is emptied; one that the gateway did not take was never valid, and nobody could use it.
USED = Count("pk", filter=Q(code=b""))
UNUSED = Count("pk", filter=~Q(code=b"") & Q(expires_at__gt=F("sent_at")))


def too_many_unused(checks: QuerySet[PhoneCheck], *, at: datetime.datetime) -> bool:
    """Whether most codes of one address go unused: as many as somebody has sent to numbers that are not theirs."""
    for span, most in ((HOUR, UNUSED_AN_HOUR), (DAY, UNUSED_A_DAY)):
        counts = checks.filter(sent_at__gt=at - span).order_by().aggregate(used=USED, unused=UNUSED)
        if counts["unused"] >= max(most, counts["used"]):
            return True
    return False


@dataclass(frozen=True)
class MessagesOfADay:
    """Text messages of the last day to a neighbourhood that the office should look at: used up, or mostly not used."""

    neighbourhood: str
    sent: int
    # Used, or no longer valid.
    settled: int
    used: int
    allowed: int

    @property
    def is_used_up(self) -> bool:
        return self.sent >= self.allowed

    @property
    def is_mostly_unused(self) -> bool:
        return self.settled >= WORTH_A_LOOK and self.used * 2 < self.settled


# Fewer codes than this tell nothing by going unused.
WORTH_A_LOOK = 20


def messages_to_look_at(of: QuerySet[Enrolment], *, at: datetime.datetime) -> list[MessagesOfADay]:
    """Those of the neighbourhoods whose messages run out or go mostly unused. A code that is still valid is not counted as unused."""
    counts = {
        enrolment: (sent, settled, used)
        for enrolment, sent, settled, used in PhoneCheck.objects.filter(
            enrolment__in=of.values("pk"), sent_at__gt=at - DAY
        )
        .order_by()
        .values_list("enrolment_id")
        .annotate(
            sent=Count("pk"), settled=Count("pk", filter=Q(code=b"") | Q(expires_at__lte=at)), used=USED
        )
    }
    found = []
    for enrolment in of.filter(pk__in=counts).select_related("post__organisation"):
        sent, settled, used = counts[enrolment.pk]
        row = MessagesOfADay(
            enrolment.organisation.name,
            sent,
            settled,
            used,
            messages_a_day(enrolment.organisation.households),
        )
        if row.is_used_up or row.is_mostly_unused:
            found.append(row)
    return found


@dataclass(frozen=True)
class Way:
    """One of the ways the rule book names: how many have used it, and whether this installation is set up for it."""

    channel: str
    label: str
    ballots: int
    is_ready: bool


def ways_of(season: Season) -> list[Way]:
    """The season's ways of showing the right to vote, in the order in which ballots name them."""
    counts: dict[str, int] = dict(
        Ballot.objects.filter(
            round__season=season, round__kind=Round.Kind.SECRETARIES, status=Ballot.Status.COUNTED
        )
        .order_by()
        .values_list("channel")
        .annotate(count=Count("pk"))
    )
    return [
        Way(channel.value, str(channel.label), counts.get(channel, 0), is_ready(channel))
        for channel in Channel
        if is_accepted(season.rules, channel)
    ]
