"""The page of projects, which is long and in another order for everybody, put together from rendered parts."""

import random

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from dongliang.ballots.intake.entitlement import Entitlement
from dongliang.ballots.intake.messages import Look
from dongliang.ballots.intake.skeletons import slot
from dongliang.ballots.intake.snapshot import Names


def project_groups(
    holder: Entitlement, look: Look, order: random.Random, picked: frozenset[str] = frozenset()
) -> tuple[SafeString, SafeString]:
    """The neighbourhood's own project, and the others by category, as they stand on the page.

    Categories and projects stand in an order of this voter's own, drawn from the credential: no project comes first
    with everybody, and a reload moves nothing. A category with something picked stands open.
    """
    names = holder.season.names
    own = holder.neighbourhood.number
    parts = project_parts(names)
    by_category: dict[str, list[int]] = {}
    numbers = [number for number in names.projects if number != own]
    order.shuffle(numbers)
    for number in numbers:
        by_category.setdefault(names.projects[number].category, []).append(number)
    categories = [category for category in names.rules.categories if category.key in by_category]
    order.shuffle(categories)
    chosen = {number for number in names.projects if str(number) in picked}
    groups = []
    for category in categories:
        members = by_category[category.key]
        before, after = group_parts(names, look, category.key, len(members), not chosen.isdisjoint(members))
        groups += [before, *[parts[number, number in chosen] for number in members], after]
    # Rendered by templates, which have escaped what they were given.
    return mark_safe(parts.get((own, own in chosen), "")), mark_safe("".join(groups))


def project_parts(names: Names) -> dict[tuple[int, bool], str]:
    """Each project's box to tick, not ticked and ticked."""
    if "projects" not in names.pages:
        names.pages["projects"] = {
            (number, is_picked): rendered_project(project, is_picked)
            for number, project in names.projects.items()
            for is_picked in (False, True)
        }
    return names.pages["projects"]


def rendered_project(project: object, is_picked: bool) -> str:
    return render_to_string("ballots/_pick.html", {"choice": project, "is_picked": is_picked}).strip()


def group_parts(names: Names, look: Look, category: str, count: int, is_open: bool) -> list[str]:
    """What stands before and after the projects of a category."""
    key = ("group", look.language, category, count, is_open)
    if key not in names.pages:
        with translation.override(look.language):
            name = next(str(each.name) for each in names.rules.categories if each.key == category)
            context = {"name": name, "count": count, "is_open": is_open, "members": slot("members")}
            text = render_to_string("ballots/_group.html", context)
        names.pages[key] = text.split(slot("members"))
    return names.pages[key]
