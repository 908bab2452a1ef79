import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("mentoring", "0001_initial"),
        ("people", "0001_initial"),
        ("seasons", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Assignment",
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
                        related_name="assignments",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("field", "mentors in the field"),
                            ("institutional", "subdistricts and departments"),
                        ],
                        max_length=14,
                        verbose_name="source",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="seasons.enrolment",
                        verbose_name="secretary",
                    ),
                ),
                (
                    "mentor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="mentoring.mentor",
                        verbose_name="mentor",
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="people.organisation",
                        verbose_name="institution",
                    ),
                ),
                ("voided_at", models.DateTimeField(blank=True, null=True, verbose_name="voided at")),
            ],
            options={
                "ordering": ["enrolment__number", "source", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("institution", None), ("mentor__isnull", False), ("source", "field")),
                            models.Q(
                                ("institution__isnull", False), ("mentor", None), ("source", "institutional")
                            ),
                            _connector="OR",
                        ),
                        name="assignment_assessor_fits_its_source",
                    ),
                    models.UniqueConstraint(fields=("enrolment", "mentor"), name="a_mentor_is_assigned_once"),
                    models.UniqueConstraint(
                        fields=("enrolment", "institution"), name="an_institution_is_assigned_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Response",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("marks", models.CharField(max_length=8, verbose_name="marks")),
                (
                    "project_mark",
                    models.CharField(blank=True, max_length=1, verbose_name="mark of the first thing"),
                ),
                ("note", models.TextField(blank=True, max_length=2000, verbose_name="what was seen")),
                ("notes", models.JSONField(blank=True, default=dict, verbose_name="notes")),
                (
                    "assignment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="response",
                        to="review.assignment",
                        verbose_name="assignment",
                    ),
                ),
                ("submitted_at", models.DateTimeField(verbose_name="sent at")),
                (
                    "submitted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["assignment"],
            },
        ),
        migrations.CreateModel(
            name="Conflict",
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
                        related_name="conflicts",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "mentor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conflicts",
                        to="mentoring.mentor",
                        verbose_name="mentor",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conflicts",
                        to="seasons.enrolment",
                        verbose_name="secretary",
                    ),
                ),
                (
                    "ground",
                    models.CharField(
                        choices=[
                            ("family", "relatives or in-laws"),
                            ("studio", "members of one studio"),
                            ("work", "worked closely together"),
                            ("dispute", "a dispute between the two"),
                            ("other", "something else"),
                        ],
                        max_length=8,
                        verbose_name="ground",
                    ),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="what it consists of")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("declared", "waiting for the office"),
                            ("confirmed", "confirmed"),
                            ("rejected", "not confirmed"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="declared",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "declared_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("declared_at", models.DateTimeField(verbose_name="declared at")),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided at")),
                (
                    "decision",
                    models.CharField(blank=True, max_length=300, verbose_name="why it was decided so"),
                ),
            ],
            options={
                "ordering": ["-declared_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["declared", "confirmed"])),
                        fields=("mentor", "enrolment"),
                        name="one_live_conflict_a_pair",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Waiver",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="waivers",
                        to="review.assignment",
                        verbose_name="assignment",
                    ),
                ),
                ("key", models.CharField(max_length=20, verbose_name="what is set aside")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                (
                    "granted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("granted_at", models.DateTimeField(verbose_name="granted at")),
            ],
            options={
                "ordering": ["assignment", "key"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("assignment", "key"), name="a_ground_is_waived_once_a_sheet"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="InstitutionalReturn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("previewed", "waiting to be confirmed"),
                            ("confirmed", "taken over"),
                            ("discarded", "discarded"),
                        ],
                        default="previewed",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "season",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="returns",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                        verbose_name="institution",
                    ),
                ),
                ("file_name", models.CharField(max_length=200, verbose_name="file")),
                ("file_sha256", models.CharField(max_length=64)),
                ("rows", models.JSONField(default=list)),
                ("counts", models.JSONField(default=dict)),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("uploaded_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-uploaded_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Signature",
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
                        related_name="signatures",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                        verbose_name="institution",
                    ),
                ),
                ("signer", models.CharField(max_length=40, verbose_name="signed by")),
                (
                    "signed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("signed_at", models.DateTimeField(verbose_name="signed at")),
                ("sheets", models.PositiveIntegerField(verbose_name="number of sheets")),
                (
                    "contents_sha256",
                    models.CharField(max_length=64, verbose_name="fingerprint of the contents"),
                ),
                (
                    "reopened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reopened_at", models.DateTimeField(null=True, verbose_name="opened again at")),
                (
                    "reopening_reason",
                    models.CharField(blank=True, max_length=300, verbose_name="why it was opened again"),
                ),
            ],
            options={
                "ordering": ["-signed_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("reopened_at", None)),
                        fields=("season", "institution"),
                        name="one_signature_holds_an_institution",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
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
                        related_name="reminders",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "mentor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reminders",
                        to="mentoring.mentor",
                        verbose_name="mentor",
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="people.organisation",
                        verbose_name="institution",
                    ),
                ),
                ("on", models.DateField(verbose_name="on the day")),
                ("outstanding", models.PositiveIntegerField(verbose_name="sheets outstanding")),
                (
                    "sent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("sent_at", models.DateTimeField(verbose_name="reminded at")),
            ],
            options={
                "ordering": ["-sent_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("institution", None), ("mentor__isnull", False)),
                            models.Q(("institution__isnull", False), ("mentor", None)),
                            _connector="OR",
                        ),
                        name="reminder_has_one_assessor",
                    ),
                    models.UniqueConstraint(
                        fields=("season", "mentor", "on"), name="a_mentor_is_reminded_once_a_day"
                    ),
                    models.UniqueConstraint(
                        fields=("season", "institution", "on"), name="an_institution_is_reminded_once_a_day"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("marks", models.CharField(max_length=8, verbose_name="marks")),
                (
                    "project_mark",
                    models.CharField(blank=True, max_length=1, verbose_name="mark of the first thing"),
                ),
                ("note", models.TextField(blank=True, max_length=2000, verbose_name="what was seen")),
                ("notes", models.JSONField(blank=True, default=dict, verbose_name="notes")),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="submissions",
                        to="review.assignment",
                        verbose_name="assignment",
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, unique=True, verbose_name="key")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("remarks", models.JSONField(blank=True, default=list, verbose_name="remarks")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "sent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["assignment", "version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("assignment", "version"), name="a_version_of_a_sheet_comes_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Ruling",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rulings",
                        to="review.assignment",
                        verbose_name="assignment",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("returned", "returned"), ("voided", "voided")],
                        max_length=8,
                        verbose_name="ruling",
                    ),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("ruled_at", models.DateTimeField(verbose_name="ruled at")),
                (
                    "ruled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["assignment", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Photo",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="photos",
                        to="review.assignment",
                        verbose_name="assignment",
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, unique=True, verbose_name="key")),
                ("width", models.PositiveSmallIntegerField(verbose_name="width")),
                ("height", models.PositiveSmallIntegerField(verbose_name="height")),
                ("taken_in_at", models.DateTimeField(verbose_name="received at")),
                (
                    "taken_in_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["assignment", "pk"],
            },
        ),
        migrations.CreateModel(
            name="PhotoImage",
            fields=[
                (
                    "photo",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="image",
                        serialize=False,
                        to="review.photo",
                    ),
                ),
                ("jpeg", models.BinaryField(verbose_name="JPEG")),
            ],
        ),
    ]
