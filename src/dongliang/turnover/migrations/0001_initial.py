import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("mentoring", "0001_initial"),
        ("people", "0001_initial"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Election",
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
                        related_name="elections",
                        to="people.organisation",
                        verbose_name="district",
                    ),
                ),
                ("held_on", models.DateField(verbose_name="day of the election")),
                (
                    "begun_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("begun_at", models.DateTimeField(auto_now_add=True, verbose_name="begun at")),
            ],
            options={
                "ordering": ["-held_on"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("district", "held_on"), name="one_election_a_day_in_a_district"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Promise",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promises",
                        to="people.post",
                        verbose_name="post",
                    ),
                ),
                ("what", models.CharField(max_length=120, verbose_name="what was promised")),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="due on")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.tenure",
                        verbose_name="made by",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("kept", "kept"), ("dropped", "given up")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("outcome", models.CharField(blank=True, max_length=200, verbose_name="outcome")),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["post", "due_on", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Handover",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "leaver",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="handover",
                        to="people.tenure",
                        verbose_name="from",
                    ),
                ),
                (
                    "successor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="taken_over",
                        to="people.tenure",
                        verbose_name="to",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("opened_at", models.DateTimeField(auto_now_add=True, verbose_name="opened at")),
            ],
            options={
                "ordering": ["leaver__post__organisation__code", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "handover",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="turnover.handover",
                        verbose_name="handover list",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("promise", "promise to residents"),
                            ("vote", "vote under way"),
                            ("risk", "risk"),
                            ("money", "money and funds"),
                            ("contact", "contact"),
                            ("project", "open project"),
                            ("step", "step agreed with the mentor"),
                            ("other", "anything else"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("what", models.CharField(max_length=120, verbose_name="what")),
                ("state", models.CharField(max_length=400, verbose_name="how it stands")),
                ("next_step", models.CharField(blank=True, max_length=200, verbose_name="next step")),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="to be done by")),
                (
                    "amount",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="balance in yuan"
                    ),
                ),
                ("signatory", models.CharField(blank=True, max_length=40, verbose_name="who signs for it")),
                (
                    "promise",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="turnover.promise",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="projects.firstthing",
                    ),
                ),
                (
                    "visit",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mentoring.visit",
                    ),
                ),
                (
                    "answer",
                    models.CharField(
                        choices=[
                            ("waiting", "not answered"),
                            ("accepted", "accepted"),
                            ("objected", "not clear yet"),
                        ],
                        default="waiting",
                        max_length=8,
                        verbose_name="answer",
                    ),
                ),
                ("remark", models.CharField(blank=True, max_length=200, verbose_name="remark")),
            ],
            options={
                "ordering": ["handover", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("promise__isnull", False)),
                        fields=("handover", "promise"),
                        name="a_promise_is_handed_over_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("project__isnull", False)),
                        fields=("handover", "project"),
                        name="a_project_is_handed_over_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("visit__isnull", False)),
                        fields=("handover", "visit"),
                        name="a_visit_is_handed_over_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "money"), models.Q(("amount", None), ("signatory", "")), _connector="OR"
                        ),
                        name="only_money_has_a_balance",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HandoverSignature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "handover",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signatures",
                        to="turnover.handover",
                        verbose_name="handover list",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[
                            ("leaver", "who hands over"),
                            ("successor", "who takes over"),
                            ("witness", "witness, the subdistrict office"),
                        ],
                        max_length=9,
                        verbose_name="side",
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                (
                    "signed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("signed_at", models.DateTimeField(verbose_name="signed at")),
                ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("voided_at", models.DateTimeField(blank=True, null=True, verbose_name="void since")),
            ],
            options={
                "ordering": ["handover", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("voided_at", None)),
                        fields=("handover", "side"),
                        name="each_side_signs_a_handover_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Adviser",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "tenure",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adviser",
                        to="people.tenure",
                        verbose_name="last tenure",
                    ),
                ),
                ("since", models.DateField(verbose_name="adviser since")),
                ("thanks", models.TextField(blank=True, max_length=600, verbose_name="words of thanks")),
                ("released_at", models.DateTimeField(blank=True, null=True, verbose_name="released at")),
                (
                    "released_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["tenure__post__organisation__code"],
            },
        ),
    ]
