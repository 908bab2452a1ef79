"""The assessment, from frozen rules to the certificate and on to whoever recomputes it, as the office's handbook tells it.

With HANDBOOK=1 (``make handbook``) the pictures of the handbook are taken on the way.
"""

import datetime
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect

from dongliang.awards.models import Certificate, HonourList
from dongliang.cli import main
from dongliang.mentoring.actions import pair_mentee
from dongliang.people.models import Role
from dongliang.projects.actions import register_first_thing
from dongliang.review.models import Photo, Submission
from dongliang.review.returns import sign_sheets
from dongliang.review.signatures import contents_fingerprint
from dongliang.review.workbook import MARKS
from dongliang.seasons.models import Season
from tests.browser import PHONE, axe, page_of, sign_in
from tests.factories.ballots import make_code
from tests.factories.scoring import answer_everything
from tests.factories.season import World, make_account, make_rules, make_secretary_accounts, make_world
from tests.handbook import HANDBOOK, picture
from tests.journeys.test_without_signal import enter, fill, finish, row, saved
from tests.journeys.test_without_signal import picture as photo

pytestmark = pytest.mark.django_db(transaction=True)

# Beside the handbook's text a wider page could not be read.
DESK: dict[str, Any] = {"viewport": {"width": 1100, "height": 800}}
TUESDAY = "2021-12-28T09:00+08:00"
PUBLIC = "2021-12-29T10:00+08:00"
# The first of January is a holiday, and the Monday after the weekend makes up for it: of the eight days that follow,
# five are worked.
LAST_DAY = "2022-01-06T16:00+08:00"
DAY_AFTER = "2022-01-07T09:00+08:00"
NAMES = {
    "office": "区办小陈",
    "second": "区办老林",
    "mentor": "蒋丽萍",
    "department": "民政局",
    "subdistrict": "望梁街道",
}


@pytest.fixture
def opened(chromium: Browser, live_server: Any) -> Iterator[Callable[[dict[str, Any]], Page]]:
    """Opens one more page, each like a device of its own."""
    with ExitStack() as stack:
        yield lambda screen: stack.enter_context(page_of(chromium, live_server.url, **screen))


@pytest.fixture
def world(time_machine: Any, settings: Any, tmp_path: Path) -> World:
    time_machine.move_to(TUESDAY)
    settings.BALLOT_KEYS = tmp_path / "ballot-keys"
    world = make_world(open_it=False, freeze_it=False, rules=make_rules(institutional={"signature": True}))
    world.accounts["second"] = make_account("second", (Role.OFFICE, world.district))
    for role, name in NAMES.items():
        world.accounts[role].display_name = name
        world.accounts[role].save()
    return world


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def told(page: Page, sentence: str) -> None:
    expect(page.get_by_text(sentence)).to_be_visible()


def test_from_the_frozen_rules_to_a_certificate_that_anybody_can_check(
    world, opened, phone, time_machine, tmp_path
):
    office, second, institution, passer_by = opened(DESK), opened(DESK), opened(DESK), opened(PHONE)
    sign_in(office, world.accounts["office"])
    sign_in(second, world.accounts["second"])

    the_office_freezes_opens_and_plans(office, world)
    a_mentor_fills_a_sheet_without_a_signal(phone, world)
    a_department_fills_its_workbook_and_its_officer_signs(institution, world)
    a_resident_rates(passer_by, world)
    the_rest_arrives(world)
    the_office_closes_and_scores(office, world)
    the_office_looks_behind_the_list(office)
    a_change_takes_two(office, second)
    time_machine.move_to(PUBLIC)
    the_list_is_public_and_somebody_objects(office, passer_by)
    time_machine.move_to(LAST_DAY)
    a_hold_takes_two(office, second)
    time_machine.move_to(DAY_AFTER)
    certificates_are_issued_and_checked(office, passer_by)
    feedback_is_released(office, world)
    anybody_recomputes_the_result(passer_by, tmp_path)


