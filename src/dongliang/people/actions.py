import datetime
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import (
    Account,
    Activation,
    Grant,
    Organisation,
    OrganisationKind,
    Person,
    Post,
    Role,
    Tenure,
)
from dongliang.people.queries import (
    account_blockers,
    activation_of,
    beginning_blockers,
    current_tenures,
    ending_blockers,
    fingerprint_of_token,
    grant_blockers,
)
from dongliang.people.roster.planning import RosterPlan, in_parts

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
ACTIVATION_LASTS = datetime.timedelta(days=14)
ROWS_AT_ONCE = 500


# The district and its roster


@transaction.atomic
def set_up_district(code: str, name: str, *, by: Account | None) -> Organisation:
    """The district of that code and name; made if there is none."""
    if not re.fullmatch(r"[A-Z]{2,4}", code):
        raise Refused(
            Blocker(
                "district.code",
                _("'%(code)s' is no code for a district.") % {"code": code},
                _("Use 2 to 4 capital letters, such as LZ."),
            )
        )
    district = Organisation.objects.filter(code=code).first()
    if district is None:
        district = Organisation.objects.create(kind=OrganisationKind.DISTRICT, code=code, name=name)
        log_action("people.district.set_up", district, by=by, code=code)
    elif (district.kind, district.name) != (OrganisationKind.DISTRICT, name):
        raise Refused(
            Blocker(
                "district.code_taken",
                _("The code %(code)s is %(name)s's already.") % {"code": code, "name": district},
                _("Choose another code."),
            )
        )
    return district


@transaction.atomic
def apply_roster(plan: RosterPlan, *, by: Account | None) -> None:
    """Write what the plan holds. The caller has made the plan in this transaction and seen that nothing is refused."""
    Organisation.objects.bulk_create(plan.new_units)
    for neighbourhood in plan.new_neighbourhoods:
        neighbourhood.parent = neighbourhood.parent
    Organisation.objects.bulk_create(plan.new_neighbourhoods, ROWS_AT_ONCE)
    Organisation.objects.bulk_update(
        plan.changed_organisations, ["kind", "households", "residents", "estate_kind"], ROWS_AT_ONCE
    )
    for post in plan.new_posts:
        post.organisation = post.organisation
    Post.objects.bulk_create(plan.new_posts, ROWS_AT_ONCE)
    Person.objects.bulk_update(
        plan.changed_persons.values(), ["name", "gender", "born", "mobile"], ROWS_AT_ONCE
    )
    Person.objects.bulk_create(plan.new_persons, ROWS_AT_ONCE)
    # What ends goes first: no post and no person may have two current tenures, not for a moment.
    Tenure.objects.bulk_update(plan.ended.values(), ["ends_on"], ROWS_AT_ONCE)
    Tenure.objects.bulk_update(plan.corrected, ["starts_on", "kind"], ROWS_AT_ONCE)
    for tenure in plan.new_tenures:
        tenure.post, tenure.person = tenure.post, tenure.person
    Tenure.objects.bulk_create(plan.new_tenures, ROWS_AT_ONCE)
    move_secretary_grants(plan)
    log_action(
        "people.roster.applied",
        plan.district,
        by=by,
        counts=plan.counts,
        ended=sorted(plan.ended),
        begun=sorted(tenure.pk for tenure in plan.new_tenures),
        corrected=sorted(tenure.pk for tenure in plan.corrected),
    )


def move_secretary_grants(plan: RosterPlan) -> None:
    """Let the grants of those who have an account follow them from post to post."""
    served_here = Q(person__tenures__post__organisation__parent__parent=plan.district)
    accounts = {account.person_id: account for account in Account.objects.filter(served_here)}
    left = [tenure for tenure in plan.ended.values() if tenure.person_id in accounts]
    for tenure in left:
        accounts[tenure.person_id].grants.filter(
            role=Role.SECRETARY, organisation__post=tenure.post_id
        ).delete()
    came = [tenure for tenure in plan.new_tenures if tenure.person_id in accounts]
    Grant.objects.bulk_create(
        (
            Grant(
                account=accounts[tenure.person_id],
                role=Role.SECRETARY,
                organisation_id=tenure.post.organisation_id,
            )
            for tenure in came
        ),
        ignore_conflicts=True,
    )


