"""What residents see: no account, no cookie, no script needed.

The household code in the address is all that entitles to vote; after a vote it stands there no more (``thanks``). Hence no CSRF token: forging a vote takes the code, and
whoever has the code needs no forgery. WeChat's browser opens pages without the cookies such a token needs.

A page is a generator. It yields what it wants from the database (``wishes``), is sent the answer or thrown the refusal,
and returns an ``Answer``.
"""

from __future__ import annotations

import datetime
import logging
import random
import re
import time
from collections.abc import Callable, Generator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dongliang.ballots import codes, comments, passes
from dongliang.ballots.actions.casting import Cast, too_many, voted_already
from dongliang.ballots.forms import CodeForm, PicksForm, RatingForm, ReceiptForm
from dongliang.ballots.intake import skeletons
from dongliang.ballots.intake.entitlement import Entitlement, Refusal, entitlement
from dongliang.ballots.intake.messages import METHODS, Answer, Unreadable, Visit, see_other
from dongliang.ballots.intake.parts import project_groups
from dongliang.ballots.intake.skeletons import Piece, passing_piece, slot
from dongliang.ballots.intake.snapshot import RoundNow, Snapshot
from dongliang.ballots.intake.wishes import (
    BallotOf,
    HasVoted,
    IsStored,
    StateOf,
    Store,
    TooOften,
    Unavailable,
)
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.residents import FoundBallot
from dongliang.ballots.squares import square
from dongliang.common.refusals import Blocker, Refused

logger = logging.getLogger(__name__)

Page = Generator[Any, Any, Answer]

# Digits of the answers there are, and not all of them "I can't say".
MARKS = re.compile(r"(?=0*[1-5])[0-5]+")
NONCE = re.compile(r"[0-9a-f]{16}")
RETRY_AFTER = "10"
# Why somebody who may vote has no vote left, by what the refusal is called: in the language of whoever is told.
AGAINST = {"ballots.voted_already": voted_already, "ballots.too_many": too_many}
UNREADABLE = {
    "no_form": gettext_noop("What was sent is not a form of this page."),
    "no_text": gettext_noop("What was sent cannot be read: it is not plain text in UTF-8."),
    "too_large": gettext_noop("What was sent is larger than any ballot."),
    "too_slow": gettext_noop("What was sent did not arrive whole in time. The connection may be bad."),
    "too_many_fields": gettext_noop("What was sent has more fields than any page of ours."),
    "unknown_field": gettext_noop("What was sent has a field that this page does not have."),
    "field_twice": gettext_noop("What was sent answers one question twice."),
    "method": gettext_noop("This page can be looked at or sent, nothing else."),
    "host": gettext_noop("This site is not known under the name in the address."),
}


def answer(visit: Visit, now: Snapshot) -> Page | None:
    """The page at the visit's address; None where there is none of ours."""
    match visit.path.split("/"):
        case ["", "v", ""]:
            page = enter(visit, now)
        case ["", "v", "thanks", typed, ""]:
            page = thanks(visit, now, typed)
        case ["", "v", "thanks", typed, "change" | "projects" as where, ""]:
            page = onward(visit, now, typed, where)
        case ["", "v", text, ""]:
            page = rate(visit, now, text)
        case ["", "v", text, "projects", ""]:
            page = pick(visit, now, text)
        case ["", "v", _code, "thanks", typed, ""]:
            return former_thanks(visit, typed)
        case _:
            return None
    return told_faults(visit, now, page)


def told_faults(visit: Visit, now: Snapshot, page: Page) -> Page:
    """``page``, and where it cannot be shown, the page that says why."""
    try:
        if visit.method not in METHODS:
            raise Unreadable(405, "method")
        if now.fault:
            logger.error("Residents cannot vote: %s", now.fault)
            return standing(visit, "ballots/fault.html", status=503)
        return (yield from page)
    except Unreadable as unreadable:
        return not_understood(visit, unreadable)
    except Unavailable:
        return busy(visit)
    except TooOften as often:
        return too_often(visit, often.seconds)


# Pages


def enter(visit: Visit, now: Snapshot) -> Page:
    """Where the poster leads: type the code from the card."""
    if not visit.is_post:
        return standing(visit, "ballots/enter.html", {"form": CodeForm()})
    yield from ()
    form = CodeForm(MultiValueDict(visit.fields(["code"])))
    with translation.override(visit.look.language):
        if form.is_valid():
            found = entitlement(now, form.cleaned_data["code"], at=present())
            if not isinstance(found, Refusal):
                return see_other(f"/v/{found.text}/", visit.look)
            form.add_error("code", found.sentence)
            return whole(visit, "ballots/enter.html", {"form": form}, 422, wrong=found is Refusal.UNKNOWN)
        return whole(visit, "ballots/enter.html", {"form": form}, 422)


