import datetime
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account, Organisation, TenureKind
from dongliang.people.queries import current_tenures
from dongliang.seasons.models import Enrolment, Phase, RuleBook, Season
from dongliang.seasons.queries import (
    closing_blockers,
    creation_blockers,
    freeze_blockers,
    opening_blockers,
    revision_blockers,
)
from dongliang.seasons.rulebook import RuleBookContent, validated


@transaction.atomic
def create_season(
    district: Organisation,
    *,
    slug: str,
    rules: RuleBookContent,
    by: Account | None,
    opens_on: datetime.date | None = None,
    closes_on: datetime.date | None = None,
) -> Season:
    """A season in preparation, with ``rules`` as the first version of its rule book. Raises Refused."""
    if blockers := creation_blockers(district, slug):
        raise Refused(blockers)
    season = Season.objects.create(
        district=district, slug=slug, title=title_of(rules), opens_on=opens_on, closes_on=closes_on
    )
    season.rule_books.create(content=rules.document, sha256=rules.sha256)
    log_action("seasons.season.created", season, by=by, rule_book=rules.sha256)
    return season


def title_of(rules: RuleBookContent) -> str:
    return rules.title.zh[: Season._meta.get_field("title").max_length]


@transaction.atomic
def revise_rule_book(
    season: Season, document: dict[str, Any], *, reason: str, by: Account | None
) -> RuleBook:
    """Put ``document`` in force: in place of a version not yet frozen, else as a new version with its reason."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := revision_blockers(season, reason):
        raise Refused(blockers)
    rules = validated(document)
    book = season.rule_book
    if book.frozen_at:
        book = RuleBook(season=season, version=book.version + 1)
    book.content, book.sha256, book.reason = rules.document, rules.sha256, reason
    book.save()
    season.title = title_of(rules)
    season.save(update_fields=["title"])
    log_action("seasons.rule_book.revised", book, by=by, rule_book=rules.sha256, reason=reason)
    return book


@transaction.atomic
def freeze_rule_book(season: Season, *, by: Account | None) -> RuleBook:
    """Fix the newest version for good. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := freeze_blockers(season):
        raise Refused(blockers)
    book = season.rule_book
    book.frozen_at, book.frozen_by = now(), by
    book.save(update_fields=["frozen_at", "frozen_by"])
    log_action("seasons.rule_book.frozen", book, by=by, rule_book=book.sha256)
    return book


@transaction.atomic
def open_season(season: Season, *, by: Account | None) -> Season:
    """Enrol everyone now in post and open the season. Raises Refused, naming every blocker."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := opening_blockers(season):
        raise Refused(blockers)
    enrol_secretaries(season)
    season.phase = Phase.OPEN
    season.save(update_fields=["phase"])
    log_action(
        "seasons.season.opened",
        season,
        by=by,
        rule_book=season.rule_book.sha256,
        enrolled=season.enrolments.count(),
    )
    return season


@transaction.atomic
def enrol_secretaries(season: Season) -> None:
    """Bring the enrolments of a season in preparation in line with who is in post.

    Whoever left is taken out, whoever came is added; numbers follow the codes of the neighbourhoods for those
    who come at once, and a number once given stays. Nothing happens to a season that has opened.
    """
    if season.phase != Phase.PREPARING:
        return
    in_post = {(tenure.post_id, tenure.person_id): tenure for tenure in current_tenures(season.district)}
    enrolled = {(entry.post_id, entry.person_id): entry for entry in season.enrolments.all()}
    season.enrolments.filter(
        pk__in=[entry.pk for key, entry in enrolled.items() if key not in in_post]
    ).delete()
    last = season.enrolments.order_by("-number").values_list("number", flat=True).first() or 0
    fresh = [tenure for key, tenure in in_post.items() if key not in enrolled]
    Enrolment.objects.bulk_create(
        Enrolment(
            season=season,
            number=number,
            post=tenure.post,
            person=tenure.person,
            is_new=tenure.kind == TenureKind.NEW,
        )
        for number, tenure in enumerate(fresh, start=last + 1)
    )


@transaction.atomic
def close_season(season: Season, *, by: Account | None) -> Season:
    """End all collecting; what has come in is what is scored. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := closing_blockers(season):
        raise Refused(blockers)
    season.phase = Phase.CLOSED
    season.save(update_fields=["phase"])
    log_action("seasons.season.closed", season, by=by)
    return season