# One post at a time


@transaction.atomic
def end_tenure(tenure: Tenure, *, last_day: datetime.date, by: Account | None) -> Tenure:
    """Let the holder leave the post after that day; the role there goes too. Raises Refused."""
    Post.objects.select_for_update().get(pk=tenure.post_id)
    tenure = Tenure.objects.select_related("post__organisation", "person").get(pk=tenure.pk)
    if blockers := ending_blockers(tenure, last_day, by):
        raise Refused(blockers)
    tenure.ends_on = last_day
    tenure.save(update_fields=["ends_on"])
    Grant.objects.filter(
        account__person=tenure.person, role=Role.SECRETARY, organisation=tenure.post.organisation
    ).delete()
    log_action("people.tenure.ended", tenure, by=by, last_day=last_day.isoformat())
    return tenure


@transaction.atomic
def begin_tenure(
    post: Post, *, name: str, mobile: str, kind: str, starts_on: datetime.date, by: Account | None
) -> Tenure:
    """Put somebody in a vacant post, told by the mobile; new on record if nobody has it. Raises Refused."""
    post = Post.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=post.pk)
    person = Person.objects.select_for_update().filter(mobile=mobile).first()
    blockers = beginning_blockers(post, person, starts_on, by)
    if person is not None and person.name != name:
        blockers.append(
            Blocker(
                "person.name",
                _("The mobile %(mobile)s belongs to somebody of another name.") % {"mobile": mobile},
                _("Correct the name or the mobile."),
            )
        )
    if blockers:
        raise Refused(blockers)
    person = person or Person.objects.create(name=name, mobile=mobile)
    tenure = Tenure.objects.create(post=post, person=person, kind=kind, starts_on=starts_on)
    if account := Account.objects.filter(person=person).first():
        account.grants.get_or_create(role=Role.SECRETARY, organisation=post.organisation)
    log_action("people.tenure.begun", tenure, by=by, how=kind, first_day=starts_on.isoformat())
    return tenure


# Accounts


def username_blockers(username: str) -> list[Blocker]:
    if not USERNAME.fullmatch(username):
        return [
            Blocker(
                "account.username",
                _("'%(username)s' cannot be a user name.") % {"username": username},
                _("Use 2 to 40 small letters, digits, dots, hyphens or underscores, such as wangfang."),
            )
        ]
    if Account.objects.filter(username=username).exists():
        return [
            Blocker(
                "account.username_taken",
                _("The user name %(username)s is taken.") % {"username": username},
                _("Choose another one."),
            )
        ]
    return []


def person_blockers(person: Person | None) -> list[Blocker]:
    if person is not None and (other := Account.objects.filter(person=person).first()):
        return [
            Blocker(
                "account.person_taken",
                _("%(person)s has an account already: %(username)s.")
                % {"person": person, "username": other.username},
                _("Give that account the role instead."),
            )
        ]
    return []


def password_blockers(password: str, account: Account) -> list[Blocker]:
    try:
        validate_password(password, account)
    except ValidationError as error:
        return [Blocker("account.password", message) for message in error.messages]
    return []


@transaction.atomic
def create_operator(username: str, password: str) -> Account:
    """An account that may do everything. Only the command line makes one."""
    account = Account(username=username, display_name=username, is_superuser=True)
    if blockers := [*username_blockers(username), *password_blockers(password, account)]:
        raise Refused(blockers)
    account.set_password(password)
    account.save()
    log_action("people.operator.created", account, by=None)
    return account


