from typing import Any

from django.db import migrations

BATCH = 500


def take_over(apps: Any, schema_editor: Any) -> None:
    """A sheet sent before there were versions is its own first version."""
    Response = apps.get_model("review", "Response")
    Submission = apps.get_model("review", "Submission")
    batch = []
    for response in Response.objects.order_by("pk").iterator(chunk_size=BATCH):
        batch.append(
            Submission(
                assignment_id=response.assignment_id,
                version=1,
                marks=response.marks,
                project_mark=response.project_mark,
                note=response.note,
                received_at=response.submitted_at,
                sent_by_id=response.submitted_by_id,
            )
        )
        if len(batch) == BATCH:
            Submission.objects.bulk_create(batch)
            batch = []
    Submission.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [("review", "0002_keep_every_submission_ruling_and_photo")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
