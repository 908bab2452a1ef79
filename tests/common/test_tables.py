import pytest
from django.apps import apps
from django.db import connection, models

pytestmark = pytest.mark.django_db


def first_tables() -> list[type[models.Model]]:
    ours = [config for config in apps.get_app_configs() if config.name.startswith("dongliang.")]
    return [model for config in ours for model in config.get_models(include_auto_created=True)]


@pytest.mark.parametrize("model", first_tables(), ids=lambda model: model._meta.label)
def test_a_table_holds_what_its_model_says(model):
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} WHERE 1 = 0")
        columns = {column[0] for column in cursor.description}
        relations = connection.introspection.get_relations(cursor, table)

    assert columns == {field.column for field in model._meta.local_fields}
    assert relations.keys() == {field.column for field in model._meta.local_fields if field.remote_field}