@transaction.atomic
def create_account(
    username: str,
    display_name: str,
    role: str,
    organisation: Organisation,
    *,
    by: Account | None,
    person: Person | None = None,
    password: str | None = None,
) -> Account:
    """An account with its first grant. Without a password it waits for its activation link to be used."""
    account = Account(username=username, display_name=display_name, person=person)
    blockers = [*username_blockers(username), *grant_blockers(role, organisation, by)]
    if password is not None:
        blockers += password_blockers(password, account)
    if blockers := blockers + person_blockers(person):
        raise Refused(blockers)
    account.set_password(password)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        # Somebody else made one with that name, or for that person, since we looked.
        raise Refused([*username_blockers(username), *person_blockers(person)]) from error
    account.grants.create(role=role, organisation=organisation)
    log_action("people.account.created", account, by=by, role=role, organisation=organisation.code)
    return account


@transaction.atomic
def issue_activation(account: Account, *, by: Account | None) -> str:
    """A link's token, shown this once, by which the account's owner chooses a password. The old password is void."""
    account = managed(account, by)
    account.set_unusable_password()
    account.failed_sign_ins, account.locked_until = 0, None
    account.save(update_fields=["password", "failed_sign_ins", "locked_until"])
    token = issue_activations([account])[account.pk]
    log_action("people.account.activation_issued", account, by=by)
    return token


def issue_activations(accounts: Iterable[Account]) -> dict[int, str]:
    tokens = {account.pk: secrets.token_urlsafe(32) for account in accounts}
    for some in in_parts(list(tokens)):
        Activation.objects.filter(account__in=some).delete()
    Activation.objects.bulk_create(
        Activation(
            account_id=pk, token_sha256=fingerprint_of_token(token), expires_at=now() + ACTIVATION_LASTS
        )
        for pk, token in tokens.items()
    )
    return tokens


@transaction.atomic
def activate_account(token: str, password: str) -> Account:
    """Let the holder of the link set the account's password; the link is used up."""
    activation = activation_of(token)
    # Whoever comes second finds nothing to delete.
    if activation is None or not Activation.objects.filter(pk=activation.pk).delete()[0]:
        raise Refused(
            Blocker(
                "activation.used",
                _("This link has been used, replaced or has expired."),
                _("Ask your programme office for a new one."),
            )
        )
    return set_password(activation.account, password, by=activation.account)


@transaction.atomic
def set_password(account: Account, password: str, *, by: Account | None) -> Account:
    if blockers := password_blockers(password, account):
        raise Refused(blockers)
    account.set_password(password)
    account.failed_sign_ins, account.locked_until = 0, None
    account.save(update_fields=["password", "failed_sign_ins", "locked_until"])
    log_action("people.account.password_set", account, by=by)
    return account


@transaction.atomic
def disable_account(account: Account, *, by: Account | None) -> Account:
    """Let the account no longer sign in; who is signed in with it is out at the next page."""
    account = managed(account, by)
    if account == by:
        raise Refused(
            Blocker(
                "account.own",
                _("You cannot disable your own account."),
                _("Ask a colleague of your office to do it."),
            )
        )
    account.is_active = False
    account.save(update_fields=["is_active"])
    Activation.objects.filter(account=account).delete()
    log_action("people.account.disabled", account, by=by)
    return account


@transaction.atomic
def enable_account(account: Account, *, by: Account | None) -> Account:
    account = managed(account, by)
    account.is_active = True
    account.save(update_fields=["is_active"])
    log_action("people.account.enabled", account, by=by)
    return account


@transaction.atomic
def add_grant(account: Account, role: str, organisation: Organisation, *, by: Account | None) -> Grant:
    account = managed(account, by)
    if blockers := grant_blockers(role, organisation, by):
        raise Refused(blockers)
    grant, created = account.grants.get_or_create(role=role, organisation=organisation)
    if created:
        log_action("people.grant.added", account, by=by, role=role, organisation=organisation.code)
    return grant


