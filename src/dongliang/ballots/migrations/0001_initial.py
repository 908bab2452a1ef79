import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import dongliang.ballots.models
from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("people", "0001_initial"),
        ("seasons", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Round",
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
                        related_name="rounds",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("secretaries", "rating of secretaries"),
                            ("projects", "choice of projects"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "not yet open"),
                            ("open", "open"),
                            ("paused", "paused"),
                            ("closed", "closed"),
                        ],
                        default="prepared",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("key_digest", models.BinaryField(default=b"", max_length=32)),
                ("opened_at", models.DateTimeField(blank=True, null=True, verbose_name="opened at")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                (
                    "key_destroyed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="key destroyed at"),
                ),
                ("examined_at", models.DateTimeField(blank=True, null=True, verbose_name="examined at")),
                (
                    "search_ended_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="search ended at"),
                ),
            ],
            options={
                "ordering": ["season", "kind"],
                "constraints": [
                    models.UniqueConstraint(fields=("season", "kind"), name="one_round_of_a_kind_a_season")
                ],
            },
        ),
        migrations.CreateModel(
            name="Ballot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ballots",
                        to="ballots.round",
                        verbose_name="round",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ballots",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                ("credential", models.BinaryField(max_length=32)),
                ("receipt", models.BinaryField(max_length=32, unique=True)),
                ("nonce", models.BinaryField(default=b"", max_length=8)),
                (
                    "channel",
                    models.CharField(
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
                ("in_sample", models.BooleanField(default=False, verbose_name="of the sample")),
                ("origin", models.BinaryField(blank=True, max_length=4, null=True)),
                ("marks", models.CharField(max_length=60, verbose_name="marks")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("counted", "counted"),
                            ("superseded", "replaced by a later one"),
                            ("excluded", "excluded"),
                        ],
                        default="counted",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "exclusion",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("revoked", "the card was declared lost"),
                            ("burst", "many alike in a short time"),
                            ("origin", "many alike from one connection"),
                            ("straight", "more of one mark throughout than chance explains"),
                            ("copies", "more copies of one sheet than chance explains"),
                            ("cards", "consecutive cards used together"),
                        ],
                        max_length=8,
                        verbose_name="reason",
                    ),
                ),
                ("cast_at", models.DateTimeField(verbose_name="cast at")),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(fields=["round", "status", "enrolment", "marks"], name="ballot_tally")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "counted")),
                        fields=("credential",),
                        name="one_counted_ballot_a_credential",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("exclusion__gt", ""), ("status", "excluded")),
                            models.Q(models.Q(("status", "excluded"), _negated=True), ("exclusion", "")),
                            _connector="OR",
                        ),
                        name="an_excluded_ballot_says_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                (
                    "number",
                    models.BigIntegerField(
                        default=dongliang.ballots.models.unordered_number,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="ballots.round",
                        verbose_name="round",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                ("text", models.CharField(max_length=200, verbose_name="comment")),
                ("written_on", models.DateField(verbose_name="written on")),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "to be checked"), ("shown", "shown"), ("withheld", "withheld")],
                        default="pending",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("personal", "it tells who somebody is"),
                            ("insult", "it insults"),
                            ("advertisement", "it advertises"),
                            ("elsewhere", "it is about something else"),
                        ],
                        max_length=13,
                        verbose_name="reason",
                    ),
                ),
                (
                    "decided_by",
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
                "ordering": ["number"],
                "indexes": [
                    models.Index(fields=["round", "enrolment", "state"], name="comments_of_a_secretary")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason__gt", ""), ("state", "withheld")),
                            models.Q(models.Q(("state", "withheld"), _negated=True), ("reason", "")),
                            _connector="OR",
                        ),
                        name="a_withheld_comment_says_why",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RevokedCard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revoked_cards",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                ("serial", models.PositiveSmallIntegerField(verbose_name="card number")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("lost", "lost"),
                            ("seen", "its code was seen by others"),
                            ("assisted", "the household votes with an officer's help"),
                        ],
                        max_length=8,
                        verbose_name="reason",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="time")),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("enrolment", "serial"), name="a_card_is_revoked_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="AssistedVoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assisted_voices",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                ("serial", models.PositiveSmallIntegerField(verbose_name="number")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="time")),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("enrolment", "serial"), name="an_assisted_voice_has_a_serial"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PhoneCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="phone_checks",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                ("token", models.BinaryField(max_length=32, unique=True)),
                ("identity", models.BinaryField(max_length=16)),
                ("origin", models.BinaryField(max_length=16)),
                ("code", models.BinaryField(max_length=32)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(db_index=True, verbose_name="sent at")),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
            ],
        ),
        migrations.CreateModel(
            name="SpentState",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("expires_at", models.DateTimeField(db_index=True, verbose_name="valid until")),
            ],
        ),
        migrations.CreateModel(
            name="PaperBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paper_batches",
                        to="ballots.round",
                        verbose_name="round",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paper_batches",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("coded", "with household codes"),
                            ("hall", "of a hall count, without codes"),
                        ],
                        max_length=5,
                        verbose_name="kind",
                    ),
                ),
                ("sheets", models.PositiveSmallIntegerField(verbose_name="sheets")),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                ("differed", models.PositiveSmallIntegerField(default=0, verbose_name="differences cleared")),
                ("entered_at", models.DateTimeField(blank=True, null=True, verbose_name="entered at")),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="PaperKeying",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="keyings",
                        to="ballots.paperbatch",
                    ),
                ),
                ("seat", models.PositiveSmallIntegerField(verbose_name="keyer")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
            ],
            options={
                "ordering": ["batch", "seat"],
                "constraints": [
                    models.UniqueConstraint(fields=("batch", "seat"), name="a_batch_has_one_keyer_a_seat"),
                    models.UniqueConstraint(fields=("batch", "by"), name="the_two_keyers_are_two_people"),
                    models.CheckConstraint(
                        condition=models.Q(("seat__in", [1, 2])), name="a_batch_has_two_seats"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaperSheet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "keying",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="read_sheets",
                        to="ballots.paperkeying",
                    ),
                ),
                ("number", models.PositiveSmallIntegerField(verbose_name="sheet")),
                ("credential", models.BinaryField(default=b"", max_length=32)),
                ("marks", models.CharField(blank=True, max_length=60, verbose_name="marks")),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(fields=("keying", "number"), name="a_keyer_reads_a_sheet_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Statement",
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
                        related_name="statements",
                        to="seasons.season",
                        verbose_name="season",
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(verbose_name="version")),
                ("fingerprint", models.CharField(max_length=64, unique=True, verbose_name="fingerprint")),
                ("document", models.TextField()),
                ("tally", models.TextField()),
                ("changes", models.TextField(blank=True)),
                ("secret", models.BinaryField(default=b"", max_length=32)),
                ("marks", models.TextField(blank=True)),
                ("stated_at", models.DateTimeField(verbose_name="published at")),
                ("opened_at", models.DateTimeField(blank=True, null=True, verbose_name="opened at")),
            ],
            options={
                "ordering": ["season", "version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("season", "version"), name="statement_version_unique_in_season"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StatementPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="ballots.statement",
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("first", models.BinaryField(max_length=32)),
                ("node", models.BinaryField(max_length=32)),
                ("packed", models.BinaryField()),
            ],
            options={
                "ordering": ["statement", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("statement", "position"), name="one_part_a_position"),
                    models.UniqueConstraint(fields=("statement", "first"), name="one_part_from_a_commitment"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Flag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="flags",
                        to="ballots.round",
                        verbose_name="round",
                    ),
                ),
                (
                    "enrolment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="flags",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("revoked", "the card was declared lost"),
                            ("burst", "many alike in a short time"),
                            ("origin", "many alike from one connection"),
                            ("straight", "more of one mark throughout than chance explains"),
                            ("copies", "more copies of one sheet than chance explains"),
                            ("cards", "consecutive cards used together"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="ballots")),
                ("evidence", models.JSONField(verbose_name="evidence")),
                (
                    "state",
                    models.CharField(
                        choices=[("raised", "to be judged"), ("kept", "counted"), ("excluded", "excluded")],
                        default="raised",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("raised_at", models.DateTimeField(auto_now_add=True, verbose_name="raised at")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                ("excluded", models.PositiveIntegerField(default=0, verbose_name="ballots excluded")),
            ],
            options={
                "ordering": ["round", "enrolment__number", "kind", "pk"],
            },
        ),
        migrations.CreateModel(
            name="FlaggedBallot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "flag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="ballots", to="ballots.flag"
                    ),
                ),
                (
                    "ballot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="ballots.ballot"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("flag", "ballot"), name="a_flag_holds_a_ballot_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Verdict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "flag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="verdicts",
                        to="ballots.flag",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verdicts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[("exclude", "Exclude these ballots"), ("keep", "Let them count")],
                        max_length=8,
                        verbose_name="verdict",
                    ),
                ),
                ("reason", models.TextField(max_length=500, verbose_name="reason")),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="at")),
            ],
            options={
                "ordering": ["flag", "pk"],
                "constraints": [models.UniqueConstraint(fields=("flag", "by"), name="one_verdict_a_person")],
            },
        ),
        migrations.CreateModel(
            name="Sample",
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
                        related_name="sample",
                        to="seasons.enrolment",
                        verbose_name="neighbourhood",
                    ),
                ),
                ("households", models.PositiveIntegerField(verbose_name="households")),
                ("size", models.PositiveSmallIntegerField(verbose_name="households drawn")),
                ("seed_sha256", models.CharField(max_length=64, verbose_name="fingerprint of the seed")),
            ],
            options={
                "ordering": ["enrolment__number"],
            },
        ),
    ]
