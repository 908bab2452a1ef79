"""Who holds which role where, which organisations that reaches, and who may come to or leave a post."""

import datetime
import hashlib
from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _

from dongliang.common.pinyin import has_initials, is_initials
from dongliang.common.refusals import Blocker
from dongliang.people.models import (
    Account,
    Activation,
    Grant,
    Organisation,
    OrganisationKind,
    Person,
    Post,
    Role,
    RosterImport,
    Tenure,
)

AnyModel = TypeVar("AnyModel", bound=Model)

KINDS_OF_ROLE: dict[str, tuple[str, ...]] = {
    Role.OFFICE: (OrganisationKind.DISTRICT,),
    Role.SUBDISTRICT_OFFICE: (OrganisationKind.SUBDISTRICT, OrganisationKind.TOWN),
    Role.DEPARTMENT: (OrganisationKind.DEPARTMENT,),
    Role.MENTOR: (OrganisationKind.DISTRICT, OrganisationKind.SUBDISTRICT, OrganisationKind.TOWN),
    Role.SECRETARY: (OrganisationKind.NEIGHBOURHOOD, OrganisationKind.VILLAGE),
}


def grants_of(account: Account) -> list[Grant]:
    """The account's grants with their organisations, as long as it may sign in."""
    return account.held_grants if account.is_authenticated and account.is_active else []


def has_role(account: Account, *roles: str) -> bool:
    return any(grant.role in roles for grant in grants_of(account))


def is_office(account: Account) -> bool:
    """Whether the account acts for the programme office; the operator does too."""
    return bool(account.is_active and account.is_superuser) or has_role(account, Role.OFFICE)


def organisations_reached(account: Account, *roles: str) -> QuerySet[Organisation]:
    """The organisations where the account holds one of ``roles``, and all below them."""
    if account.is_active and account.is_superuser:
        return Organisation.objects.all()
    held = [grant.organisation_id for grant in grants_of(account) if grant.role in roles]
    children = Organisation.objects.filter(parent__in=held).values("pk")
    # Not by the parent's parent: PostgreSQL, as long as it has not counted a new roster, would join it anew for each row.
    return Organisation.objects.filter(Q(pk__in=held) | Q(parent__in=held) | Q(parent__in=children))


def organisations_of(rows: QuerySet[Any], path: str) -> QuerySet[Organisation]:
    """The organisations that ``rows`` lead to by ``path``: what a list can be filtered by.

    They are asked for first. Within one another, PostgreSQL would work the rows out anew for each organisation as long
    as it has not counted them, which right after an import takes minutes.
    """
    return Organisation.objects.filter(pk__in=set(rows.order_by().values_list(path, flat=True)))


def subdistricts_of(district: Organisation) -> QuerySet[Organisation]:
    return district.children.filter(kind__in=[OrganisationKind.SUBDISTRICT, OrganisationKind.TOWN])


def departments_of(district: Organisation) -> QuerySet[Organisation]:
    return district.children.filter(kind=OrganisationKind.DEPARTMENT)


def current_tenures(district: Organisation) -> QuerySet[Tenure]:
    """Who is in post now in the district's neighbourhoods and villages, in the order of their codes."""
    return (
        Tenure.objects.filter(ends_on=None, post__organisation__parent__parent=district)
        .select_related("person", "post__organisation__parent")
        .order_by("post__organisation__code")
    )


def districts_run_by(account: Account) -> QuerySet[Organisation]:
    """The districts whose programme office the account belongs to."""
    return organisations_reached(account, Role.OFFICE).filter(kind=OrganisationKind.DISTRICT)


def roster_imports_visible_to(account: Account) -> QuerySet[RosterImport]:
    return RosterImport.objects.filter(district__in=districts_run_by(account)).select_related(
        "district", "uploaded_by"
    )


