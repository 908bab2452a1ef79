from dongliang.projects.actions import register_first_thing
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment


def make_first_thing(
    enrolment: Enrolment,
    *,
    category: str = "housing",
    title: str = "装上楼道扶手",
    summary: str = "老人上下楼有扶手可扶",
) -> FirstThing:
    return register_first_thing(enrolment, category=category, title=title, summary=summary, by=None)
