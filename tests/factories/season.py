"""A small season with everyone in it: two subdistricts of three neighbourhoods, two departments, four mentors."""

import copy
import datetime
from dataclasses import dataclass, field
from itertools import count

from dongliang.mentoring.actions import appoint_mentor, pair_mentee
from dongliang.mentoring.models import Mentor
from dongliang.people.models import (
    Account,
    Grant,
    Organisation,
    OrganisationKind,
    Person,
    Post,
    Role,
    Tenure,
    TenureKind,
)
from dongliang.seasons.actions import create_season, freeze_rule_book, open_season
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.rulebook import RuleBookContent, preset, validated
from tests.factories.memory import remembered

PASSWORD = "correct horse 42"
NAMES = ("周兰英", "吴建国", "郑秀芳", "王海燕", "冯志明", "陈玉梅", "褚卫东", "卫春华", "蒋丽萍", "沈国强")
serial = count(1)


def make_rules(**changes) -> RuleBookContent:
    """The shipped rule book cut down to six secretaries; ``changes`` replace whole sections."""
    document = copy.deepcopy(preset("putuo-2021").model_dump())
    document["programme"] = {"subdistricts": 2, "secretaries": 6}
    document["field"] |= {"assessors": 4, "assessors_each": 2}
    document["best_secretaries"] |= {"places": 3, "subdistrict_quota": {"minimum": 1, "maximum": 2}}
    # Unsigned sheets count, unless a test asks for signatures.
    del document["institutional"]
    document["defaults"].remove("institutional")
    document["popular_projects"] |= {"places": 2}
    document["scoring"] |= {"draws": 1000}
    for source in document["sources"]:
        source["minimum_answers"] = 1
    return validated(document | changes)


def make_account(name: str, *grants: tuple[str, Organisation], person: Person | None = None) -> Account:
    account = Account(username=name, display_name=name, person=person)
    account.set_password(PASSWORD)
    account.save()
    Grant.objects.bulk_create(
        Grant(account=account, role=role, organisation=organisation) for role, organisation in grants
    )
    return account


def make_district(code: str = "LZ", name: str = "梁州区") -> Organisation:
    return Organisation.objects.create(kind=OrganisationKind.DISTRICT, code=code, name=name)


def make_organisation(parent: Organisation, code: str, name: str, kind: str, **profile) -> Organisation:
    return Organisation.objects.create(kind=kind, parent=parent, code=code, name=name, **profile)


def make_secretary(organisation: Organisation, name: str, kind: str = TenureKind.REELECTED) -> Tenure:
    person = Person.objects.create(name=name)
    post = Post.objects.create(organisation=organisation)
    return Tenure.objects.create(post=post, person=person, kind=kind, starts_on=datetime.date(2021, 3, 1))


@dataclass
class World:
    """A district, its season, and an account for each role."""

    district: Organisation
    subdistricts: list[Organisation]
    departments: list[Organisation]
    season: Season
    enrolments: list[Enrolment] = field(default_factory=list)
    mentors: list[Mentor] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)


@remembered
def make_world(
    *, code: str = "LZ", open_it: bool = True, freeze_it: bool = True, rules: RuleBookContent | None = None
) -> World:
    """The small season: open, with pairs made, unless ``open_it`` is False; its rules frozen, unless ``freeze_it`` is.

    Accounts: office, subdistrict (of the first), other_subdistrict, department, mentor (coaches the first two
    secretaries), other_mentor, secretary (the first), other_secretary (of the second subdistrict).
    """
    district = make_district(code, f"梁州区{'' if code == 'LZ' else code}")
    subdistricts = [
        make_organisation(district, f"{code}01", "望梁街道", "subdistrict"),
        make_organisation(district, f"{code}02", "石桥镇", "town"),
    ]
    departments = [
        make_organisation(district, f"{code}D1", "民政局", "department"),
        make_organisation(district, f"{code}D2", "房管局", "department"),
    ]
    for s, subdistrict in enumerate(subdistricts):
        for n in range(3):
            neighbourhood = make_organisation(
                subdistrict,
                f"{subdistrict.code}{n + 1:02d}",
                f"{'柳荫' if s == 0 else '河湾'}第{'一二三'[n]}居民区",
                "neighbourhood",
                households=400 + 100 * n,
                residents=1000 + 250 * n,
            )
            make_secretary(neighbourhood, NAMES[3 * s + n], TenureKind.NEW if n < 2 else TenureKind.REELECTED)
    office = make_account(f"office{next(serial)}", (Role.OFFICE, district))
    season = create_season(district, slug=f"{code.lower()}-2021", rules=rules or make_rules(), by=office)
    world = World(district, subdistricts, departments, season, accounts={"office": office})
    for n in range(4):
        person = Person.objects.create(name=NAMES[6 + n])
        # The homes are other districts' streets: none of the four is kept from assessing by where they come from.
        world.mentors.append(appoint_mentor(season, person, by=office))
    if freeze_it:
        freeze_rule_book(season, by=office)
    if open_it:
        open_season(season, by=office)
        world.season = season = Season.objects.get(pk=season.pk)
        world.enrolments = list(season.enrolments.select_related("person", "post__organisation__parent"))
        for mentee in world.enrolments[:2]:
            pair_mentee(world.mentors[0], mentee, by=office, starts_on=datetime.date(2021, 4, 1))
    world.accounts |= make_accounts(world)
    return world


def make_accounts(world: World) -> dict[str, Account]:
    n = next(serial)
    first, second = world.subdistricts
    accounts = {
        "subdistrict": make_account(f"street{n}", (Role.SUBDISTRICT_OFFICE, first)),
        "other_subdistrict": make_account(f"town{n}", (Role.SUBDISTRICT_OFFICE, second)),
        "department": make_account(f"department{n}", (Role.DEPARTMENT, world.departments[0])),
        "mentor": make_account(f"mentor{n}", (Role.MENTOR, world.district), person=world.mentors[0].person),
        "other_mentor": make_account(
            f"second-mentor{n}", (Role.MENTOR, world.district), person=world.mentors[1].person
        ),
    }
    return accounts | make_secretary_accounts(world)


def make_secretary_accounts(world: World) -> dict[str, Account]:
    """Accounts of the first and the last secretary, once they are enrolled."""
    if not world.enrolments:
        return {}
    return {
        role: make_account(
            f"{role}{next(serial)}", (Role.SECRETARY, enrolment.organisation), person=enrolment.person
        )
        for role, enrolment in (("secretary", world.enrolments[0]), ("other_secretary", world.enrolments[5]))
    }
