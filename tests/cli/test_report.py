import itertools
import re

import pytest
from click.testing import CliRunner

from dongliang.cli.drawings import LINE, shortened, spread
from dongliang.cli.score import score
from dongliang.cli.words import Words
from tests.browser import DESKTOP, PHONE, axe, page_of, shoot
from tests.reference import tables

LONG = "梁州区向阳镇前进村第二居民区党总支部委员会（筹备组）"


def reported(folder, text, *more):
    (folder / "marks.csv").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(
        score,
        [
            str(folder / "marks.csv"),
            *("--target", "书记", "--rater", "大梁", "--output", str(folder)),
            *more,
        ],
    )
    assert result.exit_code == 0, result.output
    return (folder / "report.html").read_text(encoding="utf-8")


def field(n_targets=12, n_raters=4):
    rows = [
        f"{LONG if t % 4 == 0 else '书记'}{t},{'退休大梁工作室' if r == 2 else '大梁'}{r},"
        f"{(t * 7 + r * 3) % 4 + 1 + (t > 6)},{(t * 5 + r + t * r) % 4 + 1}\n"
        for t in range(n_targets)
        for r in range(n_raters)
    ]
    return "书记,大梁,管得住,愿跟随\n" + "".join(rows)


FACETS = ("--value", "管得住", "--value", "愿跟随", "--model", "facets", "--top", "4")


def test_the_page_holds_everything_and_asks_for_nothing(tmp_path):
    page = reported(tmp_path, field(), *FACETS)

    assert re.findall(r"<script|<link|<img|<iframe|url\(|@import|src=|href=|style=", page) == []
    assert re.findall(r"<h2>(.+?)</h2>", page) == [
        *(
            "怎么算出来的",
            "同一把尺（怀特图）",
            "入选线附近",
            "被评者的测量值",
            "评价者的严苛度",
            "指标和步阶",
        ),
    ]
    assert page.startswith('<!doctype html>\n<html lang="zh-Hans">')


@pytest.mark.parametrize(
    ("language", "lang", "heading"),
    [
        ("zh-hans", "zh-Hans", "评分测量报告"),
        ("zh-hant", "zh-Hant", "評分測量報告"),
        ("en", "en", "Measures and severities"),
    ],
)
def test_the_page_speaks_three_languages(language, lang, heading, tmp_path):
    page = reported(tmp_path, field(), *FACETS, "--language", language)

    assert f'<html lang="{lang}">' in page
    assert re.findall("<h1>(.+?)</h1>", page) == [heading]


def test_names_that_look_like_code_are_shown_as_they_are(tmp_path):
    page = reported(
        tmp_path, field().replace("大梁0", "<b>大&梁</b>").replace("书记1,", "<script>1,"), *FACETS
    )

    assert "<b>" not in page
    assert "<script" not in page
    assert "&lt;b&gt;大&amp;梁&lt;/b&gt;" in page


def test_what_the_engine_says_of_a_fit_is_said_in_chinese(tmp_path):
    one_rater = "书记,大梁,管得住,愿跟随\n" + "".join(
        f"T{t},x,{t % 3 + 1},{(t * t) % 3 + 1}\n" for t in range(9)
    )

    page = reported(tmp_path, one_rater, "--value", "管得住", "--value", "愿跟随")

    assert "<li>只有一位评价者，模型里不计严苛度。</li>" in page


@pytest.mark.parametrize(
    ("said", "chinese"),
    [
        (
            "The variance of targets is estimated as zero: their differences are no larger than chance would make them.",
            "“被评者”的方差估计为零：他们之间的差别没有超出偶然的范围。",
        ),
        (
            "The effect target:rater has one rating a level and cannot be told from chance: it is left out of the model.",
            "效应“被评者×评价者（光环）”每个水平只有一个评分，与偶然分不开，没有放进模型。",
        ),
        (
            "Nobody gave the mark 2 on indicator 1: it is taken as one that cannot be given there.",
            "指标“愿跟随”没有人打过 2 分，这一档按不能打处理。",
        ),
        ("Something new.", "Something new."),
    ],
)
def test_remarks_are_translated_with_what_they_name(said, chinese):
    assert Words("zh-hans").sentence(said, ["管得住", "愿跟随"]) == chinese


def test_lines_on_the_map_never_overlap_and_stay_inside():
    heights = [100, 101, 102, 300, 395, 398, 400]

    lines = spread(heights, top=40, bottom=400)

    assert lines == [81, 101, 121, 300, 360, 380, 400]
    assert all(below - above >= LINE for above, below in itertools.pairwise(lines))


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert shortened("梁州区向阳镇前进村党支部陈一", 16) == "梁州区向…部陈一"
    assert shortened("陈一", 16) == "陈一"


@pytest.mark.parametrize(("size", "screen"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_the_page_can_be_read_on_a_phone_and_a_desk(size, screen, tmp_path, chromium):
    reported(tmp_path, field(), *FACETS)

    with page_of(chromium, tmp_path.as_uri(), **screen) as page:
        page.goto((tmp_path / "report.html").as_uri())
        shoot(page, f"score-report-{size}")
        width = page.evaluate("document.documentElement.scrollWidth")
        axe(page)

    assert width == screen["viewport"]["width"]


def test_a_thousand_targets_are_counted_on_the_map_and_print_on_a_few_sheets(tmp_path, chromium):
    (tmp_path / "insteval.csv.gz").write_bytes((tables.DATA / "insteval.csv.gz").read_bytes())
    result = CliRunner().invoke(
        score,
        [
            str(tmp_path / "insteval.csv.gz"),
            *("--target", "d", "--rater", "s", "--value", "y", "--top", "53", "--draws", "500"),
            *("--output", str(tmp_path)),
        ],
    )
    page_text = (tmp_path / "report.html").read_text(encoding="utf-8")

    with page_of(chromium, tmp_path.as_uri(), **DESKTOP) as page:
        page.goto((tmp_path / "report.html").as_uri())
        counts = page.locator(".map .count").all_text_contents()
        printed = page.pdf(prefer_css_page_size=True)

    assert result.exit_code == 0
    assert sum(map(int, counts)) == 1128 + 2972
    assert "共 1,128 位，这里列出前 200 位，其余见 measures.csv。" in page_text
    assert len(re.findall(rb"/Type /Page\b", printed)) <= 12
