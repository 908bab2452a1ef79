import datetime
import io
from threading import Barrier, Thread

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.common.sheets import read_sheets
from dongliang.mentoring.actions import appoint_mentor
from dongliang.mentoring.models import Mentor, Pair
from dongliang.mentoring.roster import (
    RosterRefused,
    confirm_roster,
    create_mentor_accounts,
    discard_roster,
    export_roster,
    preview_roster,
)
from dongliang.people.actions import create_account, set_up_district
from dongliang.people.models import Account, Grant, Organisation, Person, Role, RosterImport, Tenure
from dongliang.seasons.actions import close_season, create_season, freeze_rule_book, open_season
from dongliang.seasons.models import Season
from tests.factories.people import UNITS, make_mentor_row, make_roster, make_row
from tests.factories.season import PASSWORD, make_account, make_rules, make_world

pytestmark = pytest.mark.django_db
JUNE = datetime.date(2021, 6, 1)
COACHED = make_roster(
    make_row(1, 带教大梁="沈国1"),
    make_row(2, 带教大梁="13800000002"),
    mentors=[make_mentor_row(1), make_mentor_row(2, 参加实地评估="否", 所在街镇=None)],
)
NOTHING = {"added": 0, "changed": 0, "unchanged": 7, "waiting": 0}


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def district() -> Organisation:
    return set_up_district("LZ", "梁州区", by=None)


@pytest.fixture
def office(district: Organisation) -> Account:
    return create_account("office", "林晓", Role.OFFICE, district, by=None, password=PASSWORD)


def make_season(district: Organisation) -> Season:
    best = make_rules().model_dump()["best_secretaries"] | {"places": 2}
    rules = make_rules(programme={"subdistricts": 2, "secretaries": 2}, best_secretaries=best)
    return create_season(district, slug="lz-2021", rules=rules, by=None)


def load(district: Organisation, data: bytes) -> dict[str, int]:
    return confirm_roster(preview_roster(district, "a.xlsx", data, by=None), by=None).counts


def mentors() -> list[tuple[int, str, str | None, bool]]:
    return list(Mentor.objects.values_list("number", "person__name", "home__name", "assesses"))


def pairs() -> list[tuple[str, str]]:
    current = Pair.objects.filter(ends_on=None).order_by("mentee__number")
    return list(current.values_list("mentor__person__name", "mentee__person__name"))


def codes(action, *arguments, **named) -> list[str]:
    with pytest.raises(Refused) as refused:
        action(*arguments, **named)
    return [blocker.code for blocker in refused.value.blockers]


def stored() -> tuple[int, ...]:
    return tuple(kind.objects.count() for kind in (Person, Tenure, RosterImport, Mentor, Pair))


# Mentors and pairs


def test_without_a_season_people_come_and_the_mentoring_waits_for_the_same_file(district: Organisation):
    assert load(district, COACHED) == {"added": 7, "changed": 0, "unchanged": 0, "waiting": 4}
    assert (mentors(), Tenure.objects.count()) == ([], 2)

    make_season(district)

    assert load(district, COACHED) == {"added": 0, "changed": 4, "unchanged": 3, "waiting": 0}
    assert mentors() == [(1, "沈国1", "石桥镇", True), (2, "沈国2", None, False)]
    assert pairs() == [("沈国1", "周兰1"), ("沈国2", "周兰2")]
    assert load(district, COACHED) == NOTHING


def test_a_season_in_preparation_takes_all_of_a_file_at_once(district: Organisation):
    season = make_season(district)

    assert load(district, COACHED) == {"added": 7, "changed": 0, "unchanged": 0, "waiting": 0}
    assert pairs() == [("沈国1", "周兰1"), ("沈国2", "周兰2")]
    assert load(district, COACHED) == NOTHING

    freeze_rule_book(season, by=None)
    open_season(season, by=None)
    assert load(district, COACHED) == NOTHING


def test_an_open_season_pairs_whom_it_enrolled_and_others_wait(district: Organisation):
    season = make_season(district)
    load(district, COACHED)
    freeze_rule_book(season, by=None)
    open_season(season, by=None)
    successor = make_row(1, 姓名="吴建国", 手机=None, 到任日期=JUNE, 带教大梁="沈国1")

    counts = load(district, make_roster(successor, make_row(2, 带教大梁="沈国1")))

    assert counts == {"added": 0, "changed": 2, "unchanged": 3, "waiting": 1}
    assert pairs() == [("沈国1", "周兰1"), ("沈国1", "周兰2")]