def the_office_freezes_opens_and_plans(office: Page, world: World) -> None:
    office.goto("/roster/")
    picture(office, "roster")
    office.goto("/accounts/")
    picture(office, "accounts")
    office.goto("/desk/")
    picture(office, "freeze")
    press(office, "锁定规则书")
    told(office, "规则书已锁定。")
    press(office, "开放本年度")
    expect(office.get_by_role("status")).to_contain_text("本年度已开放")
    world.season = Season.objects.get(pk=world.season.pk)
    world.enrolments = list(world.season.enrolments.select_related("person", "post__organisation__parent"))
    world.accounts |= make_secretary_accounts(world)
    for entry in world.enrolments:
        register_first_thing(entry, category="housing", title=f"{entry.organisation}修屋顶", by=None)
    for mentee in world.enrolments[:2]:
        pair_mentee(world.mentors[0], mentee, by=None, starts_on=datetime.date(2021, 4, 1))
    office.goto("/pairs/")
    picture(office, "pairs")
    office.goto("/review/board/")
    press(office, "重新安排")
    expect(office.get_by_role("status")).to_be_visible()
    picture(office, "plan")


def a_mentor_fills_a_sheet_without_a_signal(phone: Page, world: World) -> None:
    assignment = (
        world.season.assignments.filter(mentor=world.mentors[0]).order_by("enrolment__number").first()
    )
    name = assignment.enrolment.person.name
    phone.clock.set_system_time(TUESDAY)
    enter(phone, world)
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator(".offline-bar")).to_contain_text("没有信号")
    fill(phone, name, "43545")
    phone.get_by_label("所见所闻").fill("三号楼扶手已装好")
    phone.locator("input[type=file]").set_input_files(photo())
    expect(phone.get_by_role("img", name="照片 1")).to_be_visible()
    saved(phone)
    picture(phone, "field-sheet")
    finish(phone)
    expect(row(phone, name)).to_contain_text("等待发送")
    picture(phone, "field-waiting")
    assert Submission.objects.count() == 0

    phone.context.set_offline(False)

    expect(row(phone, name)).to_contain_text("已发出")
    phone.reload()
    expect(row(phone, name)).to_contain_text("已交")
    picture(phone, "field-sent")
    assert Submission.objects.values_list("assignment", "marks", "project_mark").get() == (
        assignment.pk,
        "4354",
        "5",
    )
    assert Photo.objects.values_list("assignment", flat=True).get() == assignment.pk


def a_department_fills_its_workbook_and_its_officer_signs(page: Page, world: World) -> None:
    department = world.departments[0]
    sign_in(page, world.accounts["department"])
    page.goto(f"/review/institutions/{department.pk}/")
    picture(page, "institution")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载本单位评价表").click()
    page.get_by_label("评价表文件").set_input_files(
        {"name": "评价表.xlsx", "mimeType": "", "buffer": filled(download.value.path())}
    )
    press(page, "读取文件")
    told(page, "评价表预览")
    picture(page, "institution-preview")
    press(page, "提交评价表")
    page.goto(f"/review/institutions/{department.pk}/")
    page.get_by_label("单位负责人姓名").fill("秦文斌")
    picture(page, "institution-sign", of=page.locator("#sign"))
    press(page, "签署")
    expect(page.get_by_text("秦文斌").first).to_be_visible()
    signature = world.season.signatures.get()
    assert (signature.institution, signature.signer, signature.sheets) == (department, "秦文斌", 6)


def filled(path: Path) -> bytes:
    """The workbook as the department saves it, with marks for everybody in it."""
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    for number in range(3, 9):
        for column in range(4, 8):
            book[MARKS].cell(number, column).value = 2 + (number + column) % 4
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def a_resident_rates(page: Page, world: World) -> None:
    code = make_code(world.enrolments[0], serial=400)
    page.goto(f"/v/{code}/")
    picture(page, "resident")
    for number, word in enumerate(("很好", "较好", "说不清", "较好")):
        page.get_by_role("group").nth(number).get_by_role("radio", name=word, exact=True).check()
    press(page, "送出")
    expect(page.get_by_role("heading", level=1)).to_have_text("收到了，谢谢您！")
    picture(page, "receipt")


