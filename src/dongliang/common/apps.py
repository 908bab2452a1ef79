from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.backends.signals import connection_created


class CommonConfig(AppConfig):
    name = "dongliang.common"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dongliang.common.databases import check_durability

        register(check_durability, Tags.database)
        connection_created.connect(agree_with_postgres, dispatch_uid="agree with PostgreSQL")


def agree_with_postgres(connection: Any, **_more: Any) -> None:
    """The one place where every connection of Django's passes."""
    from dongliang.common.databases import agree

    if connection.vendor == "postgresql":
        agree(connection.connection)