def test_a_closed_season_is_left_alone(district: Organisation):
    season = make_season(district)
    load(district, make_roster(make_row(1), make_row(2)))
    freeze_rule_book(season, by=None)
    open_season(season, by=None)
    close_season(season, by=None)

    assert load(district, COACHED)["waiting"] == 4
    assert (mentors(), pairs()) == ([], [])


def test_a_mentors_home_and_part_are_changed_and_logged(district: Organisation):
    make_season(district)
    load(district, COACHED)

    moved = make_mentor_row(1, 所在街镇="望梁街道", 参加实地评估="否")
    load(district, make_roster(make_row(1), mentors=[moved]))

    assert mentors()[0] == (1, "沈国1", "望梁街道", False)
    assert ActionLogEntry.objects.filter(verb="mentoring.mentor.changed").count() == 1


@pytest.mark.parametrize(
    ("rows", "others", "value", "allowed"),
    [
        (
            [make_row(1, 带教大梁="王五")],
            [make_mentor_row(1)],
            "王五",
            "The name or mobile of a mentor of the season or on the sheet 大梁: 沈国1.",
        ),
        (
            [make_row(1, 带教大梁="沈国1")],
            [make_mentor_row(1), make_mentor_row(2, 姓名="沈国1")],
            "沈国1",
            "A mobile: 2 mentors have this name.",
        ),
        (
            [make_row(1, 带教大梁="周兰1")],
            [make_mentor_row(姓名="周兰1", 手机="13900000001")],
            "周兰1",
            "Somebody other than 周兰1, who cannot coach herself or himself.",
        ),
    ],
)
def test_a_mentor_who_cannot_coach_is_refused(district: Organisation, rows, others, value: str, allowed: str):
    make_season(district)

    with pytest.raises(RosterRefused) as refused:
        preview_roster(district, "a.xlsx", make_roster(*rows, mentors=others), by=None)

    [one] = refused.value.refusals
    assert (one.sheet, one.row, one.column, one.value, one.allowed) == ("书记", 2, "带教大梁", value, allowed)


def test_a_pair_without_any_mentor_to_name_is_refused_in_a_season(district: Organisation):
    make_season(district)

    with pytest.raises(RosterRefused, match="There is no mentor yet"):
        preview_roster(district, "a.xlsx", make_roster(make_row(1, 带教大梁="沈国1")), by=None)


# From preview to confirmation


def test_a_preview_keeps_rows_and_writes_nothing_else(district: Organisation, office: Account):
    preview = preview_roster(district, "花名册.xlsx", COACHED, by=office)

    assert (preview.state, preview.counts["added"], len(preview.rows["secretaries"])) == ("previewed", 7, 2)
    assert stored() == (0, 0, 1, 0, 0)


def test_nothing_of_a_refused_file_is_kept(district: Organisation):
    with pytest.raises(RosterRefused):
        preview_roster(district, "a.xlsx", make_roster(make_row(1), make_row(2, 手机="1")), by=None)
    with pytest.raises(RosterRefused):
        preview_roster(district, "a.xlsx", make_roster(make_row(1), make_row(1)), by=None)

    assert (stored(), Organisation.objects.count()) == ((0, 0, 0, 0, 0), 1)


def test_the_rows_are_forgotten_once_confirmed_or_discarded(district: Organisation):
    confirmed = confirm_roster(preview_roster(district, "a.xlsx", COACHED, by=None), by=None)
    discarded = discard_roster(preview_roster(district, "a.xlsx", COACHED, by=None), by=None)

    assert [(one.state, one.rows) for one in (confirmed, discarded)] == [("confirmed", {}), ("discarded", {})]


def test_a_new_preview_discards_the_one_before(district: Organisation, office: Account):
    first = preview_roster(district, "a.xlsx", COACHED, by=office)
    preview_roster(district, "b.xlsx", COACHED, by=office)

    first.refresh_from_db()
    assert (first.state, first.rows) == ("discarded", {})