def the_rest_arrives(world: World) -> None:
    answer_everything(world)
    for each in [*world.subdistricts, world.departments[1]]:
        role = "subdistrict" if each == world.subdistricts[0] else "other_subdistrict"
        by = world.accounts[role]
        if each == world.departments[1]:
            by = make_account("housing", (Role.DEPARTMENT, each))
        shown = contents_fingerprint(world.season, each)
        sign_sheets(world.season, each, signer="赵永康", shown=shown, by=by)


def the_office_closes_and_scores(office: Page, world: World) -> None:
    office.goto("/rounds/")
    picture(office, "rounds")
    home = world.enrolments[0].organisation.code
    for name, path in (
        ("cards", f"/rounds/cards/{home}/"),
        ("assisted", f"/rounds/assisted/{home}/"),
        ("paper", "/rounds/paper/"),
    ):
        office.goto(path)
        expect(office.get_by_role("heading", level=1)).to_be_visible()
        picture(office, name)
    office.goto("/review/institutions/")
    picture(office, "signatures")
    office.goto("/review/waiting/")
    expect(office.get_by_role("heading", name="谁还没有交")).to_be_visible()
    picture(office, "waiting")
    office.goto("/desk/")
    picture(office, "close", of=office.get_by_role("heading", name="关闭本年度"))
    press(office, "关闭本年度")
    expect(office.get_by_role("status")).to_contain_text("本年度已关闭")
    office.goto("/rounds/flags/")
    picture(office, "flags")
    office.goto("/desk/")
    press(office, "算分")
    picture(office, "job")
    expect(office.get_by_text("本年度已算好分")).to_be_visible(timeout=60_000)


def the_office_looks_behind_the_list(office: Page) -> None:
    office.get_by_role("link", name="第 1 次算分").click()
    expect(office.get_by_role("heading", name="换种算法，名单还稳不稳")).to_be_visible()
    picture(office, "cut-line", of=office.locator("h2").first)
    picture(office, "robustness", of=office.get_by_role("heading", name="换种算法，名单还稳不稳"))
    office.get_by_role("link", name="三种分数并列；该再走访谁").click()
    expect(office.get_by_role("table").first).to_be_visible()
    picture(office, "sources")


def a_change_takes_two(office: Page, second: Page) -> None:
    office.goto("/lists/")
    picture(office, "lists")
    office.get_by_role("link", name="最美书记", exact=True).click()
    first = office.get_by_role("row").nth(1).get_by_role("link")
    leaving = first.inner_text()
    first.click()
    expect(office.get_by_role("heading", level=1)).to_contain_text(leaving)
    picture(office, "trace")
    office.go_back()

    office.get_by_text("提出变更", exact=True).click()
    office.get_by_label("谁退出").select_option(index=1)
    office.get_by_label("谁来递补").select_option(index=1)
    office.get_by_label("理由").fill("本人书面提出让贤，经办公会讨论。")
    press(office, "提出")
    told(office, "变更已提出，须由主办方另一位工作人员决定。")
    expect(office.get_by_role("button", name="批准", exact=True)).to_be_disabled()
    picture(office, "change", of=office.locator("#changes"))

    second.goto(office.url)
    press(second, "批准")
    told(second, "变更已生效。")
    change = HonourList.objects.get(kind="best_secretaries").changes.get()
    expect(second.get_by_role("table").last).to_contain_text(change.entering.person.name)
    expect(second.get_by_role("table").last).not_to_contain_text(change.leaving.person.name)


