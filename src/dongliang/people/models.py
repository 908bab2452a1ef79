from functools import cached_property
from typing import cast

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class OrganisationKind(models.TextChoices):
    DISTRICT = "district", _("district")
    SUBDISTRICT = "subdistrict", _("subdistrict")
    TOWN = "town", _("town")
    NEIGHBOURHOOD = "neighbourhood", _("neighbourhood")
    VILLAGE = "village", _("village")
    DEPARTMENT = "department", _("department")


class EstateKind(models.TextChoices):
    """What most of a neighbourhood is built of; its work depends on it."""

    WORKERS = "workers", _("workers' village")
    COMMERCIAL = "commercial", _("commercial housing")
    RELOCATED = "relocated", _("relocation housing")
    LANES = "lanes", _("old lanes")
    MIXED = "mixed", _("mixed")
    RURAL = "rural", _("rural")


class Organisation(models.Model):
    """A node of the tree: district, then subdistricts, towns and departments, then neighbourhoods and villages."""

    kind = models.CharField(_("kind"), max_length=16, choices=OrganisationKind)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("belongs to")
    )
    code = models.CharField(_("code"), max_length=12, unique=True)
    name = models.CharField(_("name"), max_length=60)
    households = models.PositiveIntegerField(_("households"), null=True, blank=True)
    residents = models.PositiveIntegerField(_("residents"), null=True, blank=True)
    estate_kind = models.CharField(_("kind of estate"), max_length=12, choices=EstateKind, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="organisation_name_unique_in_parent"),
            models.CheckConstraint(
                condition=Q(kind="district", parent=None) | (~Q(kind="district") & Q(parent__isnull=False)),
                name="only_a_district_has_no_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def above(self) -> "Organisation":
        """What it belongs to; only a district belongs to nothing."""
        return cast(Organisation, self.parent)

    @property
    def is_neighbourhood(self) -> bool:
        return self.kind in (OrganisationKind.NEIGHBOURHOOD, OrganisationKind.VILLAGE)


class Gender(models.TextChoices):
    FEMALE = "female", _("female")
    MALE = "male", _("male")


class Person(models.Model):
    name = models.CharField(_("name"), max_length=40)
    gender = models.CharField(_("gender"), max_length=6, choices=Gender, blank=True)
    born = models.PositiveSmallIntegerField(
        _("year of birth"), null=True, blank=True, validators=[MinValueValidator(1900)]
    )
    # What tells two people of one name apart, and one person in two posts together.
    mobile = models.CharField(_("mobile"), max_length=11, unique=True, null=True, blank=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """The post of secretary of one neighbourhood or village. People come and go; the post stays."""

    organisation = models.OneToOneField(
        Organisation, models.PROTECT, related_name="post", verbose_name=_("neighbourhood")
    )

    class Meta:
        ordering = ["organisation__code"]

    def __str__(self) -> str:
        return self.organisation.name


class TenureKind(models.TextChoices):
    NEW = "new", _("new")
    REELECTED = "reelected", _("re-elected")
    MOVED = "moved", _("moved")
    ACTING = "acting", _("acting")


class Tenure(models.Model):
    """Who holds or held a post, from when to when. ``ends_on`` is the last day in post."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="tenures", verbose_name=_("post"))
    person = models.ForeignKey(Person, models.PROTECT, related_name="tenures", verbose_name=_("person"))
    kind = models.CharField(_("how appointed"), max_length=10, choices=TenureKind)
    starts_on = models.DateField(_("in post since"))
    ends_on = models.DateField(_("last day in post"), null=True, blank=True)

    class Meta:
        ordering = ["post", "starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["post"], condition=Q(ends_on=None), name="one_current_tenure_a_post"
            ),
            models.UniqueConstraint(
                fields=["person"], condition=Q(ends_on=None), name="one_current_post_a_person"
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="tenure_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post} {self.person}"


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(username=username)


class Account(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in. What they may do follows from their grants; a superuser is the operator."""

    username = models.CharField(_("user name"), max_length=40, unique=True)
    person = models.OneToOneField(
        Person, models.PROTECT, null=True, blank=True, related_name="account", verbose_name=_("person")
    )
    display_name = models.CharField(_("shown as"), max_length=60)
    is_active = models.BooleanField(_("may sign in"), default=True)
    # Guessing is slowed per account, not per address: a whole street office may share one address.
    failed_sign_ins = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)

    objects = AccountManager()

    USERNAME_FIELD = "username"

    @cached_property
    def held_grants(self) -> list["Grant"]:
        """The grants with their organisations: read once for each request, since every page asks many times."""
        return list(self.grants.select_related("organisation"))

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.display_name


class Activation(models.Model):
    """A link not yet used, by which somebody chooses a password. Only the fingerprint of its token is kept."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="activation")
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(_("valid until"))

    def __str__(self) -> str:
        return str(self.account)


class Role(models.TextChoices):
    OFFICE = "office", _("programme office")
    SUBDISTRICT_OFFICE = "subdistrict_office", _("subdistrict office")
    DEPARTMENT = "department", _("department")
    MENTOR = "mentor", _("mentor")
    SECRETARY = "secretary", _("secretary")


class Grant(models.Model):
    """A role at an organisation. It reaches that organisation and everything below it."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="grants", verbose_name=_("account"))
    role = models.CharField(_("role"), max_length=20, choices=Role)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="grants", verbose_name=_("at")
    )

    class Meta:
        ordering = ["account", "role", "organisation"]
        constraints = [
            models.UniqueConstraint(fields=["account", "role", "organisation"], name="a_grant_is_given_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.get_role_display()} {self.organisation}"


class RosterImport(models.Model):
    """An uploaded roster between preview and confirmation: its accepted rows, nothing of a refused one."""

    class State(models.TextChoices):
        PREVIEWED = "previewed", _("waiting to be confirmed")
        CONFIRMED = "confirmed", _("confirmed")
        DISCARDED = "discarded", _("discarded")

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREVIEWED)
    district = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("district"))
    file_name = models.CharField(_("file"), max_length=200)
    file_sha256 = models.CharField(max_length=64)
    # What the sheets hold, row by row; emptied once confirmed or discarded.
    rows = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    # The fingerprint of what the first preview showed; only what was shown is confirmed.
    outcome_sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-uploaded_at"]

    def __str__(self) -> str:
        return self.file_name
