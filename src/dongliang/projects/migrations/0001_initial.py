import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("people", "0001_initial"),
        ("seasons", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="FirstThing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "enrolment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="first_thing",
                        to="seasons.enrolment",
                        verbose_name="secretary",
                    ),
                ),
                ("category", models.CharField(max_length=30, verbose_name="category")),
                ("title", models.CharField(max_length=60, verbose_name="title")),
                (
                    "summary",
                    models.TextField(
                        blank=True, max_length=1000, verbose_name="what is to change for residents"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("registered", "registered"),
                            ("under_way", "under way"),
                            ("landed", "landed"),
                        ],
                        default="registered",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("registered_at", models.DateTimeField(auto_now_add=True, verbose_name="registered at")),
            ],
            options={
                "ordering": ["enrolment__number"],
            },
        ),
        migrations.CreateModel(
            name="Nomination",
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
                        related_name="nominations",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "subdistrict",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                        verbose_name="subdistrict",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="nominations",
                        to="projects.firstthing",
                        verbose_name="project",
                    ),
                ),
                (
                    "nominated_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("nominated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["subdistrict__code"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("season", "subdistrict"), name="one_nomination_a_subdistrict"
                    )
                ],
            },
        ),
    ]
