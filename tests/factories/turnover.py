"""Who leaves, who comes, and what goes from one to the other."""

import datetime

from dongliang.people.models import Person, Role, Tenure, TenureKind
from dongliang.turnover.actions.advisers import name_adviser, release_adviser, thank_adviser
from dongliang.turnover.actions.elections import begin_election
from dongliang.turnover.actions.handovers import answer_item, open_handover, words_of, write_item
from dongliang.turnover.actions.posts import make_promise
from dongliang.turnover.models import Adviser, Handover, Item
from tests.factories.season import World, make_account

LAST_DAY = datetime.date(2021, 9, 30)


def make_change(world: World, *, place: int = 2, name: str = "严新") -> tuple[Tenure, Tenure]:
    """The secretary in that place leaves at the end of September; somebody comes the day after."""
    post = world.enrolments[place].post
    leaver = Tenure.objects.select_related("person", "post__organisation").get(post=post, ends_on=None)
    leaver.ends_on = LAST_DAY
    leaver.save()
    successor = Tenure.objects.create(
        post=post,
        person=Person.objects.create(name=name),
        kind=TenureKind.NEW,
        starts_on=LAST_DAY + datetime.timedelta(days=1),
    )
    return leaver, successor


def make_handover(world: World, *, place: int = 2, name: str = "严新") -> Handover:
    """A list without lines, and accounts ``leaver`` and ``successor`` for the two."""
    leaver, successor = make_change(world, place=place, name=name)
    number = Handover.objects.count()
    world.accounts["leaver"] = make_account(f"leaver{leaver.pk}-{number}", person=leaver.person)
    world.accounts["successor"] = make_account(
        f"successor{leaver.pk}-{number}",
        (Role.SECRETARY, leaver.post.organisation),
        person=successor.person,
    )
    return open_handover(leaver, by=world.accounts["office"])


def make_item(handover: Handover, **changes) -> Item:
    words = {"kind": "risk", "what": "3 号楼电梯", "state": "年检 11 月到期"} | changes
    return write_item(handover, by=None, **words)


def accept(item: Item, remark: str = "") -> Item:
    return answer_item(item, answer="accepted", remark=remark, shown=words_of(item), by=None)


def make_accepted(world: World, **kwargs) -> Handover:
    """A handover with one accepted line, ready to be signed."""
    handover = make_handover(world, **kwargs)
    accept(make_item(handover))
    return Handover.objects.get(pk=handover.pk)


def make_adviser(tenure: Tenure, *, released: bool = True) -> Adviser:
    adviser = name_adviser(tenure, since=tenure.ends_on + datetime.timedelta(days=1), by=None)
    adviser = thank_adviser(adviser, thanks="二十年如一日，楼里的事件件有回音。", by=None)
    return release_adviser(adviser, by=None) if released else adviser


def make_turnover(world: World) -> None:
    """Before the first secretary somebody else was in post, who hands over and is adviser now; an election between."""
    tenure = Tenure.objects.get(person=world.enrolments[0].person, ends_on=None)
    last = tenure.starts_on - datetime.timedelta(days=1)
    leaver = Tenure.objects.create(
        post=tenure.post,
        person=Person.objects.create(name="高长安"),
        kind=TenureKind.REELECTED,
        starts_on=datetime.date(2012, 3, 1),
        ends_on=last,
    )
    begin_election(world.district, held_on=tenure.starts_on, by=None)
    make_item(open_handover(leaver, by=None))
    make_promise(tenure.post, what="月底前修好东门", due_on=None, by=None)
    make_adviser(leaver)