def rate(visit: Visit, now: Snapshot, text: str) -> Page:
    """The questions about one secretary."""
    if isinstance(holder := entitlement(now, text, at=present()), Refusal):
        return refused_code(visit, text, holder)
    round = holder.season.rounds[Round.Kind.SECRETARIES]
    indicators = holder.season.rules.indicators
    keys = [indicator.key for indicator in indicators]
    if (standing := round.standing(visit.at)) != Round.State.OPEN:
        marks = "".join([visit.form.get(key, [""])[0] for key in keys])
        return (yield from came_late(visit, holder, round, marks, standing))
    if not visit.is_post:
        return (yield from shown(visit, holder, round, "ballots/rate.html", rate_context))
    takes_comments = holder.season.rules.residents.comments
    fields = visit.fields([*keys, "nonce", "comment"] if takes_comments else [*keys, "nonce"])
    comment = comments.plain(fields["comment"][0]) if fields.get("comment", [""])[0] else ""
    marks = "".join([fields.get(key, [""])[0] for key in keys])
    # Judged by the form, except for what is plainly right.
    is_right = len(marks) == len(fields.keys() & set(keys)) == len(keys) and MARKS.fullmatch(marks)
    if not is_right or len(comment) > comments.LONGEST:
        with translation.override(visit.look.language):
            form = RatingForm(indicators, MultiValueDict(fields))
            if not form.is_valid() or len(comment) > comments.LONGEST:
                named = {
                    "secretary": holder.neighbourhood.secretary,
                    "subdistrict": holder.neighbourhood.subdistrict,
                }
                said = {"comment": comment, "comment_too_long": max(len(comment) - comments.LONGEST, 0)}
                context = rate_context(holder) | named | said | {"form": form}
                return whole(visit, "ballots/rate.html", context | sent_again(visit, holder), 422)
            marks = form.marks
    return (yield from vote(visit, holder, round, marks, comments.masked(comment) if comment else ""))


def pick(visit: Visit, now: Snapshot, text: str) -> Page:
    """All projects of the season; the resident picks a few."""
    if isinstance(holder := entitlement(now, text, at=present()), Refusal):
        return refused_code(visit, text, holder)
    round = holder.season.rounds[Round.Kind.PROJECTS]
    if (standing := round.standing(visit.at)) != Round.State.OPEN:
        marks = ",".join(sorted(set(visit.form.get("picks", [])), key=lambda pick: (len(pick), pick)))
        return (yield from came_late(visit, holder, round, marks, standing))
    credential = holder.credential(round.kind)
    if not visit.is_post:
        own, groups = project_groups(holder, visit.look, random.Random(credential))
        return (
            yield from shown(
                visit,
                holder,
                round,
                "ballots/pick.html",
                pick_context,
                {"own": skeletons.packed(own.encode(), 4), "groups": skeletons.packed(groups.encode(), 4)},
                variant=(bool(own), bool(groups)),
            )
        )
    fields = visit.fields(["nonce"], several="picks")
    with translation.override(visit.look.language):
        form = PicksForm(
            holder.season.names.projects, holder.season.rules.popular_projects, MultiValueDict(fields)
        )
        if not form.is_valid():
            picked = frozenset(fields.get("picks", []))
            own, groups = project_groups(holder, visit.look, random.Random(credential), picked)
            context = pick_context(holder, bool(own), bool(groups)) | {
                "form": form,
                "own": own,
                "groups": groups,
            }
            return whole(visit, "ballots/pick.html", context | sent_again(visit, holder), 422)
        marks = form.marks
    return (yield from vote(visit, holder, round, marks))


