"""What a resident may read: what their own code and receipt lead to; the pages ask for many residents at once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.integrity import is_by_panel
from dongliang.ballots.queries.proof import PublishedReceipt, published_receipt
from dongliang.ballots.queries.rounds import rounds_of, seasons_with_rounds
from dongliang.common.arrays import array_literal
from dongliang.common.steps import Ask, Row, Steps
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent

# What the rule book calls a way, by what a ballot calls it.
WAYS = {
    Ballot.Channel.CODE: "household_code",
    Ballot.Channel.SMS: "sms",
    Ballot.Channel.WECHAT: "wechat",
    Ballot.Channel.ASSISTED: "assisted",
    Ballot.Channel.PAPER: "paper",
}


def is_accepted(rules: RuleBookContent, channel: str) -> bool:
    """Whether the rules let the right to vote be shown in this way."""
    return WAYS[Ballot.Channel(channel)] in rules.residents.verification


def votes_counted(votes: Collection[tuple[int, bytes]]) -> Steps[set[tuple[int, bytes]]]:
    """Those of ``votes``, each a round's id and a credential, of which a ballot is counted."""
    rows = yield from rows_among(
        "round_id, credential",
        "status = 'counted' AND credential",
        {credential for _round, credential in votes},
    )
    return {(round, bytes(credential)) for round, credential in rows} & set(votes)


class FoundBallot(NamedTuple):
    """What a receipt leads to. Never its marks."""

    round: int
    status: str
    channel: str
    credential: bytes


def ballots_with(receipts: Collection[bytes]) -> Steps[dict[bytes, FoundBallot]]:
    """The ballots with these receipt digests."""
    rows = yield from rows_among("receipt, round_id, status, channel, credential", "receipt", set(receipts))
    return {
        bytes(receipt): FoundBallot(round, status, channel, bytes(credential))
        for receipt, round, status, channel, credential in rows
    }


def rows_among(columns: str, where: str, digests: set[bytes]) -> Steps[list[Row]]:
    """``columns`` of the ballots where ``where`` equals one of the digests, however a database spells that."""
    if not digests:
        return []
    table = Ballot._meta.db_table
    if connection.vendor == "postgresql":
        # Each is looked up by itself (OFFSET 0): PostgreSQL does not know how full the table is while a round fills it.
        statement = f"""
            SELECT ballot.* FROM unnest(%s::bytea[]) AS wanted (digest)
            CROSS JOIN LATERAL (SELECT {columns} FROM {table} WHERE {where} = digest OFFSET 0) AS ballot
        """
        return (yield Ask(statement, [array_literal(digests)]))
    among = ", ".join(["%s"] * len(digests))
    return (yield Ask(f"SELECT {columns} FROM {table} WHERE {where} IN ({among})", list(digests)))


@dataclass(frozen=True)
class ReceiptStatus:
    """What a receipt tells: which round, which neighbourhood, and whether the ballot counts. Never its marks.

    ``published`` is its line in the last statement, once the round is closed.
    """

    round: Round
    enrolment: Enrolment
    status: str
    exclusion: str = ""
    # Whether two people decided that it does not count.
    by_panel: bool = False
    published: PublishedReceipt | None = None
    # How the right to vote was shown; what was published does not say it.
    channel: str = ""

    @property
    def is_newer_than_published(self) -> bool:
        """Whether it was decided upon after the last statement."""
        leaf = self.published.leaf if self.published else None
        return leaf is not None and (leaf.status, leaf.exclusion) != (self.status, self.exclusion)


def receipt_status(text: str) -> ReceiptStatus | None:
    """What became of the ballot a receipt was given for; None if no ballot has it. Raises Refused.

    While there is a key it is the ballot that is asked; after that, what was published.
    """
    if len(codes.normalised(text)) != codes.RECEIPT_SYMBOLS:
        return None
    published = published_receipt(text)
    digests = [codes.receipt_digest(key, text) for _season, key in seasons_with_rounds()]
    ballot = Ballot.objects.filter(receipt__in=digests).select_related("round__season").first()
    if ballot:
        enrolment = enrolments(ballot.round.season).get(pk=ballot.enrolment_id)
        return told_status(
            ballot.round, enrolment, ballot.status, ballot.exclusion, published, ballot.channel
        )
    if published:
        season, leaf = published.statement.season, published.leaf
        enrolment = enrolments(season).get(number=leaf.number)
        return told_status(rounds_of(season)[leaf.kind], enrolment, leaf.status, leaf.exclusion, published)
    return None


def told_status(
    round: Round,
    enrolment: Enrolment,
    status: str,
    exclusion: str,
    published: PublishedReceipt | None,
    channel: str = "",
) -> ReceiptStatus:
    by_panel = bool(exclusion) and is_by_panel(round, enrolment, exclusion)
    return ReceiptStatus(round, enrolment, status, exclusion, by_panel, published, channel)


def enrolments_with_project(season: Season) -> QuerySet[Enrolment]:
    """Everyone whose first thing can be picked, with it. Its number on a ballot is the secretary's."""
    return enrolments(season).filter(first_thing__isnull=False).select_related("first_thing")
