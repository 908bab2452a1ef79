from typing import Any

from django.db import migrations, models
from django.utils.timezone import localtime


def forget_minutes(apps: Any, schema_editor: Any) -> None:
    """What is emptied from now on when a search ends, for those that have; and the minute of assisted votes."""
    ballots = apps.get_model("ballots", "Ballot").objects
    ballots.filter(round__search_ended_at__isnull=False).update(origin=None, cast_at=None, channel="")
    for voice in apps.get_model("ballots", "AssistedVoice").objects.iterator():
        voice.at = localtime(voice.at).replace(hour=0, minute=0, second=0, microsecond=0)
        voice.save(update_fields=["at"])


class Migration(migrations.Migration):
    dependencies = [
        ("ballots", "0003_moments_of_voting"),
    ]

    operations = [
        migrations.AlterField(
            model_name="assistedvoice",
            name="at",
            field=models.DateTimeField(verbose_name="day"),
        ),
        migrations.AlterField(
            model_name="ballot",
            name="cast_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="cast at"),
        ),
        migrations.AlterField(
            model_name="ballot",
            name="channel",
            field=models.CharField(
                blank=True,
                choices=[
                    ("code", "household code"),
                    ("sms", "code by text message"),
                    ("wechat", "WeChat"),
                    ("assisted", "with an officer's help"),
                    ("paper", "on paper"),
                ],
                default="code",
                max_length=8,
                verbose_name="way",
            ),
        ),
        migrations.AlterField(
            model_name="ballot",
            name="exclusion",
            field=models.CharField(
                blank=True,
                choices=[
                    ("revoked", "the card was declared lost"),
                    ("burst", "many alike in a short time"),
                    ("origin", "many alike from one connection"),
                    ("straight", "more of one mark throughout than chance explains"),
                    ("copies", "more copies of one sheet than chance explains"),
                    ("cards", "consecutive cards used together"),
                    ("unproven", "not cast here: the key did not make its receipt"),
                ],
                max_length=8,
                verbose_name="reason",
            ),
        ),
        migrations.AlterField(
            model_name="flag",
            name="kind",
            field=models.CharField(
                choices=[
                    ("revoked", "the card was declared lost"),
                    ("burst", "many alike in a short time"),
                    ("origin", "many alike from one connection"),
                    ("straight", "more of one mark throughout than chance explains"),
                    ("copies", "more copies of one sheet than chance explains"),
                    ("cards", "consecutive cards used together"),
                    ("unproven", "not cast here: the key did not make its receipt"),
                ],
                max_length=8,
                verbose_name="kind",
            ),
        ),
        migrations.RunPython(forget_minutes, migrations.RunPython.noop),
    ]