def thanks(visit: Visit, now: Snapshot, typed: str) -> Page:
    """The receipt, after a vote; loading it again sends nothing again.

    Its address holds the receipt and nothing that votes, so that it can be shown and passed on. What leads on to further
    votes is there for the browser that cast this one: it brings what it voted with, if it keeps cookies. A browser that
    keeps none is told to scan the card again.
    """
    if visit.is_post:
        raise Unreadable(405, "method")
    found = yield from ballot_of(now, typed)
    if found is None:
        with translation.override(visit.look.language):
            form = ReceiptForm({"receipt": typed})
            return whole(visit, "ballots/receipt.html", {"form": form, "asked": True}, 404)
    round, ballot = found
    receipt = codes.grouped(codes.normalised(typed), 5)
    holder = holder_of(visit, now, round, ballot)
    can_vote_again = ballot.channel not in (Ballot.Channel.ASSISTED, Ballot.Channel.PAPER)
    invites = (
        round.kind == Round.Kind.SECRETARIES
        and (can_vote_again or holder is not None)
        and takes_picks(visit, now, round)
    )
    officer_page = officer_page_of(holder) if holder else ""
    standing = round.standing(visit.at)
    variant = (round.kind, standing, ballot.status, ballot.channel, invites, bool(holder))
    page = skeletons.skeleton(
        skeletons.kept,
        visit.look,
        "ballots/thanks.html",
        variant,
        lambda: {
            "round": round,
            "standing": standing,
            "status": ballot.status,
            "channel": ballot.channel,
            "is_own": bool(holder),
            # Relative, to addresses that hold no code either.
            "change_page": "change/",
            "projects_page": "projects/",
            "can_change": can_vote_again and standing == Round.State.OPEN,
            "officer_page": officer_page and slot("officer_page"),
            "invites_to_projects": invites,
            "receipt": slot("receipt"),
            "square": slot("square"),
        },
    )
    address = f"{settings.PUBLIC_URL or visit.site}{receipt_path()}?receipt="
    values = {
        "receipt": passing_piece(receipt),
        "square": passing_piece(square(address, receipt)),
        "officer_page": passing_piece(officer_page),
    }
    return filled(page, values)


def onward(visit: Visit, now: Snapshot, typed: str, where: str) -> Page:
    """From the receipt's page to the questions or to the projects, for the browser that cast this vote."""
    if visit.is_post:
        raise Unreadable(405, "method")
    found = yield from ballot_of(now, typed)
    holder = holder_of(visit, now, *found) if found else None
    if found is None or holder is None:
        return see_other("/v/", visit.look)
    rest = "projects/" if where == "projects" or found[0].kind == Round.Kind.PROJECTS else ""
    return see_other(f"/v/{holder.text}/{rest}", visit.look)


def former_thanks(visit: Visit, typed: str) -> Page:
    """Where the receipt's page was once: in an address with the code in it."""
    yield from ()
    return see_other(f"/v/thanks/{quote(typed)}/", visit.look)


# What pages are made of


def shown(
    visit: Visit,
    holder: Entitlement,
    round: RoundNow,
    template: str,
    context: Any,
    values: Mapping[str, Piece] | None = None,
    variant: tuple[Any, ...] = (),
) -> Page:
    """A page to vote on, which says whether the household has voted already."""
    voted = yield HasVoted(round.pk, holder.credential(round.kind))
    if voted and holder.votes_once:
        return no_vote_left(visit, holder, voted_already)
    page = skeletons.skeleton(
        holder.season.names.pages,
        visit.look,
        template,
        (voted, holder.season.dates, holder.is_by_card, holder.channel, *variant),
        lambda: context(holder, *variant) | {"voted": voted, "nonce": slot("nonce")},
    )
    return filled(
        page, {**names_of(holder), **(values or {}), "nonce": passing_piece(codes.new_nonce().hex())}
    )


def rate_context(holder: Entitlement) -> dict[str, Any]:
    return {
        "form": RatingForm(holder.season.rules.indicators),
        # An officer who helps would read it.
        "takes_comments": holder.season.rules.residents.comments and not holder.votes_once,
        "longest_comment": comments.LONGEST,
        "dates": holder.season.dates,
        "by_card": holder.is_by_card,
        "secretary": slot("secretary"),
        "place": slot("place"),
        "subdistrict": slot("subdistrict"),
    }


def pick_context(holder: Entitlement, has_own: bool, has_groups: bool) -> dict[str, Any]:
    return {
        "form": None,
        "rules": holder.season.rules.popular_projects,
        "by_card": holder.is_by_card,
        "own": slot("own") if has_own else "",
        "groups": slot("groups") if has_groups else "",
    }


def names_of(holder: Entitlement) -> dict[str, Piece]:
    """What a page calls the neighbourhood and its secretary."""
    pages = holder.season.names.pages
    key = holder.neighbourhood.number
    if key not in pages:
        pages[key] = {
            "secretary": passing_piece(holder.neighbourhood.secretary),
            "place": passing_piece(holder.neighbourhood.name),
            "subdistrict": passing_piece(holder.neighbourhood.subdistrict),
        }
    return pages[key]