def the_list_is_public_and_somebody_objects(office: Page, passer_by: Page) -> None:
    office.goto("/lists/")
    office.get_by_role("link", name="最美书记", exact=True).click()
    press(office, "公布名单")
    told(office, "已上光荣榜公示")
    picture(office, "public")
    passer_by.goto("/honours/")
    picture(passer_by, "honours")
    passer_by.get_by_role("link", name="对这份名单提出异议").click()
    told(passer_by, "2022年1月6日")
    passer_by.get_by_label("针对谁").select_option(index=1)
    passer_by.get_by_label("异议内容和理由").fill("公示材料说三号楼扶手已装好，我家楼道还没有。")
    passer_by.get_by_label("您的姓名或单位").fill("许国华")
    passer_by.get_by_label("怎么联系您").fill("13800000000")
    picture(passer_by, "objection")
    press(passer_by, "提交异议")
    told(passer_by, "异议已收到")


def a_hold_takes_two(office: Page, second: Page) -> None:
    office.reload()
    expect(office.get_by_role("button", name="确认名单")).to_be_disabled()
    office.get_by_text("暂缓这份名单").click()
    office.get_by_label("核查的事项，或核查结果").fill("核查三号楼扶手是否装好")
    press(office, "暂缓")
    told(office, "名单暂缓")
    office.get_by_label("答复").fill("已到现场：三号楼四个门洞都已装好，最后一处昨天完工。")
    press(office, "答复")
    told(office, "异议已答复。")
    picture(office, "hold", of=office.locator("#hold"))
    office.get_by_label("核查的事项，或核查结果").fill("异议不成立")
    press(office, "解除暂缓")
    told(office, "暂缓是您提出的")

    second.reload()
    second.get_by_label("核查的事项，或核查结果").fill("现场核实，扶手都已装好")
    press(second, "解除暂缓")
    told(second, "暂缓已解除。")
    axe(second)


def certificates_are_issued_and_checked(office: Page, passer_by: Page) -> None:
    office.reload()
    press(office, "确认名单")
    press(office, "颁发证书")
    picture(office, "certificates", of=office.locator("#certificates"))
    with office.expect_download() as download:
        office.get_by_role("link", name="下载可打印的证书").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    certificate = Certificate.objects.first()

    passer_by.goto("/certificate/")
    passer_by.get_by_label("证书编号").fill(certificate.number)
    press(passer_by, "查验")

    told(passer_by, "证书有效")
    expect(passer_by.get_by_role("main")).to_contain_text(certificate.person.name)
    picture(passer_by, "certificate")


def feedback_is_released(office: Page, world: World) -> None:
    office.goto("/feedback/")
    press(office, "发出反馈")
    expect(office.get_by_role("table")).to_contain_text(world.enrolments[0].person.name)
    picture(office, "feedback")
    axe(office)


def anybody_recomputes_the_result(page: Page, folder: Path) -> None:
    page.goto("/honours/")
    picture(page, "result-book", of=page.get_by_role("heading", name="自己重算一遍"))
    with page.expect_download() as download:
        page.get_by_role("link", name="成绩册", exact=True).click()
    book = folder / download.value.suggested_filename
    shutil.copy(download.value.path(), book)
    # As it is typed in the handbook, where the season's short name is another.
    command = re.search(
        r"^dongliang (verify \S+)$", (HANDBOOK / "keep.md").read_text(encoding="utf-8"), re.M
    )[1]
    verb, name = command.split()
    assert book.name == name.replace("liangzhou", "lz")

    sound = CliRunner().invoke(main, [verb, str(book)])
    changed = CliRunner().invoke(main, [verb, str(with_one_byte_changed(book))])

    assert sound.exit_code == 0, sound.output
    assert sound.output.splitlines()[0] == "照册子里的数据重算，完全对得上：6 位书记，入选 3 位。"
    assert changed.exit_code == 1
    assert "result.json" in changed.output


def with_one_byte_changed(book: Path) -> Path:
    """The book with one digit of a measure in its result raised, and all else as it was."""
    other = book.with_name("changed.zip")
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("result.json"):
                place = re.search(rb"\.(\d)", data).start(1)
                data = data[:place] + bytes([48 + (data[place] - 47) % 10]) + data[place + 1 :]
            new.writestr(name, data)
    return other
