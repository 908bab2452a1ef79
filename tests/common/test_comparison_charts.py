import datetime

from django.template import engines
from django.utils import translation

from dongliang.common.comparison_charts import (
    Difference,
    Pair,
    differences,
    pairs,
    signed,
    timeline,
)

MIDNIGHT = datetime.datetime(2021, 11, 1, 16, 0, tzinfo=datetime.UTC)


def drawn(chart):
    template = engines["django"].from_string("{% load components %}{% chart chart %}")
    with translation.override("en"):
        return template.render({"chart": chart})


def made_timeline(first, second):
    return timeline(
        first,
        second,
        start=MIDNIGHT,
        step=datetime.timedelta(hours=12),
        first_label="flagged",
        second_label="others",
        title="When",
    )


def test_columns_stand_on_each_other_and_the_highest_fills_the_plot():
    columns = made_timeline([3, 0], [1, 2]).columns

    assert [(c.first_height, c.second_height, c.first_y, c.second_y) for c in columns] == [
        (75, 25, 25, 0),
        (0, 50, 100, 50),
    ]
    assert [(c.x, c.width) for c in columns] == [(0, 50), (50, 50)]


def test_times_are_those_of_the_place_and_stand_at_both_ends():
    chart = made_timeline([1, 1], [0, 0])

    assert [tick.label for tick in chart.ticks] == ["11-02 00:00", "11-02 12:00", "11-03 00:00"]
    assert [tick.anchor for tick in chart.ticks] == ["start", "middle", "end"]


def test_a_timeline_without_anything_is_flat():
    assert [c.first_height for c in made_timeline([0], [0]).columns] == [0]


def test_every_amount_of_a_timeline_is_printed():
    text = drawn(made_timeline([31, 0], [1, 27]))

    assert all(f'<td class="number">{number}</td>' in text for number in (31, 0, 1, 27))


def test_shares_are_drawn_against_the_largest_and_printed():
    chart = pairs([Pair("5", 0.8, 0.4), Pair("1", 0, 0.1)], here="here", elsewhere="elsewhere", title="Marks")

    assert [(row.here, row.elsewhere, row.here_text) for row in chart.rows] == [
        (100, 50, "80.0%"),
        (0, 12.5, "0.0%"),
    ]
    assert "40.0%" in drawn(chart)


def test_differences_stand_about_a_line_in_the_middle():
    chart = differences(
        [Difference("North", 0.5, 0.2, 0.8, True), Difference("South", -0.1, -0.3, 0.1, False)],
        title="Differences",
    )

    north, south = chart.rows
    assert chart.zero == 50
    assert north.x > 50 > south.x
    assert (north.text, north.interval, south.text) == ("+0.50", "+0.20 至 +0.80", "−0.10")
    assert drawn(chart).count("more than chance explains") == 1


def test_nothing_is_minus_zero():
    assert [signed(value) for value in (-0.001, 0, 0.004, -0.006, 1)] == [
        "0.00",
        "0.00",
        "0.00",
        "−0.01",
        "+1.00",
    ]