def vote(visit: Visit, holder: Entitlement, round: RoundNow, marks: str, comment: str = "") -> Page:
    """Take a vote and lead to its receipt; else say why it was not taken."""
    cast = Cast(
        holder.neighbourhood.enrolment_id,
        holder.credential(round.kind),
        marks,
        nonce=bytes.fromhex(nonce_of(visit)),
        channel=holder.channel,
        in_sample=holder.in_sample,
        origin=origin_of(visit, holder, round),
        comment=comment,
    )
    try:
        receipt = yield Store(round.pk, holder.season.key, cast)
    except Refused as refused:
        if against := AGAINST.get(refused.blockers[0].code):
            return no_vote_left(visit, holder, against)
        # Closed or paused while the resident was choosing.
        return (yield from came_late(visit, holder, round, marks, (yield StateOf(round.pk))))
    return received(visit, holder, receipt)


def came_late(visit: Visit, holder: Entitlement, round: RoundNow, marks: str, standing: str) -> Page:
    """Why no vote is taken now; or the receipt of this very page, if it was stored and is sent again for want of an answer."""
    if visit.is_post:
        key = holder.season.key
        receipt = codes.receipt_of(key, holder.credential(round.kind), bytes.fromhex(nonce_of(visit)))
        if (yield IsStored(codes.receipt_digest(key, receipt), marks)):
            return received(visit, holder, receipt)
    return not_open(visit, holder, standing)


def received(visit: Visit, holder: Entitlement, receipt: str) -> Answer:
    """On to the page of the receipt, whose address votes for nobody."""
    answer = see_other(f"/v/thanks/{receipt}/", visit.look)
    answer.voted_with = holder.text
    return answer


def nonce_of(visit: Visit) -> str:
    """The page's own number, by which it is known if it is sent again; a new one if it has none."""
    [sent] = visit.form.get("nonce", [""])
    return sent if NONCE.fullmatch(sent) else codes.new_nonce().hex()


