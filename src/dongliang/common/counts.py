"""Columns that count what belongs to a row, each by itself.

Joined, two of them would multiply: thirty members with a hundred questions are three thousand rows to group and to tell
apart again. A question within the question reads an index, once a row.
"""

from typing import Any

from django.db.models import Aggregate, Count, Manager, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce


def of_each(rows: QuerySet[Any] | Manager[Any], field: str, aggregate: Aggregate) -> Subquery:
    """The ``aggregate`` of those of ``rows`` whose ``field`` is the row at hand; None where there are none."""
    own = rows.filter(**{field: OuterRef("pk")}).order_by().values(field)
    return Subquery(own.annotate(aggregate_of_each=aggregate).values("aggregate_of_each"))


def count_of_each(rows: QuerySet[Any] | Manager[Any], field: str) -> Coalesce:
    """How many of ``rows`` have the row at hand as their ``field``."""
    return Coalesce(of_each(rows, field, Count("pk")), 0)
