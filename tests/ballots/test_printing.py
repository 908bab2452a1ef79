import re

import pytest
import segno
from django.utils import translation

from dongliang.ballots import printing

PLACE = printing.Place("柳荫第一居民区", "望梁街道", "2021年11月20日")
ADDRESS = "https://vote.example.cn/v/7K3F-9M2Q-XR4T/"


@pytest.fixture
def shown(monkeypatch):
    """What a page is set from, instead of the page."""
    seen = {}

    def instead(source, data):
        seen.update(data)
        return b""

    monkeypatch.setattr(printing, "pdf", instead)
    return seen


def make_cards(count, sampled=()):
    return [printing.Card(f"7K3F-9M2Q-{n:04d}", ADDRESS, n in sampled) for n in range(count)]


def pages(data):
    return len(re.findall(rb"/Type\s*/Page\b", data))


@pytest.mark.parametrize(("count", "due"), [(1, 1), (10, 1), (11, 2), (300, 30)])
def test_ten_cards_are_on_a_sheet(count, due):
    data = printing.cards_pdf(make_cards(count), PLACE, enter="https://vote.example.cn/v/")

    assert data.startswith(b"%PDF-")
    assert pages(data) == due


@pytest.mark.parametrize("language", ["zh-hans", "zh-hant", "en"])
def test_a_poster_is_one_page_in_every_language(language):
    with translation.override(language):
        data = printing.poster_pdf(
            PLACE, address=ADDRESS, verification=["household_code", "sms", "wechat", "assisted"]
        )

    assert pages(data) == 1


def test_a_card_says_whose_it_is_what_it_is_worth_and_until_when(shown):
    printing.cards_pdf(make_cards(2, sampled={1}), PLACE, enter="https://vote.example.cn/v/")

    assert {
        name: value for name, value in shown.items() if name not in ("cards", "title", "promise_size")
    } == {
        "neighbourhood": "柳荫第一居民区",
        "subdistrict": "望梁街道",
        "promise": "一卡、一户、一票",
        "lead": "扫一扫，评一评家门口的事。不问姓名。",
        "until": "投票到 2021年11月20日 为止。",
        "enter": "扫不了码？打开 https://vote.example.cn/v/ 输入上面的码",
    }
    assert [(card["code"], card["sampled"]) for card in shown["cards"]] == [
        ("7K3F-9M2Q-0000", False),
        ("7K3F-9M2Q-0001", True),
    ]


def test_without_a_day_announced_a_card_names_none(shown):
    printing.cards_pdf(make_cards(1), printing.Place("柳荫第一居民区", "望梁街道"), enter="x")

    assert shown["until"] == ""


def test_a_poster_names_the_ways_there_are_and_no_other(shown):
    printing.poster_pdf(PLACE, address=ADDRESS, verification=["household_code", "sms"])

    assert shown["steps"][1] == "先证明您可以投票：输入住户卡上的码，或者输入手机号。"
    assert not any("工作平板" in note for note in shown["notes"])


def test_the_language_is_the_reader_s(shown):
    with translation.override("zh-hant"):
        printing.cards_pdf(make_cards(1), PLACE, enter="x")

    assert shown["promise"] == "一卡、一戶、一票"


def test_the_drawn_square_has_the_modules_of_the_code():
    modules = segno.make(ADDRESS, error="m", micro=False).matrix

    drawn = {(int(x) - 4, int(y) - 4) for x, y in re.findall(r"M(\d+) (\d+)h1", printing.qr_drawing(ADDRESS))}

    assert drawn == {(x, y) for y, row in enumerate(modules) for x, dark in enumerate(row) if dark}


def test_paper_ballots_hold_the_questions_and_a_code_each():
    asked = printing.Questions(
        "请您评一评", "每题圈一个数字。", ["一？", "二？"], [("5", "很好"), ("0", "说不清")]
    )

    assert pages(printing.sheets_pdf(PLACE, asked, make_cards(3))) == 3
    assert pages(printing.sheets_pdf(PLACE, asked, [], blank=2)) == 2


def test_a_long_list_of_projects_hangs_apart_and_a_short_one_is_on_the_ballot(shown):
    for count in (6, 278):
        asked = printing.Questions(
            "您最喜欢哪几件事？", "", lines=3, candidates=[(n, "修路", "柳荫") for n in range(count)]
        )
        printing.sheets_pdf(PLACE, asked, [], blank=1)
        assert (len(shown["candidates"]), shown["list_apart"]) == (count, count == 278)


def test_what_is_printed_is_text_and_never_an_instruction_to_the_setter():
    place = printing.Place('#panic("x") \\ $ " ]', "*_@<>")

    assert pages(printing.cards_pdf(make_cards(1), place, enter='#read("/etc/passwd")')) == 1