def origin_of(visit: Visit, holder: Entitlement, round: RoundNow) -> bytes | None:
    if not visit.address:
        return None
    return codes.origin_digest(holder.season.key, round.kind, day_at(int(time.time()) // 60), visit.address)


def present() -> datetime.datetime:
    """This moment in the site's own time, to the second."""
    return moment_at(int(time.time()))


@lru_cache(1)
def moment_at(second: int) -> datetime.datetime:
    return localtime(datetime.datetime.fromtimestamp(second, datetime.UTC))


@lru_cache(1)
def day_at(minute: int) -> str:
    """The date in the site's own time."""
    return localdate(datetime.datetime.fromtimestamp(minute * 60, datetime.UTC)).isoformat()


def sent_again(visit: Visit, holder: Entitlement) -> dict[str, Any]:
    """What a page that comes back with its faults is told besides."""
    return {"nonce": nonce_of(visit), "place": holder.neighbourhood.name, "voted": False}


def ballot_of(now: Snapshot, typed: str) -> Generator[Any, Any, tuple[RoundNow, FoundBallot] | None]:
    """The ballot with this receipt, and its round."""
    if len(codes.normalised(typed)) != codes.RECEIPT_SYMBOLS:
        return None
    found = yield BallotOf(tuple(codes.receipt_digest(season.key, typed) for season in now.seasons))
    if found is None:
        return None
    rounds = {round.pk: round for season in now.seasons for round in season.rounds.values()}
    return (rounds[found.round], found) if found.round in rounds else None


def holder_of(visit: Visit, now: Snapshot, round: RoundNow, ballot: FoundBallot) -> Entitlement | None:
    """Whoever cast the ballot, if it is their browser that asks. Of two households on one phone only the last."""
    if not visit.voted_with:
        return None
    holder = entitlement(now, visit.voted_with, at=present())
    if isinstance(holder, Refusal) or holder.credential(round.kind) != ballot.credential:
        return None
    return holder


def takes_picks(visit: Visit, now: Snapshot, round: RoundNow) -> bool:
    """Whether there are projects to choose from now in the season of this round."""
    for season in now.seasons:
        if round in season.rounds.values():
            projects = season.rounds[Round.Kind.PROJECTS]
            return projects.standing(visit.at) == Round.State.OPEN and bool(season.names.projects)
    return False


def refused_code(visit: Visit, text: str, refusal: Refusal) -> Answer:
    """The page that asks for a code, with what was in the address and what is wrong with it."""
    with translation.override(visit.look.language):
        # A pass is not shown: nobody can mend it.
        is_pass = text.startswith(passes.PREFIX)
        form = CodeForm({"code": "" if is_pass else text[: codes.LONGEST_TYPED]})
        if form.is_valid() or is_pass:
            form.errors.pop("code", None)
            form.add_error("code", refusal.sentence)
        return whole(visit, "ballots/enter.html", {"form": form}, 404, wrong=refusal is Refusal.UNKNOWN)


def not_open(visit: Visit, holder: Entitlement, standing: str) -> Answer:
    """No voting now: 200 to somebody who only looks, 409 to a vote that was not taken."""
    page = skeletons.skeleton(
        skeletons.kept,
        visit.look,
        "ballots/not_open.html",
        (standing, visit.is_post, holder.season.dates),
        lambda: {
            "standing": standing,
            "is_post": visit.is_post,
            "dates": holder.season.dates,
            "place": slot("place"),
        },
    )
    return filled(page, names_of(holder), status=409 if visit.is_post else 200)


def no_vote_left(visit: Visit, holder: Entitlement, against: Callable[[], Blocker]) -> Answer:
    """What was sent before stays: 200 to somebody who only looks, 409 to a vote that was not taken."""
    with translation.override(visit.look.language):
        context = {
            "blocker": against(),
            "is_post": visit.is_post,
            "officer_page": officer_page_of(holder),
        }
    return whole(visit, "ballots/no_vote_left.html", context, 409 if visit.is_post else 200)


def officer_page_of(holder: Entitlement) -> str:
    """Where the device goes on being the officer's, where it was handed over."""
    return reverse("ballots:assisted", args=[holder.neighbourhood.code]) if holder.votes_once else ""


def busy(visit: Visit) -> Answer:
    """Too much at once, or no database: what was answered is kept on the page, to be sent again."""
    context = {"fields": fields_kept(visit), "is_post": visit.is_post}
    answer = whole(visit, "ballots/busy.html", context, 503)
    answer.headers.append(("retry-after", RETRY_AFTER))
    return answer


def too_often(visit: Visit, seconds: int) -> Answer:
    """Too many of one household in a short while: kept in the same way."""
    answer = whole(visit, "ballots/too_often.html", {"fields": fields_kept(visit)}, 429)
    answer.headers.append(("retry-after", str(seconds)))
    return answer


def fields_kept(visit: Visit) -> list[tuple[str, str]]:
    """What was sent, to be sent again as the same page."""
    if not visit.is_post:
        return []
    try:
        kept = visit.form | {"nonce": [nonce_of(visit)]}
    except Unreadable:
        return []
    return [(name, value) for name, values in kept.items() for value in values]


def too_many_wrong_codes(visit: Visit) -> Answer:
    """What a wrong code is answered with where too many came from; a right one goes through."""
    answer = standing(visit, "ballots/slow_down.html", status=429)
    answer.headers.append(("retry-after", RETRY_AFTER))
    return answer


def not_understood(visit: Visit, unreadable: Unreadable) -> Answer:
    with translation.override(visit.look.language):
        context = {"sentence": _(UNREADABLE[unreadable.reason])}
    answer = whole(visit, "ballots/unreadable.html", context, unreadable.status)
    if unreadable.status == 405:
        answer.headers.append(("allow", ", ".join(METHODS)))
    return answer


def our_mistake(visit: Visit) -> Answer:
    return standing(visit, "500.html", status=500)


def standing(visit: Visit, template: str, context: dict[str, Any] | None = None, status: int = 200) -> Answer:
    """A page that is the same for everybody."""
    page = skeletons.skeleton(skeletons.kept, visit.look, template, (), lambda: context or {})
    return filled(page, {}, status)


def filled(page: skeletons.Skeleton, values: Mapping[str, Piece], status: int = 200) -> Answer:
    return Answer(status, *page.filled(values))


def whole(
    visit: Visit, template: str, context: dict[str, Any], status: int = 200, *, wrong: bool = False
) -> Answer:
    """A page that is rendered for this visit alone."""
    page = skeletons.Skeleton(
        (skeletons.packed(skeletons.rendered(visit.look, template, context).encode(), 4),)
    )
    return Answer(status, *page.filled({}), is_wrong_code=wrong)


@lru_cache(1)
def receipt_path() -> str:
    return reverse("ballots:receipt")