def roster_import_blockers(roster_import: RosterImport, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot confirm or discard this preview."""
    found = []
    if roster_import.state != RosterImport.State.PREVIEWED:
        found.append(
            Blocker(
                "roster.used",
                _("This preview is %(state)s.") % {"state": roster_import.get_state_display()},
                _("To import the file again, choose it again."),
            )
        )
    if roster_import.uploaded_by != by:
        found.append(
            Blocker(
                "roster.not_yours",
                _("This preview belongs to %(name)s, who chose the file.")
                % {"name": roster_import.uploaded_by},
                _("Choose the file yourself to import it."),
            )
        )
    return found


def accounts_visible_to(account: Account) -> QuerySet[Account]:
    """The accounts with a grant in the districts that the account's office runs; the operator sees all."""
    accounts = Account.objects.select_related("person", "activation").prefetch_related("grants__organisation")
    if account.is_active and account.is_superuser:
        return accounts
    reached = organisations_reached(account, Role.OFFICE)
    held = Grant.objects.filter(account=OuterRef("pk"), organisation__in=reached.values("pk"))
    return accounts.filter(Exists(held), is_superuser=False)


def account_blockers(account: Account, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot manage the account: it may act where ``by`` may not."""
    if by is None or by.is_superuser:
        return []
    reached = organisations_reached(by, Role.OFFICE)
    if account.is_superuser or account.grants.exclude(organisation__in=reached.values("pk")).exists():
        return [
            Blocker(
                "account.beyond",
                _("%(account)s also acts outside your district.") % {"account": account},
                _("Ask the operator to change it."),
            )
        ]
    return []


def grant_blockers(role: str, organisation: Organisation, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot give the role there."""
    found = []
    if organisation.kind not in KINDS_OF_ROLE[role]:
        found.append(
            Blocker(
                "grant.kind",
                _("%(role)s is no role at a %(kind)s such as %(organisation)s.")
                % {
                    "role": Role(role).label,
                    "kind": organisation.get_kind_display(),
                    "organisation": organisation,
                },
                _("Choose one of: %(kinds)s.")
                % {"kinds": ", ".join(str(OrganisationKind(kind).label) for kind in KINDS_OF_ROLE[role])},
            )
        )
    if by is not None and not organisations_reached(by, Role.OFFICE).filter(pk=organisation.pk).exists():
        found.append(
            Blocker(
                "grant.beyond",
                _("%(organisation)s is outside your district.") % {"organisation": organisation},
                _("Give roles within your own district."),
            )
        )
    return found


def people_of(district: Organisation) -> QuerySet[Person]:
    """Who serves or served in the district, and who serves nowhere at all."""
    tenures = Tenure.objects.filter(person=OuterRef("pk"))
    return Person.objects.filter(
        Exists(tenures.filter(post__organisation__parent__parent=district)) | ~Exists(tenures)
    )


def ending_blockers(tenure: Tenure, last_day: datetime.date, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot end the tenure on that day."""
    found = post_blockers(tenure.post, by)
    if tenure.ends_on is not None:
        found.append(
            Blocker(
                "tenure.ended",
                _("%(person)s left this post on %(day)s.") % {"person": tenure.person, "day": tenure.ends_on},
                _("Nothing is left to do."),
            )
        )
    if not tenure.starts_on <= last_day <= localdate():
        found.append(
            Blocker(
                "tenure.last_day",
                _("%(day)s cannot be the last day in post.") % {"day": last_day},
                _("Choose a day from %(first)s to today, %(today)s.")
                % {"first": tenure.starts_on, "today": localdate()},
            )
        )
    return found


def beginning_blockers(
    post: Post, person: Person | None, starts_on: datetime.date, by: Account | None
) -> list[Blocker]:
    """Every reason why ``by`` cannot put the person, None if new on record, in the post from that day."""
    found = post_blockers(post, by)
    if holder := post.tenures.filter(ends_on=None).select_related("person").first():
        found.append(
            Blocker(
                "tenure.taken",
                _("%(person)s holds this post.") % {"person": holder.person},
                _("End that tenure first."),
            )
        )
    theirs = Tenure.objects.filter(person=person) if person else Tenure.objects.none()
    if other := theirs.filter(ends_on=None).exclude(post=post).select_related("post__organisation").first():
        found.append(
            Blocker(
                "tenure.elsewhere",
                _("%(person)s holds the post of %(place)s.") % {"person": person, "place": other.post},
                _("End that tenure first."),
            )
        )
    ends = [*post.tenures.values_list("ends_on", flat=True), *theirs.values_list("ends_on", flat=True)]
    last = max(filter(None, ends), default=None)
    if starts_on > localdate() or (last and starts_on <= last):
        found.append(
            Blocker(
                "tenure.first_day",
                _("%(day)s cannot be the first day in post.") % {"day": starts_on},
                _("Choose a day after %(last)s and not after today, %(today)s.")
                % {"last": last, "today": localdate()}
                if last
                else _("Choose today, %(today)s, or an earlier day.") % {"today": localdate()},
            )
        )
    return found


def post_blockers(post: Post, by: Account | None) -> list[Blocker]:
    if by is None or organisations_reached(by, Role.OFFICE).filter(pk=post.organisation_id).exists():
        return []
    return [
        Blocker(
            "post.beyond",
            _("Who holds the post of %(place)s is not for you to change.") % {"place": post},
            _("Ask the programme office of its district."),
        )
    ]


def found_by_name(
    rows: QuerySet[AnyModel], search: str, *names: str, also: tuple[str, ...] = ()
) -> QuerySet[AnyModel]:
    """The rows in which a person's name, in one of the columns ``names``, holds ``search``, or has it as pinyin initials.

    ``also`` are columns that only have to hold it, such as a neighbourhood's name.
    """
    if not search:
        return rows
    wanted = Q()
    for column in (*names, *also):
        wanted |= Q(**{f"{column}__icontains": search})
    if is_initials(search):
        # A column of initials would be a second place for the name; a district has some hundred names to read.
        listed = rows.order_by().values_list("pk", *names)
        wanted |= Q(
            pk__in=[
                pk for pk, *called in listed if any(name and has_initials(name, search) for name in called)
            ]
        )
    return rows.filter(wanted)


def fingerprint_of_token(token: str) -> str:
    # The token has 256 random bits: nothing is gained by a slow hash.
    return hashlib.sha256(token.encode()).hexdigest()


def activation_of(token: str) -> Activation | None:
    """The link's activation, if it is valid and its account may sign in."""
    return (
        Activation.objects.filter(
            token_sha256=fingerprint_of_token(token), expires_at__gt=now(), account__is_active=True
        )
        .select_related("account")
        .first()
    )