@transaction.atomic
def remove_grant(grant: Grant, *, by: Account | None) -> None:
    """Take the role back. An account keeps one role at least, and nobody ends the own work for the office."""
    account = managed(grant.account, by)
    roles = list(account.grants.values_list("role", flat=True))
    blockers = []
    if account == by and grant.role == Role.OFFICE and roles.count(Role.OFFICE) == 1:
        blockers.append(
            Blocker(
                "grant.own_office",
                _("You cannot take back your own last role in the programme office."),
                _("Ask a colleague of your office to do it."),
            )
        )
    if len(roles) == 1:
        blockers.append(
            Blocker(
                "grant.last",
                _("This is the last role of %(account)s.") % {"account": account},
                _("Give another role first, or disable the account."),
            )
        )
    if blockers:
        raise Refused(blockers)
    # Pressed by two at once, it is taken back once.
    if Grant.objects.filter(pk=grant.pk).delete()[0]:
        log_action(
            "people.grant.removed", account, by=by, role=grant.role, organisation=grant.organisation.code
        )


def managed(account: Account, by: Account | None) -> Account:
    """The account, locked for a change by ``by``. Raises Refused."""
    account = Account.objects.select_for_update().get(pk=account.pk)
    if blockers := account_blockers(account, by):
        raise Refused(blockers)
    return account


@dataclass(frozen=True)
class NewAccess:
    """An account waiting for its link to be used, and the token of the link: shown this once."""

    account: Account
    organisation: Organisation
    token: str


def create_secretary_accounts(district: Organisation, *, by: Account | None) -> list[NewAccess]:
    """An account for every serving secretary without one; a new link for every one not activated yet."""
    serving = [(tenure.person, tenure.post.organisation) for tenure in current_tenures(district)]
    return create_accounts_for(serving, Role.SECRETARY, district=district, by=by)


@transaction.atomic
def create_accounts_for(
    people: Iterable[tuple[Person, Organisation]],
    role: str,
    *,
    district: Organisation,
    by: Account | None,
) -> list[NewAccess]:
    """See that each person has an account with the role there. No password is made, so hundreds take a moment.

    Each new account, and each whose link nobody has used yet, gets a link of its own. Accounts in use get the role
    and nothing else; disabled ones are left alone.
    """
    # Two offices at once make them one after the other: the second finds what the first has made.
    Organisation.objects.select_for_update().get(pk=district.pk)
    places = {person.pk: (person, organisation) for person, organisation in people}
    accounts = {account.person_id: account for account in Account.objects.exclude(person=None)}
    fresh = new_accounts([place for pk, place in places.items() if pk not in accounts])
    accounts |= {account.person_id: account for account in fresh}
    Grant.objects.bulk_create(
        (
            Grant(account=accounts[pk], role=role, organisation=organisation)
            for pk, (_person, organisation) in places.items()
            if accounts[pk].is_active
        ),
        ignore_conflicts=True,
    )
    waiting = {account.pk for account in fresh} | set(Activation.objects.values_list("account", flat=True))
    tokens = issue_activations(accounts[pk] for pk in places if accounts[pk].pk in waiting)
    log_action(
        "people.accounts.created",
        district,
        by=by,
        role=role,
        accounts=sorted(account.pk for account in fresh),
        links=sorted(tokens),
    )
    return [
        NewAccess(accounts[pk], organisation, tokens[accounts[pk].pk])
        for pk, (_person, organisation) in places.items()
        if accounts[pk].pk in tokens
    ]


def new_accounts(places: list[tuple[Person, Organisation]]) -> list[Account]:
    """Accounts called by the person's mobile, or by the code of the organisation where no mobile is known."""
    taken = set(Account.objects.values_list("username", flat=True))
    accounts = []
    for person, organisation in places:
        name = wanted = person.mobile or organisation.code.lower()
        number = 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name)
        account = Account(username=name, display_name=person.name, person=person)
        account.set_unusable_password()
        accounts.append(account)
    return Account.objects.bulk_create(accounts, ROWS_AT_ONCE)