def test_a_preview_is_used_once_and_by_who_made_it(district: Organisation, office: Account):
    colleague = make_account("colleague", (Role.OFFICE, district))
    preview = preview_roster(district, "a.xlsx", COACHED, by=office)

    assert codes(confirm_roster, preview, by=colleague) == ["roster.not_yours"]
    confirm_roster(preview, by=office)
    assert codes(confirm_roster, preview, by=office) == ["roster.used"]
    assert codes(discard_roster, preview, by=office) == ["roster.used"]
    assert Person.objects.count() == 4


def test_a_preview_whose_outcome_has_changed_is_refused_until_it_was_shown_again(
    district: Organisation, office: Account
):
    preview = preview_roster(district, "a.xlsx", COACHED, by=office)
    load(district, make_roster(make_row(1)))

    assert codes(confirm_roster, preview, by=office) == ["roster.moved_on"]
    preview.refresh_from_db()
    assert (preview.state, Person.objects.count()) == ("previewed", 1)


def test_a_preview_that_no_longer_fits_is_refused_with_the_cells(district: Organisation, office: Account):
    preview = preview_roster(district, "a.xlsx", COACHED, by=office)
    load(district, make_roster(make_row(9, 居村="柳荫第1居民区", 到任日期=JUNE)))

    with pytest.raises(RosterRefused, match="A date after 2021-06-01"):
        confirm_roster(preview, by=office)
    assert Person.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_confirmations_at_once_one_is_done(district: Organisation, office: Account):
    preview = preview_roster(district, "a.xlsx", COACHED, by=office)
    together, outcomes = Barrier(2), []

    def confirm() -> None:
        together.wait()
        try:
            confirm_roster(preview, by=office)
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(refused.blockers[0].code)
        finally:
            connection.close()

    threads = [Thread(target=confirm) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["done", "roster.used"]
    assert Tenure.objects.count() == 2


def test_the_import_is_one_line_in_the_log_with_the_fingerprint_of_the_file(district: Organisation):
    done = confirm_roster(preview_roster(district, "a.xlsx", COACHED, by=None), by=None)

    entry = ActionLogEntry.objects.get(verb="mentoring.roster.confirmed")
    assert (entry.subject_id, entry.detail) == (done.pk, {"file": done.file_sha256, "counts": done.counts})


def test_planning_an_import_asks_as_many_queries_for_many_rows_as_for_one(district: Organisation):
    make_season(district)

    def count(number: int) -> int:
        rows = [make_row(n, 带教大梁="沈国1") for n in range(1, number + 1)]
        with CaptureQueriesContext(connection) as captured:
            preview_roster(
                district,
                "a.xlsx",
                make_roster(*rows, mentors=[make_mentor_row(1)]),
                by=Account.objects.first(),
            )
        return len(captured)

    create_account("office", "林晓", Role.OFFICE, district, by=None)
    count(1)
    assert count(1) == count(60)


def test_the_exported_roster_imports_as_no_change(district: Organisation):
    make_season(district)
    vacant = {"街镇": "石桥镇", "居村": "空岗村", "类型": "村", "户数": 300}
    named_alike = [make_mentor_row(1), make_mentor_row(2, 姓名="沈国1", 所在街镇=None)]
    full = make_row(
        1, 性别="女", 出生年=1975, 户数=1260, 居民数=3480, 小区类型="里弄", 带教大梁="13800000002"
    )
    load(district, make_roster(full, make_row(2, 手机=None), vacant, mentors=named_alike))

    assert load(district, export_roster(district)) == {
        "added": 0,
        "changed": 0,
        "unchanged": 8,
        "waiting": 0,
    }


def test_mentors_without_mobile_survive_export_and_import():
    world = make_world()

    assert load(world.district, export_roster(world.district)) == {
        "added": 0,
        "changed": 0,
        "unchanged": 14,
        "waiting": 0,
    }


def test_every_mentor_gets_an_account_and_secretaries_the_role_besides(district: Organisation):
    season = make_season(district)
    load(district, COACHED)
    secretary = Person.objects.get(name="周兰1")
    account = create_account(
        "zhou",
        "周兰1",
        Role.SECRETARY,
        Organisation.objects.get(code="LZ0101"),
        by=None,
        person=secretary,
        password=PASSWORD,
    )
    appoint_mentor(season, secretary, by=None)

    accesses = create_mentor_accounts(season, by=None)

    assert [access.account.username for access in accesses] == ["13800000001", "13800000002"]
    assert list(Grant.objects.filter(account=account).values_list("role", "organisation__code")) == [
        ("mentor", "LZ"),
        ("secretary", "LZ0101"),
    ]


# Pages


def upload(client, district: Organisation, data: bytes, name: str = "花名册.xlsx"):
    return client.post(
        reverse("mentoring:roster"), {"district": district.pk, "file": SimpleUploadedFile(name, data)}
    )


@pytest.fixture
def desk(client, office: Account):
    client.force_login(office)
    client.cookies["django_language"] = "en"
    return client


def test_the_office_imports_a_roster_from_file_to_done(desk, district: Organisation):
    assert desk.get(reverse("mentoring:roster")).status_code == 200

    page = desk.get(upload(desk, district, COACHED).url)
    shown = page.context["plan"].people.sha256
    preview = page.context["shown"]
    done = desk.post(reverse("mentoring:confirm_roster", args=[preview.pk]), {"shown": shown}, follow=True)

    assert [str(message) for message in done.context["messages"]] == ["The roster has been imported."]
    assert done.context["counts"]["added"] == 7
    assert Tenure.objects.count() == 2
    again = desk.get(upload(desk, district, COACHED).url)
    assert not again.context["plan"].changes


def test_a_refused_file_is_answered_with_a_table_of_what_to_correct(desk, district: Organisation):
    response = upload(desk, district, make_roster(make_row(1, 手机="123", 街镇="<b>东渡")))

    assert response.status_code == 422
    assert [one.column for one in response.context["refusals"]] == ["手机"]
    assert stored() == (0, 0, 0, 0, 0)


def test_a_page_of_refusals_stays_readable(desk, district: Organisation):
    response = upload(desk, district, make_roster(*(make_row(n, 手机="1") for n in range(1, 1001))))

    assert (len(response.context["refusals"]), response.context["more"]) == (200, 800)


@pytest.mark.parametrize(
    ("name", "data"), [("a.xlsx", b"no workbook"), ("a.xlsx", b""), ("a.csv", b"a,b\n" + b"1,2\n" * 30_000)]
)
def test_an_unreadable_file_is_answered_at_its_field(desk, district: Organisation, name: str, data: bytes):
    response = upload(desk, district, data, name)

    assert (response.status_code, list(response.context["form"].errors)) == (422, ["file"])


def test_a_preview_of_many_rows_is_divided_into_pages_and_lists(desk, district: Organisation):
    preview = preview_roster(
        district, "a.xlsx", make_roster(*(make_row(n) for n in range(1, 251))), by=Account.objects.get()
    )
    page = reverse("mentoring:roster_import", args=[preview.pk])

    def rows(**wanted) -> int:
        return len(desk.get(page, wanted).context["page"])

    assert [rows(), rows(page=3), rows(show="changed"), rows(show="unchanged"), rows(show="waiting")] == [
        100,
        53,
        0,
        0,
        0,
    ]


def test_a_preview_shown_after_a_change_shows_the_new_outcome_and_can_be_confirmed(
    desk, district: Organisation
):
    url = upload(desk, district, COACHED).url
    stale = desk.get(url).context["plan"].people.sha256
    load(district, make_roster(make_row(1)))
    confirm = reverse("mentoring:confirm_roster", args=[RosterImport.objects.earliest("pk").pk])

    refused = desk.post(confirm, {"shown": stale}, follow=True)
    done = desk.post(confirm, {"shown": refused.context["plan"].people.sha256}, follow=True)

    assert "The roster has changed since" in str(next(iter(refused.context["messages"])))
    assert done.context["shown"].state == "confirmed"


def test_a_preview_that_no_longer_fits_shows_the_cells_to_correct(desk, district: Organisation):
    url = upload(desk, district, COACHED).url
    load(district, make_roster(make_row(9, 居村="柳荫第1居民区", 到任日期=JUNE)))

    page = desk.post(f"{url}confirm/", follow=True)

    assert [one.column for one in page.context["refusals"]] == ["到任日期"]


def test_a_colleagues_preview_can_be_read_but_not_confirmed(desk, district: Organisation):
    colleague = make_account("colleague", (Role.OFFICE, district))
    preview = preview_roster(district, "a.xlsx", COACHED, by=colleague)

    page = desk.get(reverse("mentoring:roster_import", args=[preview.pk]))
    tried = desk.post(reverse("mentoring:confirm_roster", args=[preview.pk]), follow=True)

    assert [blocker.code for blocker in page.context["against"]] == ["roster.not_yours"]
    assert "belongs to colleague" in str(next(iter(tried.context["messages"])))
    assert Tenure.objects.count() == 0


def test_a_discarded_preview_changes_nothing(desk, district: Organisation):
    url = upload(desk, district, COACHED).url

    assert desk.post(f"{url}discard/").url == reverse("mentoring:roster")
    assert desk.post(f"{url}discard/").url == url
    assert Tenure.objects.count() == 0


@pytest.mark.parametrize("role", ["subdistrict", "department", "mentor", "secretary"])
def test_only_the_office_imports(client, role: str):
    world = make_world()
    client.force_login(world.accounts[role])
    preview = preview_roster(world.district, "a.xlsx", COACHED, by=None)

    assert {
        client.get(reverse("mentoring:roster")).status_code,
        client.get(reverse("mentoring:roster_template", args=["xlsx"])).status_code,
        client.get(reverse("mentoring:roster_export", args=["LZ"])).status_code,
        client.get(reverse("mentoring:roster_accounts")).status_code,
        client.post(reverse("mentoring:create_accounts", args=["LZ", "secretaries"])).status_code,
        client.get(reverse("mentoring:roster_import", args=[preview.pk])).status_code,
        client.post(reverse("mentoring:confirm_roster", args=[preview.pk])).status_code,
        client.post(reverse("mentoring:discard_roster", args=[preview.pk])).status_code,
    } == {403}


def test_another_districts_roster_is_not_found(desk):
    other = make_world(code="HY")
    preview = preview_roster(other.district, "a.xlsx", COACHED, by=None)

    assert {
        desk.get(reverse("mentoring:roster_export", args=["HY"])).status_code,
        desk.post(reverse("mentoring:create_accounts", args=["HY", "mentors"])).status_code,
        desk.get(reverse("mentoring:roster_import", args=[preview.pk])).status_code,
        desk.post(reverse("mentoring:confirm_roster", args=[preview.pk])).status_code,
        desk.post(reverse("mentoring:discard_roster", args=[preview.pk])).status_code,
    } == {404}
    assert list(upload(desk, other.district, COACHED).context["form"].errors) == ["district"]


def test_templates_and_roster_are_downloaded_under_chinese_names(desk, district: Organisation):
    load(district, COACHED)
    template = desk.get(reverse("mentoring:roster_template", args=["xlsx"]))
    text = desk.get(reverse("mentoring:roster_template", args=["csv"]))
    roster = desk.get(reverse("mentoring:roster_export", args=["LZ"]))

    assert [sheet.name for sheet in read_sheets("a.xlsx", template.content)] == [
        "填写说明",
        "街镇部门",
        "书记",
        "大梁",
    ]
    assert text.content.decode("utf-8-sig").startswith("街镇,居村,类型,姓名")
    assert "filename*=utf-8''%E6%A2%81%E5%B7%9E" in roster["Content-Disposition"]
    assert len(read_sheets("a.xlsx", roster.content)[0].rows) == len(UNITS)


def test_links_for_everyone_come_as_a_workbook_that_opens_the_accounts(desk, client, district: Organisation):
    load(district, COACHED)

    response = desk.post(reverse("mentoring:create_accounts", args=["LZ", "secretaries"]))

    [sheet] = read_sheets("a.xlsx", io.BytesIO(response.content).getvalue())
    assert [row.cells[:4] for row in sheet.rows] == [
        ("周兰1", "望梁街道", "柳荫第1居民区", "13900000001"),
        ("周兰2", "望梁街道", "柳荫第2居民区", "13900000002"),
    ]
    client.logout()
    link = sheet.rows[0].cells[4].removeprefix("http://testserver")
    chosen = {"new_password1": "better horse 43", "new_password2": "better horse 43"}
    assert client.post(link, chosen).url == reverse("people:sign_in")
    assert client.login(username="13900000001", password="better horse 43")


def test_no_workbook_comes_where_nobody_needs_a_link(desk, district: Organisation):
    response = desk.post(reverse("mentoring:create_accounts", args=["LZ", "mentors"]), follow=True)

    assert response.redirect_chain == [(reverse("mentoring:roster_accounts"), 302)]
