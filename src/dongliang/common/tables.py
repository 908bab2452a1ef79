"""Migrations that make an app's first tables."""

from typing import Any

from django.db import migrations
from django.db.migrations.state import ProjectState


class FirstTables(migrations.Migration):
    """A migration of nothing but CreateModel, all of whose models are known before the first table is made.

    Django would render every related model anew after each operation, which for a hundred tables takes a quarter of a
    minute: each new installation would wait for it, and each test of one.
    """

    initial = True

    def apply(
        self, project_state: ProjectState, schema_editor: Any, collect_sql: bool = False
    ) -> ProjectState:
        before = project_state.clone()
        # What is rendered once more below, with all models.
        vars(project_state).pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(self.app_label, project_state)
        for operation in self.operations:
            operation.database_forwards(self.app_label, schema_editor, before, project_state)
        return project_state
