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
            name="Mentor",
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
                        related_name="mentors",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mentorships",
                        to="people.person",
                        verbose_name="mentor",
                    ),
                ),
                (
                    "home",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                        verbose_name="subdistrict",
                    ),
                ),
                ("assesses", models.BooleanField(default=True, verbose_name="assesses in the field")),
                (
                    "tier",
                    models.CharField(
                        choices=[
                            ("district", "main beam of the district"),
                            ("studio", "mentor of a subdistrict studio"),
                        ],
                        default="district",
                        max_length=8,
                        verbose_name="tier",
                    ),
                ),
                (
                    "capacity",
                    models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="places for mentees"
                    ),
                ),
                (
                    "years",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="years in post"),
                ),
                ("strengths", models.JSONField(blank=True, default=dict, verbose_name="strengths")),
                ("words", models.TextField(blank=True, max_length=500, verbose_name="in own words")),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("season", "number"), name="mentor_number_unique_in_season"
                    ),
                    models.UniqueConstraint(
                        fields=("season", "person"), name="a_mentor_serves_once_a_season"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MenteeProfile",
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
                        related_name="mentee_profile",
                        to="seasons.enrolment",
                        verbose_name="mentee",
                    ),
                ),
                ("wants_mentor", models.BooleanField(default=False, verbose_name="wants a mentor")),
                ("needs", models.JSONField(blank=True, default=dict, verbose_name="needs")),
                ("words", models.TextField(blank=True, max_length=500, verbose_name="in own words")),
                (
                    "avoid",
                    models.ManyToManyField(
                        blank=True,
                        related_name="+",
                        to="mentoring.mentor",
                        verbose_name="not to be paired with",
                    ),
                ),
            ],
            options={
                "ordering": ["enrolment__number"],
            },
        ),
        migrations.CreateModel(
            name="Pair",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "mentor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pairs",
                        to="mentoring.mentor",
                        verbose_name="mentor",
                    ),
                ),
                (
                    "mentee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pairs",
                        to="seasons.enrolment",
                        verbose_name="mentee",
                    ),
                ),
                ("starts_on", models.DateField(verbose_name="since")),
                ("ends_on", models.DateField(blank=True, null=True, verbose_name="until")),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("completed", "term completed"),
                            ("moved", "one of them moved on"),
                            ("unsuited", "the two do not suit each other"),
                            ("replaced", "paired with somebody else"),
                            ("other", "another reason"),
                        ],
                        max_length=10,
                        verbose_name="why it ended",
                    ),
                ),
                ("end_note", models.CharField(blank=True, max_length=300, verbose_name="note on the end")),
            ],
            options={
                "ordering": ["mentor", "mentee"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ends_on", None)),
                        fields=("mentee",),
                        name="one_current_mentor_a_mentee",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_on", None), ("ends_on__gte", models.F("starts_on")), _connector="OR"
                        ),
                        name="pair_ends_after_it_starts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
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
                        related_name="proposals",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "waiting to be confirmed"),
                            ("confirmed", "confirmed"),
                            ("discarded", "discarded"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("tiered", models.BooleanField(default=False, verbose_name="through the studios")),
                ("everybody", models.BooleanField(default=False, verbose_name="also who has a mentor")),
                ("total", models.FloatField(verbose_name="total fit")),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="made at")),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("season", "number"), name="proposal_number_unique_in_season"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ProposedPair",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="mentoring.proposal",
                        verbose_name="proposal",
                    ),
                ),
                (
                    "mentee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="proposed_pairs",
                        to="seasons.enrolment",
                        verbose_name="mentee",
                    ),
                ),
                (
                    "mentor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="proposed_pairs",
                        to="mentoring.mentor",
                        verbose_name="mentor",
                    ),
                ),
                (
                    "before",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="mentoring.mentor",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="mentoring.mentor",
                        verbose_name="next best",
                    ),
                ),
                ("fit", models.FloatField(default=0, verbose_name="fit")),
                ("second_fit", models.FloatField(default=0, verbose_name="fit of the next best")),
                ("parts", models.JSONField(default=dict)),
                ("locked", models.BooleanField(default=False, verbose_name="locked")),
                ("by_hand", models.BooleanField(default=False, verbose_name="set by hand")),
            ],
            options={
                "ordering": ["mentee__number"],
                "constraints": [
                    models.UniqueConstraint(fields=("proposal", "mentee"), name="a_mentee_is_proposed_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Agreement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "pair",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agreement",
                        to="mentoring.pair",
                        verbose_name="pair",
                    ),
                ),
                ("goals", models.TextField(max_length=1000, verbose_name="goals")),
                ("starts_on", models.DateField(verbose_name="from")),
                ("months", models.PositiveSmallIntegerField(verbose_name="months")),
                ("plan", models.JSONField(default=list, verbose_name="plan")),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="changed at")),
            ],
            options={
                "ordering": ["pair"],
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
                    "agreement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signatures",
                        to="mentoring.agreement",
                        verbose_name="agreement",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("mentor", "mentor"), ("mentee", "mentee"), ("subdistrict", "subdistrict")],
                        max_length=11,
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
                "ordering": ["agreement", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("voided_at", None)),
                        fields=("agreement", "side"),
                        name="each_side_signs_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(unique=True)),
                (
                    "pair",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visits",
                        to="mentoring.pair",
                        verbose_name="pair",
                    ),
                ),
                ("met_on", models.DateField(verbose_name="day")),
                (
                    "place",
                    models.CharField(
                        choices=[
                            ("mentee", "in the mentee's neighbourhood"),
                            ("site", "on the site of the first thing"),
                            ("studio", "in the studio"),
                            ("mentor", "at the mentor's"),
                            ("phone", "by telephone or video"),
                        ],
                        max_length=8,
                        verbose_name="place",
                    ),
                ),
                ("question", models.CharField(max_length=300, verbose_name="question")),
                ("advice", models.TextField(max_length=1000, verbose_name="advice")),
                ("step", models.CharField(blank=True, max_length=200, verbose_name="agreed step")),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="to be done by")),
                (
                    "step_state",
                    models.CharField(
                        choices=[
                            ("none", "no step agreed"),
                            ("open", "to be done"),
                            ("done", "done"),
                            ("not_done", "not done"),
                        ],
                        max_length=8,
                        verbose_name="state of the step",
                    ),
                ),
                (
                    "logged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("logged_at", models.DateTimeField(auto_now_add=True, verbose_name="logged at")),
            ],
            options={
                "ordering": ["-met_on", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("due_on", None), ("step", ""), ("step_state", "none")),
                            models.Q(
                                models.Q(("step", ""), _negated=True),
                                ("due_on__isnull", False),
                                models.Q(("step_state", "none"), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_step_has_a_day",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(blank=True, null=True, unique=True)),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="follow_ups",
                        to="mentoring.visit",
                        verbose_name="visit",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("done", "done"),
                            ("not_done", "not done"),
                            ("moved", "moved to another day"),
                        ],
                        max_length=8,
                        verbose_name="outcome",
                    ),
                ),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="to be done by")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="time")),
            ],
            options={
                "ordering": ["visit", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("due_on__isnull", False), ("outcome", "moved")),
                            models.Q(models.Q(("outcome", "moved"), _negated=True), ("due_on", None)),
                            _connector="OR",
                        ),
                        name="a_moved_step_has_a_new_day",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="VisitPhoto",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="photos",
                        to="mentoring.visit",
                        verbose_name="visit",
                    ),
                ),
                ("key", models.UUIDField(unique=True, verbose_name="key")),
                ("width", models.PositiveSmallIntegerField(verbose_name="width")),
                ("height", models.PositiveSmallIntegerField(verbose_name="height")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="time")),
            ],
            options={
                "ordering": ["visit", "pk"],
            },
        ),
        migrations.CreateModel(
            name="VisitPhotoImage",
            fields=[
                (
                    "photo",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="image",
                        serialize=False,
                        to="mentoring.visitphoto",
                    ),
                ),
                ("jpeg", models.BinaryField(verbose_name="JPEG")),
            ],
        ),
        migrations.CreateModel(
            name="VisitFeedback",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feedback",
                        to="mentoring.visit",
                        verbose_name="visit",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("mentor", "mentor"), ("mentee", "mentee"), ("subdistrict", "subdistrict")],
                        max_length=11,
                        verbose_name="side",
                    ),
                ),
                (
                    "helped",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "of no use"), (2, "of some use"), (3, "of much use")],
                        verbose_name="the visit was",
                    ),
                ),
                ("words", models.TextField(blank=True, max_length=500, verbose_name="in own words")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now=True, verbose_name="time")),
            ],
            options={
                "ordering": ["visit", "side"],
                "constraints": [
                    models.UniqueConstraint(fields=("visit", "side"), name="one_feedback_a_side")
                ],
            },
        ),
        migrations.CreateModel(
            name="Studio",
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
                        related_name="studios",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "subdistrict",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="studios",
                        to="people.organisation",
                        verbose_name="subdistrict",
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                (
                    "leader",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="studios_led",
                        to="mentoring.mentor",
                        verbose_name="leader",
                    ),
                ),
                ("place", models.CharField(blank=True, max_length=120, verbose_name="place")),
                ("good_at", models.TextField(blank=True, max_length=500, verbose_name="what it is good at")),
                (
                    "members",
                    models.ManyToManyField(
                        blank=True, related_name="studios", to="people.person", verbose_name="members"
                    ),
                ),
            ],
            options={
                "ordering": ["subdistrict", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("season", "name"), name="studio_name_unique_in_season")
                ],
            },
        ),
        migrations.CreateModel(
            name="StudyGroup",
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
                        related_name="study_groups",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("topic", models.CharField(max_length=100, verbose_name="topic")),
                ("aim", models.TextField(blank=True, max_length=500, verbose_name="what is to come of it")),
                (
                    "convener",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="groups_convened",
                        to="people.person",
                        verbose_name="convener",
                    ),
                ),
                (
                    "members",
                    models.ManyToManyField(
                        blank=True, related_name="study_groups", to="people.person", verbose_name="members"
                    ),
                ),
            ],
            options={
                "ordering": ["topic", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("season", "topic"), name="group_topic_unique_in_season")
                ],
            },
        ),
        migrations.CreateModel(
            name="Gathering",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "studio",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gatherings",
                        to="mentoring.studio",
                        verbose_name="studio",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gatherings",
                        to="mentoring.studygroup",
                        verbose_name="group",
                    ),
                ),
                ("topic", models.CharField(max_length=100, verbose_name="topic")),
                ("starts_at", models.DateTimeField(verbose_name="time")),
                ("place", models.CharField(max_length=120, verbose_name="place")),
                ("notes", models.TextField(blank=True, max_length=4000, verbose_name="notes")),
                (
                    "came",
                    models.ManyToManyField(
                        blank=True, related_name="+", to="people.person", verbose_name="who came"
                    ),
                ),
            ],
            options={
                "ordering": ["-starts_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("studio", None), ("group", None), _connector="XOR"),
                        name="a_gathering_is_of_a_studio_or_a_group",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Output",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "studio",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outputs",
                        to="mentoring.studio",
                        verbose_name="studio",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outputs",
                        to="mentoring.studygroup",
                        verbose_name="group",
                    ),
                ),
                ("title", models.CharField(max_length=100, verbose_name="title")),
                ("text", models.TextField(blank=True, max_length=8000, verbose_name="text")),
                ("link", models.URLField(blank=True, max_length=300, verbose_name="link")),
                ("file_name", models.CharField(blank=True, max_length=120, verbose_name="file")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="time")),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("studio", None), ("group", None), _connector="XOR"),
                        name="an_output_is_of_a_studio_or_a_group",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("file_name", ""), ("link", ""), ("text", ""), _negated=True),
                        name="an_output_holds_something",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OutputFile",
            fields=[
                (
                    "output",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="file",
                        serialize=False,
                        to="mentoring.output",
                    ),
                ),
                ("content", models.BinaryField(verbose_name="content")),
            ],
        ),
        migrations.CreateModel(
            name="BoxQuestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "studio",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="questions",
                        to="mentoring.studio",
                        verbose_name="studio",
                    ),
                ),
                ("title", models.CharField(max_length=100, verbose_name="question")),
                ("text", models.TextField(blank=True, max_length=2000, verbose_name="what it is about")),
                ("nameless", models.BooleanField(default=False, verbose_name="without my name")),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
                ("asked_at", models.DateTimeField(auto_now_add=True, verbose_name="asked at")),
            ],
            options={
                "ordering": ["-asked_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="BoxAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="mentoring.boxquestion",
                        verbose_name="question",
                    ),
                ),
                ("text", models.TextField(max_length=4000, verbose_name="answer")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="time")),
                ("draft_case", models.BooleanField(default=False, verbose_name="draft of a case")),
            ],
            options={
                "ordering": ["question", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ProfileImport",
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
                        related_name="profile_imports",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("previewed", "waiting to be confirmed"),
                            ("confirmed", "confirmed"),
                            ("discarded", "discarded"),
                        ],
                        default="previewed",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("file_name", models.CharField(max_length=200, verbose_name="file")),
                ("file_sha256", models.CharField(max_length=64)),
                ("rows", models.JSONField(default=dict)),
                ("counts", models.JSONField(default=dict)),
                ("outcome_sha256", models.CharField(max_length=64)),
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
                "ordering": ["-uploaded_at"],
            },
        ),
    ]
