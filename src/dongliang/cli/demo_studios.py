"""The demo's studios and its group: members, questions with answers, sessions, a case. Needs Django configured."""

import datetime
import io
import uuid

import numpy as np
from django.utils.timezone import localtime
from PIL import Image, ImageDraw

from dongliang.cli import liangzhou
from dongliang.mentoring.actions.studios import (
    add_output,
    answer,
    ask,
    keep_gathering,
    keep_group,
    keep_studio,
    mark_draft_case,
)
from dongliang.mentoring.actions.visits import add_visit_photo
from dongliang.mentoring.models import Studio, Visit
from dongliang.people.models import Account, Person
from dongliang.seasons.models import Enrolment, Season

# Few, since who shares a studio may not assess the other.
STUDIOS, MEMBERS, PHOTOS = 2, 3, 4


def build_studios(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    """Found a few studios with something in each, and form one group across subdistricts."""
    mentors = list(season.mentors.select_related("person")[:STUDIOS])
    everyone = list(season.enrolments.select_related("person", "post__organisation__parent"))
    chosen = sorted({enrolment.subdistrict.pk: enrolment.subdistrict for enrolment in everyone}.items())
    for place, (mentor, (pk, subdistrict)) in enumerate(zip(mentors, chosen, strict=False)):
        members = [one for one in everyone if one.subdistrict.pk == pk][:MEMBERS]
        studio = keep_studio(
            None,
            season=season,
            subdistrict=subdistrict,
            name=f"{subdistrict.name.removesuffix('街道').removesuffix('镇')}书记工作室",
            leader=mentor,
            members=[member.person for member in members],
            place=f"{members[0].organisation}二楼",
            good_at=liangzhou.STUDIO_STRENGTHS[place],
            by=by,
        )
        fill_studio(studio, members, by=by)
    form_group(season, [mentor.person for mentor in mentors], everyone[:: max(len(everyone) // 5, 1)], by=by)
    photograph(rng, season)


def afternoon(days: int) -> datetime.datetime:
    """Two o'clock, so many days from today."""
    return localtime().replace(hour=14, minute=0, second=0, microsecond=0) + datetime.timedelta(days=days)


def fill_studio(studio: Studio, members: list[Enrolment], *, by: Account) -> None:
    asker = Account.objects.filter(username="secretary").first() or by
    leader = Account.objects.filter(person=studio.leader.person_id).first() or by
    for title, text, nameless, told in liangzhou.BOX:
        question = ask(studio, title=title, text=text, nameless=nameless, by=asker)
        if told:
            given = answer(question, text=told, by=leader)
            mark_draft_case(given, is_draft=nameless, by=leader)
    came = [studio.leader.person, *(member.person for member in members)]
    held, coming = afternoon(-12), afternoon(9)
    notes = "大家各说一件难事，互相出主意；下次到现场看加梯。"
    place = studio.place
    keep_gathering(
        None, of=studio, topic="难事会诊", starts_at=held, place=place, notes=notes, came=came, by=by
    )
    keep_gathering(None, of=studio, topic="到现场看加梯", starts_at=coming, place=place, by=by)
    text = "低层住户先担心采光，请专业人士上门量过，再算补偿，三个月全票通过。"
    add_output(studio, title="一部电梯怎么谈成的", text=text, by=leader)


def form_group(season: Season, mentors: list[Person], members: list[Enrolment], *, by: Account) -> None:
    topic, aim, notes, text = liangzhou.STUDY
    people = [member.person for member in members]
    group = keep_group(None, season=season, topic=topic, aim=aim, convener=mentors[0], members=people, by=by)
    keep_gathering(
        None,
        of=group,
        topic="停车公约怎么写",
        starts_at=afternoon(-5),
        place="区社区学院 203",
        notes=notes,
        came=[mentors[0], *people[:3]],
        by=by,
    )
    add_output(group, title="停车公约（样本）", text=text, by=by)


def photograph(rng: np.random.Generator, season: Season) -> None:
    """A drawn notice board, in place of a photo, with the first visits."""
    picture = Image.new("RGB", (960, 720), (206, 196, 178))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((120, 90, 840, 560), fill=(247, 243, 234), outline=(90, 74, 56), width=14)
    for line in range(6):
        pen.rectangle((180, 150 + 62 * line, 560 + 40 * (line % 3), 176 + 62 * line), fill=(150, 140, 126))
    pen.rectangle((420, 560, 540, 720), fill=(90, 74, 56))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    for visit in Visit.objects.filter(pair__mentee__season=season, pair__ends_on=None).order_by("pk")[
        :PHOTOS
    ]:
        key = uuid.UUID(bytes=rng.bytes(16), version=4)
        add_visit_photo(visit, out.getvalue(), key=key, by=visit.logged_by)
