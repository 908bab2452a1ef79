import pytest
from django.template import engines
from django.utils import translation

from dongliang.common.charts import (
    Bar,
    Bin,
    Estimate,
    NearCut,
    ProfileRow,
    Scale,
    bars,
    cut_line_chart,
    profile,
    strip,
)


def near(rank, score, chance, *, half=0.1, selected=True, name="张敏"):
    return NearCut(rank, name, "北渡村", score, score - half, score + half, chance, selected)


def three_near_the_line():
    return [near(52, 4.3, 0.999), near(53, 4.2, 0.6), near(54, 4.0, 0.004, selected=False)]


def drawn(chart):
    template = engines["django"].from_string("{% load components %}{% chart chart %}")
    with translation.override("en"):
        return template.render({"chart": chart})


def test_a_scale_leaves_room_for_a_dot_at_either_end():
    scale = Scale.around([1.0, 2.0])

    assert (scale.at(1.0), scale.at(1.5), scale.at(2.0)) == (3.7, 50.0, 96.3)


def test_ticks_are_round_numbers_inside_the_scale():
    ticks = Scale.around([3.91, 4.62]).ticks()

    assert [tick.label for tick in ticks] == ["4.0", "4.2", "4.4", "4.6"]
    assert all(0 <= tick.x <= 100 for tick in ticks)


def test_a_scale_of_equal_values_puts_them_in_the_middle_of_a_unit():
    scale = Scale.around([4.0, 4.0])

    assert scale.at(4.0) == 50.0
    assert [tick.label for tick in scale.ticks()] == ["4.0"]


def test_values_outside_a_scale_are_held_at_its_edge():
    scale = Scale(1, 5, 1)

    assert (scale.at(0.5), scale.at(5.5)) == (0.0, 100.0)


def test_scores_and_the_cut_line_share_one_scale():
    people = three_near_the_line()

    chart = cut_line_chart(people, cut=4.2, places=53, title="Near the line")

    assert chart.rows[1].x == chart.cut
    assert chart.rows[0].x > chart.cut > chart.rows[2].x
    assert [(row.score, row.low, row.high) for row in chart.rows] == [
        ("4.30", "4.20", "4.40"),
        ("4.20", "4.10", "4.30"),
        ("4.00", "3.90", "4.10"),
    ]


def test_what_is_not_certain_is_never_printed_as_certain():
    chances = [1.0, 0.999, 0.99, 0.6, 0.004, 0.0]

    chart = cut_line_chart([near(n, 4, c) for n, c in enumerate(chances)], cut=4, places=3, title="Chances")

    assert [row.chance for row in chart.rows] == ["100%", ">99%", "99%", "60%", "<1%", "0%"]


def test_a_place_is_in_doubt_between_five_and_ninety_five_percent():
    chances = [0.95, 0.94, 0.06, 0.05]

    chart = cut_line_chart([near(n, 4, c) for n, c in enumerate(chances)], cut=4, places=2, title="Doubt")

    assert [row.doubtful for row in chart.rows] == [False, True, True, False]


def test_the_list_is_divided_before_the_first_who_is_not_chosen():
    chart = cut_line_chart(three_near_the_line(), cut=4.2, places=53, title="Divided")

    assert [row.first_beyond for row in chart.rows] == [False, False, True]


def test_nobody_beyond_the_line_leaves_the_list_undivided():
    chart = cut_line_chart(three_near_the_line()[:2], cut=4.2, places=53, title="Undivided")

    assert [row.first_beyond for row in chart.rows] == [False, False]


def test_bars_that_fall_short_of_the_mark_are_told_apart():
    chart = bars(
        [Bar("临河街道", 0.25, "25%"), Bar("石桥街道", 0.3, "30%")],
        title="Coverage",
        full=1,
        mark=0.3,
        mark_label="at least 30%",
    )

    assert [(bar.width, bar.short) for bar in chart.bars] == [(25.0, True), (30.0, False)]
    assert chart.mark == 30.0


def test_without_a_full_value_the_longest_bar_fills_the_plot():
    chart = bars([Bar("a", 3, "3"), Bar("b", 12, "12")], title="Projects")

    assert [bar.width for bar in chart.bars] == [25.0, 100.0]


def test_bars_of_nothing_have_no_length():
    chart = bars([Bar("a", 0, "0")], title="Nothing yet")

    assert [bar.width for bar in chart.bars] == [0.0]


def test_bins_hold_every_score_once_and_never_straddle_the_line():
    scores = [1.0, 1.1, 1.9, 2.0, 2.4, 3.0]

    chart = strip(scores, cut=2.0, title="Spread", bins=4, decimals=1)

    assert [(b.low, b.high, b.count, b.above_cut) for b in chart.bins] == [
        ("1.0", "1.5", 2, False),
        ("1.5", "2.0", 1, False),
        ("2.0", "2.5", 2, True),
        ("2.5", "3.0", 0, True),
        ("3.0", "3.5", 1, True),
    ]
    assert (chart.above, chart.below) == (3, 3)


def test_the_tallest_bin_fills_the_height():
    chart = strip([1.0, 1.0, 2.0], cut=2.0, title="Heights", bins=1, decimals=0)

    assert chart.bins == (
        Bin("1", "2", 2, above_cut=False, x=0.0, width=50.0, y=0.0, height=100.0),
        Bin("2", "3", 1, above_cut=True, x=50.0, width=50.0, y=50.0, height=50.0),
    )


@pytest.mark.parametrize("cut", [4.1, 4.2, 4.3, 4.7])
def test_a_score_on_the_line_is_above_it_whatever_rounding_does(cut):
    scores = [3.9 + 0.1 * n for n in range(10)]

    chart = strip(scores, cut=cut, title="On the line")

    assert chart.above == sum(round(score, 6) >= cut for score in scores)


def test_everyone_below_a_line_nobody_reached():
    chart = strip([1.0, 2.0], cut=3.0, title="Out of reach")

    assert (chart.above, chart.below) == (0, 2)


def test_a_source_with_too_few_answers_keeps_its_row():
    chart = profile(["Method"], ["Field", "Public"], [[Estimate(3, 2.5, 3.5, 3.2), None]], title="Profile")

    assert chart.panels[0].rows == (
        ProfileRow("Field", 50.0, 38.37, 61.63, 54.65, "3.00", "2.50", "3.50", "3.20"),
        ProfileRow("Public"),
    )


def test_estimates_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        profile(["Method"], ["Field", "Public"], [[None]], title="Profile")


def test_names_in_a_chart_are_escaped():
    page = drawn(cut_line_chart([near(1, 4, 0.5, name="<b>张</b>")], cut=4, places=1, title="A < B"))

    assert "<b>" not in page
    assert "&lt;b&gt;张&lt;/b&gt;" in page
    assert "A &lt; B" in page


@pytest.mark.parametrize(
    "chart",
    [
        cut_line_chart(three_near_the_line(), cut=4.2, places=53, title="Line", description="How to read it"),
        bars([Bar("临河街道", 0.25, "25%")], title="Bars", description="How to read it"),
        strip([4.0, 4.3], cut=4.2, title="Strip", description="How to read it"),
        profile(
            ["Method"], ["Field"], [[Estimate(3, 2.5, 3.5)]], title="Profile", description="How to read it"
        ),
    ],
    ids=lambda chart: chart.title,
)
def test_a_chart_carries_no_style_of_its_own(chart):
    page = drawn(chart)

    assert "style=" not in page
    assert "How to read it" in page
