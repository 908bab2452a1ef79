"""What is made again and again the same is made once: its rows are kept, and written again as they were."""

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.utils.timezone import now

from dongliang.ballots import keys
from dongliang.people.models import Account, Organisation, Person
from dongliang.seasons.models import Season

# A test may be about what happened today, or a while ago.
FRESH = timedelta(minutes=20)
# Far below what any database takes with one statement.
VALUES = 900


@dataclass
class Memory:
    at: datetime
    rows: list[tuple[type[models.Model], list[models.Model]]]
    keys: dict[str, bytes]
    world: bytes


def remembered(make: Callable[..., Any]) -> Callable[..., Any]:
    """Have ``make`` work twice at most for the same world; from then on write what it wrote, under the same numbers.

    That holds in an empty database, for a while, for arguments whose ``repr`` tells all of them.
    """
    memories: dict[str, Memory | None] = {}

    @functools.wraps(make)
    def remember(**options: Any) -> Any:
        if not is_empty():
            return make(**options)
        key = f"{now():%Y-%m-%d} {sorted(options.items())}"
        # What one test alone asks for is not worth keeping.
        is_known, memory = key in memories, memories.setdefault(key, None)
        if not is_known:
            return make(**options)
        if memory is None or not timedelta() <= now() - memory.at < FRESH:
            if any(model._base_manager.exists() for model in tables()):
                return make(**options)
            at, world = now(), make(**options)
            memories[key] = Memory(at, rows_of_tables(), keys_of_seasons(), pickle.dumps(world))
            return world
        write(memory)
        return pickle.loads(memory.world)

    return remember


def is_empty() -> bool:
    return not any(model._base_manager.exists() for model in (Organisation, Account, Person, Season))


def tables() -> list[type[models.Model]]:
    """Of the product, and what joins them; Django's own rows are there in every empty database."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model.__module__.startswith("dongliang.") and not model._meta.proxy]


def rows_of_tables() -> list[tuple[type[models.Model], list[models.Model]]]:
    found = ((model, list(model._base_manager.order_by("pk"))) for model in tables())
    return [(model, rows) for model, rows in found if rows]


def keys_of_seasons() -> dict[str, bytes]:
    """The keys that were made with the rounds; another may lie there from an earlier test."""
    slugs = Season._base_manager.filter(rounds__isnull=False).values_list("slug", flat=True)
    return {slug: keys.path_of(slug).read_bytes() for slug in slugs}


def write(memory: Memory) -> None:
    with transaction.atomic():
        for model, rows in memory.rows:
            fields = model._meta.concrete_fields
            step = VALUES // len(fields)
            for start in range(0, len(rows), step):
                # As they are: not with the time of now where a row tells when it was made.
                model._base_manager.all()._insert(
                    rows[start : start + step], fields=fields, using="default", raw=True
                )
    for slug, content in memory.keys.items():
        path = keys.path_of(slug)
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(content)
            path.chmod(0o600)
