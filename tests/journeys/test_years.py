"""Seasons side by side: the office at a desk, a mentor and a secretary on a phone."""

from playwright.sync_api import Page, expect

from tests.browser import axe, follow, shoot, sign_in
from tests.factories.season import World, make_world
from tests.factories.years import add_people, make_years


def make_three_years() -> World:
    """Three scored years of 66 secretaries, some of them with the longest names that there are."""
    world = make_world()
    add_people(world, 60)
    for entry in world.season.enrolments.all()[:20:3]:
        entry.person.name = "欧阳上官慕容完颜"
        entry.person.save()
        entry.organisation.name = "柳荫新村第一百二十八居民区（含望江花园二期）"[:24] + str(entry.number)
        entry.organisation.save()
    make_years(world)
    return world


def look(page: Page, name: str) -> None:
    shoot(page, name)
    axe(page)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{name} is {wider} px wider than the screen"


def test_the_office_goes_from_the_district_to_a_person_and_to_the_mentors(desktop):
    world = make_three_years()
    sign_in(desktop, world.accounts["office"])

    desktop.goto("/desk/")
    desktop.get_by_role("link", name="历年").click()
    expect(desktop.get_by_role("heading", level=1)).to_have_text("历年并排")
    look(desktop, "years-district")
    follow(desktop, desktop.get_by_role("link", name="书记", exact=True).last)
    look(desktop, "years-people")
    desktop.get_by_label("变化").select_option("说不准")
    follow(desktop, desktop.get_by_role("button", name="查看"))
    verdicts = desktop.locator("tbody tr td:last-child").all_inner_texts()
    assert {verdict.strip() for verdict in verdicts} == {"说不准"}
    desktop.get_by_label("看哪个数").select_option("各方合成得分")
    follow(desktop, desktop.get_by_role("button", name="查看"))
    look(desktop, "years-scores")
    desktop.locator("tbody th a").first.click()
    expect(desktop.get_by_role("heading", name="有什么变化")).to_be_visible()
    look(desktop, "years-person")
    desktop.goto("/years/subdistricts/")
    look(desktop, "years-subdistricts")
    desktop.goto("/years/mentors/")
    expect(desktop.get_by_text("这不是排名")).to_be_visible()
    look(desktop, "years-mentors")
    follow(desktop, desktop.locator("tbody th a").first)
    look(desktop, "years-mentor-as-office")


def test_a_mentor_reads_the_own_years_on_the_phone(phone):
    world = make_three_years()
    sign_in(phone, world.accounts["mentor"])

    phone.goto("/years/")

    expect(phone.get_by_role("heading", level=1)).to_have_text(world.mentors[0].person.name)
    expect(phone.get_by_text("这一页只有您和主管部门看得到。")).to_be_visible()
    expect(phone.get_by_text("这不是排名")).to_be_visible()
    look(phone, "years-mentor-phone")


def test_a_secretary_reads_the_own_years_on_the_phone(phone):
    world = make_three_years()
    sign_in(phone, world.accounts["secretary"])

    phone.goto("/secretaries/me/")
    expect(phone.get_by_role("heading", name="历年并排")).to_be_visible()
    look(phone, "years-secretary-phone")
    phone.get_by_role("link", name="逐年看").click()

    expect(phone.get_by_role("heading", name="逐年")).to_be_visible()
    expect(phone.get_by_text("得分", exact=True)).to_have_count(0)
    look(phone, "years-person-phone")


def test_the_office_reads_the_lists_on_a_phone(phone):
    world = make_three_years()
    sign_in(phone, world.accounts["office"])

    for name in ("district", "people", "subdistricts", "mentors"):
        phone.goto(f"/years/{name}/")
        look(phone, f"years-{name}-phone")
