import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dongliang.common.tables import FirstTables


class Migration(FirstTables):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Organisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("district", "district"),
                            ("subdistrict", "subdistrict"),
                            ("town", "town"),
                            ("neighbourhood", "neighbourhood"),
                            ("village", "village"),
                            ("department", "department"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="people.organisation",
                        verbose_name="belongs to",
                    ),
                ),
                ("code", models.CharField(max_length=12, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("households", models.PositiveIntegerField(blank=True, null=True, verbose_name="households")),
                ("residents", models.PositiveIntegerField(blank=True, null=True, verbose_name="residents")),
                (
                    "estate_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("workers", "workers' village"),
                            ("commercial", "commercial housing"),
                            ("relocated", "relocation housing"),
                            ("lanes", "old lanes"),
                            ("mixed", "mixed"),
                            ("rural", "rural"),
                        ],
                        max_length=12,
                        verbose_name="kind of estate",
                    ),
                ),
            ],
            options={
                "ordering": ["code"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("parent", "name"), name="organisation_name_unique_in_parent"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "district"), ("parent", None)),
                            models.Q(
                                models.Q(("kind", "district"), _negated=True), ("parent__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="only_a_district_has_no_parent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40, verbose_name="name")),
                (
                    "gender",
                    models.CharField(
                        blank=True,
                        choices=[("female", "female"), ("male", "male")],
                        max_length=6,
                        verbose_name="gender",
                    ),
                ),
                (
                    "born",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1900)],
                        verbose_name="year of birth",
                    ),
                ),
                (
                    "mobile",
                    models.CharField(
                        blank=True, max_length=11, null=True, unique=True, verbose_name="mobile"
                    ),
                ),
            ],
            options={
                "ordering": ["name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Post",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="post",
                        to="people.organisation",
                        verbose_name="neighbourhood",
                    ),
                ),
            ],
            options={
                "ordering": ["organisation__code"],
            },
        ),
        migrations.CreateModel(
            name="Tenure",
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
                        related_name="tenures",
                        to="people.post",
                        verbose_name="post",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tenures",
                        to="people.person",
                        verbose_name="person",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new", "new"),
                            ("reelected", "re-elected"),
                            ("moved", "moved"),
                            ("acting", "acting"),
                        ],
                        max_length=10,
                        verbose_name="how appointed",
                    ),
                ),
                ("starts_on", models.DateField(verbose_name="in post since")),
                ("ends_on", models.DateField(blank=True, null=True, verbose_name="last day in post")),
            ],
            options={
                "ordering": ["post", "starts_on"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ends_on", None)),
                        fields=("post",),
                        name="one_current_tenure_a_post",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ends_on", None)),
                        fields=("person",),
                        name="one_current_post_a_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_on", None), ("ends_on__gte", models.F("starts_on")), _connector="OR"
                        ),
                        name="tenure_ends_after_it_starts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("username", models.CharField(max_length=40, unique=True, verbose_name="user name")),
                (
                    "person",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="account",
                        to="people.person",
                        verbose_name="person",
                    ),
                ),
                ("display_name", models.CharField(max_length=60, verbose_name="shown as")),
                ("is_active", models.BooleanField(default=True, verbose_name="may sign in")),
                ("failed_sign_ins", models.PositiveSmallIntegerField(default=0)),
                ("locked_until", models.DateTimeField(blank=True, null=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "ordering": ["username"],
            },
        ),
        migrations.CreateModel(
            name="Activation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activation",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("token_sha256", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("office", "programme office"),
                            ("subdistrict_office", "subdistrict office"),
                            ("department", "department"),
                            ("mentor", "mentor"),
                            ("secretary", "secretary"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="people.organisation",
                        verbose_name="at",
                    ),
                ),
            ],
            options={
                "ordering": ["account", "role", "organisation"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "role", "organisation"), name="a_grant_is_given_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RosterImport",
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
                            ("confirmed", "confirmed"),
                            ("discarded", "discarded"),
                        ],
                        default="previewed",
                        max_length=10,
                        verbose_name="state",
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
