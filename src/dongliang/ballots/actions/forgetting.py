"""Taking from ballots what could still lay them beside somebody's records, once the search for patterns is over."""

from django.db import connection
from django.db.models import Count, Q

from dongliang.ballots.models import Ballot, FlaggedBallot, Round

TABLE = Ballot._meta.db_table
# What stays of a ballot; its number is drawn anew.
KEPT = "round_id, enrolment_id, credential, receipt, nonce, channel, in_sample, origin, marks, status, exclusion, cast_at"
ASIDE = "ballots_of_a_round_aside"


def forget_traces(round: Round) -> dict[str, int]:
    """Empty each ballot's minute, way and origin, and write all of them anew in an order of chance; answer the ways.

    The ways are told as numbers of the whole round, and are nowhere afterwards. Which ballot stood under which flag goes
    as well: what was decided stands in the ballots and in the flag's numbers. In the transaction that ends the search.
    """
    ways = dict(
        round.ballots.order_by().exclude(channel="").values_list("channel").annotate(count=Count("pk"))
    )
    FlaggedBallot.objects.filter(flag__round=round).delete()
    ballots = Ballot.objects.filter(round=round)
    ballots.update(origin=None, cast_at=None, channel="")
    if round.kind == Round.Kind.PROJECTS:
        # Nothing is compared with it there, and it would lead from a household's picks to its rating.
        ballots.filter(in_sample=True).update(in_sample=False)
    write_anew(round)
    return ways


def not_forgotten(round: Round) -> bool:
    """Whether some of the round's ballots still have a trace: where the search ended under an earlier version, or never."""
    return round.ballots.filter(Q(origin__isnull=False) | Q(cast_at__isnull=False)).exists()


def write_anew(round: Round) -> None:
    """The round's ballots under new numbers and in new places, both by chance: a household's two were neighbours.

    All of them are set aside, taken out and put back within one transaction, so that at no moment one is missing.
    """
    chance = "gen_random_uuid()" if connection.vendor == "postgresql" else "randomblob(16)"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {ASIDE}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {ASIDE} AS SELECT {KEPT} FROM {TABLE} WHERE round_id = %s ORDER BY {chance}",
            [round.pk],
        )
        cursor.execute(f"DELETE FROM {TABLE} WHERE round_id = %s", [round.pk])
        before = cursor.rowcount
        cursor.execute(f"INSERT INTO {TABLE} ({KEPT}) SELECT {KEPT} FROM {ASIDE} ORDER BY {chance}")
        if cursor.rowcount != before:
            raise RuntimeError(f"{before} ballots were taken out and {cursor.rowcount} put back")
        cursor.execute(f"DROP TABLE {ASIDE}")
