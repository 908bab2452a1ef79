import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import dongliang.growth.models.training
from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("people", "0001_initial"),
        ("projects", "0001_initial"),
        ("seasons", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Path",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="growth_path",
                        to="people.person",
                        verbose_name="person",
                    ),
                ),
                (
                    "district",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                        verbose_name="district",
                    ),
                ),
                ("stage", models.CharField(max_length=30, verbose_name="stage")),
                ("since", models.DateField(verbose_name="since")),
                ("paused_on", models.DateField(blank=True, null=True, verbose_name="paused since")),
                ("star_since", models.DateField(blank=True, null=True, verbose_name="star secretary since")),
            ],
            options={
                "ordering": ["person__name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Move",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "path",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moves",
                        to="growth.path",
                        verbose_name="path",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("beginning", "put on the path"),
                            ("promotion", "promotion"),
                            ("pause", "pause"),
                            ("resumption", "resumption"),
                            ("return", "return to an earlier stage"),
                            ("star", "star secretary"),
                            ("star_ended", "no longer star secretary"),
                        ],
                        max_length=10,
                        verbose_name="step",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "waits for a second person"),
                            ("granted", "granted"),
                            ("declined", "declined"),
                        ],
                        default="proposed",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("from_stage", models.CharField(max_length=30, verbose_name="from")),
                ("to_stage", models.CharField(max_length=30, verbose_name="to")),
                ("evidence", models.TextField(max_length=500, verbose_name="evidence")),
                ("gates", models.JSONField(default=list)),
                (
                    "proposed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("proposed_at", models.DateTimeField(verbose_name="proposed at")),
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
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")),
                        fields=("path",),
                        name="one_open_proposal_a_path",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_at", None),
                            ("decided_at__gte", models.F("proposed_at")),
                            _connector="OR",
                        ),
                        name="a_move_is_decided_after_it_is_proposed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Opinion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "path",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="opinions",
                        to="growth.path",
                        verbose_name="path",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("mentor", "mentor"), ("committee", "committee")],
                        max_length=9,
                        verbose_name="from",
                    ),
                ),
                ("stage", models.CharField(max_length=30, verbose_name="about")),
                ("in_favour", models.BooleanField(verbose_name="in favour")),
                ("met_on", models.DateField(blank=True, null=True, verbose_name="day of the meeting")),
                ("text", models.TextField(max_length=500, verbose_name="reasons")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="given at")),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Course",
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
                        related_name="courses",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("kind", models.CharField(max_length=30, verbose_name="kind of training")),
                (
                    "empowerment",
                    models.CharField(blank=True, max_length=30, verbose_name="kind of empowerment"),
                ),
                ("title", models.CharField(max_length=60, verbose_name="title")),
                ("summary", models.TextField(blank=True, max_length=2000, verbose_name="what it is about")),
                ("practice", models.TextField(blank=True, max_length=2000, verbose_name="practice task")),
                (
                    "practice_hours",
                    models.DecimalField(
                        decimal_places=1,
                        default=0,
                        max_digits=4,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="hours for the practice task",
                    ),
                ),
                (
                    "pass_percent",
                    models.PositiveSmallIntegerField(
                        default=60,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="percent to pass the quiz",
                    ),
                ),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="attempts at the quiz",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="growth.course",
                        verbose_name="course",
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="begins")),
                ("ends_at", models.DateTimeField(verbose_name="ends")),
                ("place", models.CharField(max_length=80, verbose_name="place")),
                ("trainer", models.CharField(max_length=60, verbose_name="trainer")),
                (
                    "hours",
                    models.DecimalField(
                        decimal_places=1,
                        max_digits=4,
                        validators=[
                            django.core.validators.MinValueValidator(0.5),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="hours credited",
                    ),
                ),
                (
                    "places",
                    models.PositiveIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)], verbose_name="places"
                    ),
                ),
                ("cancelled_at", models.DateTimeField(blank=True, null=True, verbose_name="cancelled at")),
            ],
            options={
                "ordering": ["starts_at", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="session_ends_after_it_starts",
                        violation_error_message="The session ends before it begins. Check the two times.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Quota",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quotas",
                        to="growth.session",
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
                ("places", models.PositiveIntegerField(verbose_name="places")),
            ],
            options={
                "ordering": ["subdistrict__code"],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "subdistrict"), name="one_quota_a_subdistrict")
                ],
            },
        ),
        migrations.CreateModel(
            name="Seat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="seats",
                        to="growth.session",
                        verbose_name="session",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="training_seats",
                        to="seasons.enrolment",
                        verbose_name="secretary",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("seated", "has a place"),
                            ("waiting", "on the waiting list"),
                            ("left", "withdrawn"),
                        ],
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
            ],
            options={
                "ordering": ["enrolment__number"],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "enrolment"), name="one_seat_a_secretary")
                ],
            },
        ),
        migrations.CreateModel(
            name="Attendance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendances",
                        to="growth.session",
                        verbose_name="session",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendances",
                        to="seasons.enrolment",
                        verbose_name="secretary",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("code", "code on the screen"),
                            ("list", "list"),
                            ("paper", "sheet on paper"),
                        ],
                        max_length=5,
                        verbose_name="signed in by",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="signed in at")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("gave_feedback", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["enrolment__number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "enrolment"), name="one_attendance_a_secretary"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Material",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="materials",
                        to="growth.course",
                        verbose_name="course",
                    ),
                ),
                ("title", models.CharField(max_length=60, verbose_name="title")),
                ("link", models.URLField(blank=True, max_length=300, verbose_name="link")),
                (
                    "file",
                    models.FileField(
                        blank=True,
                        storage=dongliang.growth.models.training.material_storage,
                        upload_to=dongliang.growth.models.training.material_path,
                        verbose_name="file",
                    ),
                ),
                ("size", models.PositiveIntegerField(default=0, verbose_name="bytes")),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("link", ""), ("file", ""), _connector="XOR"),
                        name="a_material_is_a_link_or_a_file",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PracticeReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="growth.course",
                        verbose_name="course",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="practice_reports",
                        to="seasons.enrolment",
                        verbose_name="secretary",
                    ),
                ),
                (
                    "first_thing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="practice_reports",
                        to="projects.firstthing",
                        verbose_name="first thing",
                    ),
                ),
                ("text", models.TextField(max_length=2000, verbose_name="what I did")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("sent", "waiting to be read"),
                            ("accepted", "accepted"),
                            ("returned", "sent back"),
                        ],
                        default="sent",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("answer", models.CharField(blank=True, max_length=300, verbose_name="answer")),
                ("sent_at", models.DateTimeField(verbose_name="sent at")),
                (
                    "read_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["enrolment__number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("course", "enrolment"), name="one_practice_report_a_secretary"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Credit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="training_credits",
                        to="people.person",
                        verbose_name="person",
                    ),
                ),
                (
                    "season",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="training_credits",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "hours",
                    models.DecimalField(
                        decimal_places=1,
                        max_digits=4,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="hours",
                    ),
                ),
                ("earned_on", models.DateField(verbose_name="earned on")),
                (
                    "attendance",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit",
                        to="growth.attendance",
                    ),
                ),
                (
                    "practice",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit",
                        to="growth.practicereport",
                    ),
                ),
                (
                    "evidence",
                    models.CharField(blank=True, max_length=200, verbose_name="held by whom, shown by what"),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["earned_on", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("attendance__isnull", False), ("evidence", ""), ("practice", None)),
                            models.Q(("attendance", None), ("evidence", ""), ("practice__isnull", False)),
                            models.Q(
                                ("attendance", None),
                                ("practice", None),
                                models.Q(("evidence", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_credit_has_one_source",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="questions",
                        to="growth.course",
                    ),
                ),
                ("text", models.CharField(max_length=200, verbose_name="question")),
                ("choices", models.JSONField(verbose_name="choices")),
                ("right", models.PositiveSmallIntegerField(verbose_name="right choice")),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts_made",
                        to="growth.course",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quiz_attempts",
                        to="seasons.enrolment",
                    ),
                ),
                ("answers", models.JSONField(verbose_name="answers")),
                ("percent", models.PositiveSmallIntegerField(verbose_name="percent right")),
                ("passed", models.BooleanField(verbose_name="passed")),
                ("at", models.DateTimeField(verbose_name="at")),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Feedback",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feedback",
                        to="growth.session",
                    ),
                ),
                ("content", models.PositiveSmallIntegerField(verbose_name="of use in my work")),
                ("trainer", models.PositiveSmallIntegerField(verbose_name="well explained")),
                ("setting", models.PositiveSmallIntegerField(verbose_name="well organised")),
                ("remark", models.CharField(blank=True, max_length=300, verbose_name="remark")),
            ],
        ),
    ]
