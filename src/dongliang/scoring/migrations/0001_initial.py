import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("people", "0001_initial"),
        ("projects", "0001_initial"),
        ("seasons", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScoringRun",
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
                        related_name="scoring_runs",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "rule_book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scoring_runs",
                        to="seasons.rulebook",
                        verbose_name="rule book",
                    ),
                ),
                ("engine_version", models.CharField(max_length=20, verbose_name="engine version")),
                ("inputs", models.TextField()),
                ("inputs_sha256", models.CharField(max_length=64, verbose_name="fingerprint of the inputs")),
                ("result", models.TextField()),
                ("result_sha256", models.CharField(max_length=64, verbose_name="fingerprint of the result")),
                ("run_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="run at")),
                (
                    "run_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["season", "-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("season", "number"), name="run_number_unique_in_season")
                ],
            },
        ),
        migrations.CreateModel(
            name="ScoringJob",
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
                        related_name="scoring_jobs",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "rule_book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="seasons.rulebook",
                        verbose_name="rule book",
                    ),
                ),
                ("inputs", models.TextField()),
                ("inputs_sha256", models.CharField(max_length=64, verbose_name="fingerprint of the inputs")),
                ("ballots_sha256", models.CharField(blank=True, max_length=64)),
                ("frozen_at", models.DateTimeField(verbose_name="frozen at")),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waits"),
                            ("running", "under way"),
                            ("done", "done"),
                            ("failed", "failed"),
                        ],
                        default="queued",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("freeze", "Answers frozen"),
                            ("measures", "Each source measured"),
                            ("places", "Places and cut line"),
                            ("robustness", "List under other choices"),
                            ("store", "Result stored"),
                            ("lists", "Lists drawn"),
                            ("book", "Result book bound, recomputed once more"),
                        ],
                        default="freeze",
                        max_length=10,
                        verbose_name="step",
                    ),
                ),
                ("seen_at", models.DateTimeField(verbose_name="last seen at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("failure", models.TextField(blank=True, verbose_name="why it failed")),
                (
                    "run",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="job",
                        to="scoring.scoringrun",
                        verbose_name="scoring run",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=("season",),
                        name="one_scoring_at_a_time_a_season",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ResultBook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="book",
                        to="scoring.scoringrun",
                        verbose_name="scoring run",
                    ),
                ),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("bound_at", models.DateTimeField(verbose_name="bound at")),
            ],
        ),
        migrations.CreateModel(
            name="Measure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="measures",
                        to="scoring.scoringrun",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measures",
                        to="seasons.enrolment",
                    ),
                ),
                ("source", models.CharField(max_length=14, verbose_name="source")),
                ("answers", models.PositiveIntegerField(verbose_name="answers")),
                ("value", models.FloatField(null=True, verbose_name="measure")),
                ("standard_error", models.FloatField(null=True, verbose_name="standard error")),
                ("mean", models.FloatField(null=True, verbose_name="mean")),
                ("trimmed_mean", models.FloatField(null=True, verbose_name="trimmed mean")),
            ],
            options={
                "ordering": ["run", "enrolment__number", "source"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "enrolment", "source"), name="one_measure_a_source"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="standings",
                        to="scoring.scoringrun",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="standings",
                        to="seasons.enrolment",
                    ),
                ),
                ("composite", models.FloatField(verbose_name="composite")),
                ("standard_error", models.FloatField(verbose_name="standard error")),
                ("rank", models.PositiveIntegerField(null=True, verbose_name="rank")),
                ("rank_low", models.PositiveIntegerField(null=True, verbose_name="best plausible rank")),
                ("rank_high", models.PositiveIntegerField(null=True, verbose_name="worst plausible rank")),
                ("chance", models.FloatField(verbose_name="chance of a place")),
                ("selected", models.BooleanField(verbose_name="within the places")),
                ("thin_sources", models.JSONField(default=list, verbose_name="too few answers from")),
                ("eligible", models.BooleanField(verbose_name="can be listed")),
                ("mean_rank", models.PositiveIntegerField(null=True, verbose_name="rank by plain means")),
                (
                    "trimmed_mean_rank",
                    models.PositiveIntegerField(null=True, verbose_name="rank by trimmed means"),
                ),
            ],
            options={
                "ordering": ["run", models.OrderBy(models.F("rank"), nulls_last=True), "enrolment__number"],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "enrolment"), name="one_standing_a_secretary")
                ],
            },
        ),
        migrations.CreateModel(
            name="ProjectStanding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="project_standings",
                        to="scoring.scoringrun",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="standings",
                        to="projects.firstthing",
                    ),
                ),
                ("picks", models.PositiveIntegerField(verbose_name="picks")),
                ("online", models.FloatField(verbose_name="residents' choice")),
                ("offline", models.FloatField(null=True, verbose_name="assessors' marks")),
                ("score", models.FloatField(verbose_name="score")),
                ("rank", models.PositiveIntegerField(verbose_name="rank")),
            ],
            options={
                "ordering": ["run", "rank"],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "project"), name="one_standing_a_project")
                ],
            },
        ),
    ]
