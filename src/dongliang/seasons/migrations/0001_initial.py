import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("people", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Season",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "district",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seasons",
                        to="people.organisation",
                        verbose_name="district",
                    ),
                ),
                ("slug", models.SlugField(max_length=40, unique=True, verbose_name="short name")),
                ("title", models.CharField(max_length=80, verbose_name="title")),
                (
                    "phase",
                    models.CharField(
                        choices=[("preparing", "preparing"), ("open", "open"), ("closed", "closed")],
                        default="preparing",
                        max_length=10,
                        verbose_name="phase",
                    ),
                ),
                ("opens_on", models.DateField(blank=True, null=True, verbose_name="opens on")),
                ("closes_on", models.DateField(blank=True, null=True, verbose_name="closes on")),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="RuleBook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "season",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rule_books",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(default=1, verbose_name="version")),
                ("content", models.JSONField(verbose_name="content")),
                ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                (
                    "reason",
                    models.CharField(blank=True, max_length=300, verbose_name="reason for this version"),
                ),
                ("frozen_at", models.DateTimeField(blank=True, null=True, verbose_name="frozen at")),
                (
                    "frozen_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["season", "version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("season", "version"), name="rule_book_version_unique_in_season"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Enrolment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "season",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="enrolments",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enrolments",
                        to="people.post",
                        verbose_name="post",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enrolments",
                        to="people.person",
                        verbose_name="secretary",
                    ),
                ),
                ("is_new", models.BooleanField(verbose_name="new after the election")),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("season", "number"), name="enrolment_number_unique_in_season"
                    ),
                    models.UniqueConstraint(fields=("season", "post"), name="a_post_is_enrolled_once"),
                    models.UniqueConstraint(fields=("season", "person"), name="a_person_is_enrolled_once"),
                    models.CheckConstraint(
                        condition=models.Q(("number__gt", 0)), name="enrolment_number_positive"
                    ),
                ],
            },
        ),
    ]
