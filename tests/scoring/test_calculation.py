import random
from collections import Counter

import numpy as np
import pytest

from dongliang.common.canonical import canonical_json
from dongliang.engine.errors import EngineError
from dongliang.scoring import calculation
from dongliang.scoring.calculation import calculate, lots, standardised
from dongliang.seasons.rulebook import RuleBookContent, preset, validated
from tests.factories.scoring import make_inputs
from tests.factories.season import make_rules


def rules_for(secretaries: int = 24, subdistricts: int = 3, **changes) -> RuleBookContent:
    document = make_rules().model_dump()
    document["programme"] = {"subdistricts": subdistricts, "secretaries": secretaries}
    document["best_secretaries"] |= {"places": 6, "subdistrict_quota": {"minimum": 1, "maximum": 0}}
    document["popular_projects"] |= {"places": 4}
    for section, change in changes.items():
        document[section] = document[section] | change if isinstance(change, dict) else change
    return validated(document)


def test_the_same_rules_and_inputs_give_the_same_bytes():
    assert canonical_json(calculate(rules_for(), make_inputs())) == canonical_json(
        calculate(rules_for(), make_inputs())
    )


def test_the_order_of_the_inputs_does_not_matter_to_anyone_s_place():
    inputs = make_inputs()
    shuffled = {key: random.Random(3).sample(rows, len(rows)) for key, rows in inputs.items()}
    shuffled["secretaries"] = inputs["secretaries"]

    places = [entry["number"] for entry in calculate(rules_for(), inputs)["secretaries"]]

    assert [entry["number"] for entry in calculate(rules_for(), shuffled)["secretaries"]] == places


def test_another_rule_book_leaves_its_fingerprint_in_the_result():
    rules, other = rules_for(), rules_for(scoring={"seed": 5})

    assert calculate(rules, make_inputs())["rule_book_sha256"] == rules.sha256
    assert calculate(other, make_inputs())["rule_book_sha256"] == other.sha256 != rules.sha256


def test_the_robustness_sheet_tries_every_other_choice_and_keeps_the_list_s_length():
    result = calculate(rules_for(), make_inputs())

    sheet = result["robustness"]
    tried = [(variant["kind"], variant["source"] or variant["method"]) for variant in sheet["variants"]]
    assert Counter(kind for kind, _ in tried) == {
        "source": 3,
        "weight": 12,
        "method": 3,
        "scale": 1,
        "rater": 8,
    }
    assert [name for kind, name in tried if kind == "method"] == ["mean", "trimmed_mean", "unadjusted"]
    assert all(len(variant["entering"]) == len(variant["leaving"]) for variant in sheet["variants"])
    assert sum(times for _, times in sheet["times"]) == 6 * sheet["lists"]


def test_the_robustness_sheet_says_what_a_rule_book_with_that_choice_would_give():
    sheet = calculate(rules_for(), make_inputs())["robustness"]
    listed = {
        method: set(
            calculate(rules_for(scoring={"method": method}), make_inputs())["lists"]["best_secretaries"]
        )
        for method in ("gaussian", "mean", "trimmed_mean")
    }

    said = {variant["method"]: variant for variant in sheet["variants"] if variant["kind"] == "method"}

    for method in ("mean", "trimmed_mean"):
        assert set(said[method]["entering"]) == listed[method] - listed["gaussian"]
        assert set(said[method]["leaving"]) == listed["gaussian"] - listed[method]


def test_the_smallest_change_of_weights_does_change_the_list():
    result = calculate(rules_for(), make_inputs())
    change = result["robustness"]["smallest_weight_change"]
    document = rules_for().model_dump()
    for source in document["sources"]:
        source["weight"] = change["weights"][source["key"]]
    last = document["sources"][-1]
    last["weight"] = 1 - sum(source["weight"] for source in document["sources"] if source is not last)

    before = set(result["lists"]["best_secretaries"])
    after = set(calculate(validated(document), make_inputs())["lists"]["best_secretaries"])

    assert (sorted(after - before), sorted(before - after)) == (change["entering"], change["leaving"])


def test_a_way_of_scoring_that_gives_no_list_is_on_the_sheet_with_its_reason():
    # Two departments rate everyone: without the one, each person has a single rating of the other.
    sheet = calculate(rules_for(), make_inputs())["robustness"]

    assert {
        variant["rater"]: variant["refusal"] for variant in sheet["variants"] if variant["refusal"]
    } == dict.fromkeys(
        ("LZD1", "LZD2"),
        "Every target has one rating, so target and chance cannot be told apart. Rate them again.",
    )
    assert sheet["lists"] == 1 + len(sheet["variants"]) - 2


def test_lists_are_as_long_as_the_rule_book_says_and_keep_the_quota():
    result = calculate(rules_for(), make_inputs())
    home = dict(make_inputs()["secretaries"])

    best = result["lists"]["best_secretaries"]
    assert (len(best), {home[number] for number in best}) == (6, {"LZ01", "LZ02", "LZ03"})
    assert result["lists"]["popular_projects"] == [entry["number"] for entry in result["projects"][:4]]


def test_a_nomination_goes_on_stage_and_elsewhere_the_best_by_score_does():
    result = calculate(rules_for(), make_inputs())
    home = dict(make_inputs()["secretaries"])
    best = {
        code: next(entry["number"] for entry in result["projects"] if home[entry["number"]] == code)
        for code in ("LZ02", "LZ03")
    }

    assert result["lists"]["surest_things"] == [
        {"subdistrict": "LZ01", "number": 4, "by": "nomination"},
        {"subdistrict": "LZ02", "number": best["LZ02"], "by": "score"},
        {"subdistrict": "LZ03", "number": best["LZ03"], "by": "score"},
    ]


def test_without_nomination_nobody_goes_on_stage_if_the_rules_say_so():
    result = calculate(rules_for(surest_things={"without_nomination": "none"}), make_inputs())

    assert [entry["number"] for entry in result["lists"]["surest_things"]] == [4]


def test_whoever_has_too_few_ballots_is_kept_off_the_list_and_told_why():
    inputs = make_inputs()
    inputs["ballots"] = [row for row in inputs["ballots"] if row[0] != 5] + [[5, "5555", 2]]
    rules = rules_for(
        sources=[
            source | {"minimum_answers": 3 if source["key"] == "public" else 0}
            for source in rules_for().model_dump()["sources"]
        ]
    )

    entries = calculate(rules, inputs)["secretaries"]

    thin = next(entry for entry in entries if entry["number"] == 5)
    assert (thin["rank"], thin["eligible"], thin["selected"], thin["thin_sources"]) == (
        None,
        False,
        False,
        ["public"],
    )
    assert [entry["eligible"] for entry in entries] == sorted((e["eligible"] for e in entries), reverse=True)


def test_too_few_answers_only_mark_a_person_where_the_rules_let_them_be_listed():
    inputs = make_inputs()
    inputs["ballots"] = [row for row in inputs["ballots"] if row[0] != 5]

    entries = calculate(rules_for(scoring={"below_minimum": "listed"}), inputs)["secretaries"]

    entry = next(entry for entry in entries if entry["number"] == 5)
    assert (entry["eligible"], entry["thin_sources"], entry["rank"] is not None) == (True, ["public"], True)


def test_ballots_measured_from_their_tally_give_the_bytes_of_ballots_written_out(monkeypatch):
    from_tally = canonical_json(calculate(rules_for(), make_inputs()))
    monkeypatch.setattr(
        calculation, "measured", lambda answers, method: calculation.METHODS[method](answers.ratings)
    )

    assert canonical_json(calculate(rules_for(), make_inputs())) == from_tally


def test_i_cannot_say_is_no_mark():
    inputs = make_inputs()
    with_blank = inputs | {"ballots": [*inputs["ballots"], [5, "0500", 1]]}

    before, after = (calculate(rules_for(), each)["sources"]["public"] for each in (inputs, with_blank))

    assert (after["answers"] - before["answers"], after["ratings"] - before["ratings"]) == (1, 1)


@pytest.mark.parametrize("method", ["gaussian", "mean", "trimmed_mean"])
def test_every_method_of_the_rule_book_scores_a_season(method):
    result = calculate(rules_for(scoring={"method": method}), make_inputs())

    assert len(result["lists"]["best_secretaries"]) == 6
    assert all(entry["composite"] is not None for entry in result["secretaries"])


def test_the_model_finds_who_is_harsh():
    inputs = make_inputs()
    harsh = [
        [number, rater, "".join(str(max(1, int(mark) - 1)) for mark in marks) if rater == "M03" else marks]
        for number, rater, marks in inputs["field"]
    ]

    def severity(result: dict) -> float:
        return next(entry["severity"] for entry in result["raters"]["field"] if entry["rater"] == "M03")

    assert (
        severity(calculate(rules_for(), inputs | {"field": harsh}))
        > severity(calculate(rules_for(), inputs)) + 0.3
    )


def test_a_large_neighbourhood_has_one_voice_like_a_small_one():
    inputs = make_inputs() | {"project_marks": [], "picks": [[1, [1], 1000], [2, [2], 100]]}

    standing = {entry["number"]: entry for entry in calculate(rules_for(), inputs)["projects"]}

    assert (standing[1]["picks"], standing[2]["picks"]) == (1000, 100)
    assert (standing[1]["online"], standing[2]["online"]) == (1, 1)


def test_a_neighbourhood_below_the_fewest_ballots_weighs_less():
    document = rules_for().model_dump()
    for source in document["sources"]:
        source["minimum_answers"] = 10
    document["scoring"]["below_minimum"] = "listed"
    inputs = make_inputs() | {"picks": [[1, [1], 2], [2, [2], 10]]}

    standing = {entry["number"]: entry for entry in calculate(validated(document), inputs)["projects"]}

    assert (standing[1]["online"], standing[2]["online"]) == (0.2, 1)


def test_answers_that_cannot_be_scored_are_an_error_with_its_reason():
    with pytest.raises(EngineError):
        calculate(rules_for(), make_inputs() | {"field": [[1, "M01", "5555"]]})


def test_a_season_without_first_things_has_none_on_its_lists():
    result = calculate(
        rules_for(), make_inputs() | {"projects": [], "picks": [], "project_marks": [], "nominations": []}
    )

    assert (result["projects"], result["lists"]["popular_projects"], result["lists"]["surest_things"]) == (
        [],
        [],
        [],
    )


def test_one_subdistrict_by_itself_is_scored_by_its_own_preset():
    rules = preset("subdistrict-small")

    result = calculate(rules, make_inputs(secretaries=rules.programme.secretaries, subdistricts=1))

    lists = result["lists"]
    assert (len(lists["best_secretaries"]), len(lists["popular_projects"]), len(lists["surest_things"])) == (
        5,
        3,
        1,
    )


def test_lots_are_drawn_again_the_same_and_differ_by_rule_book():
    first = lots(rules_for(), range(1, 9))

    assert sorted(first.tolist()) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert first.tolist() == lots(rules_for(), range(1, 9)).tolist()
    assert first.tolist() != lots(rules_for(scoring={"seed": 5}), range(1, 9)).tolist()


def test_what_tells_nobody_apart_adds_nothing():
    assert standardised(np.array([2.0, 2.0, np.nan])).tolist() == [0, 0, 0]
    assert standardised(np.array([1.0, 3.0, np.nan])).tolist() == [-1, 1, 0]


def with_ballots(inputs, ballots):
    """The inputs with these neighbourhoods' ballots in place of their own."""
    return inputs | {
        "ballots": [entry for entry in inputs["ballots"] if entry[0] not in ballots]
        + [[number, marks, count] for number, rows in ballots.items() for marks, count in rows]
    }


def public_measures(result):
    return {entry["number"]: entry["measures"]["public"] for entry in result["secretaries"]}


@pytest.mark.parametrize("method", ["gaussian", "mean"])
def test_ten_times_the_ceiling_is_as_sure_as_the_ceiling_and_no_surer(method):
    at_it = [("5545", 20), ("3343", 20), ("4500", 10)]
    over = [(marks, 10 * count) for marks, count in at_it]
    inputs = with_ballots(make_inputs(), {1: at_it, 2: over})
    capped, free = (
        public_measures(
            calculate(rules_for(residents={"ceiling": ceiling}, scoring={"method": method}), inputs)
        )
        for ceiling in (50, 0)
    )

    assert capped[1]["standard_error"] == pytest.approx(capped[2]["standard_error"], abs=2e-6)
    assert free[2]["standard_error"] < 0.5 * free[1]["standard_error"]
    assert (capped[1]["answers"], capped[2]["answers"]) == (50, 500)
    assert capped[1]["mean"] == capped[2]["mean"] == free[2]["mean"]


def test_ballots_that_the_panel_excluded_count_only_in_the_list_that_shows_what_that_changed():
    inputs, rules = make_inputs(), rules_for()
    last = calculate(rules, inputs)["secretaries"][-1]["number"]
    stuffed = [[last, "5555", 400]]

    result = calculate(rules, inputs | {"excluded_ballots": stuffed, "excluded_picks": [[last, [last], 40]]})
    counted_in = calculate(rules, inputs | {"ballots": inputs["ballots"] + stuffed})
    plain = calculate(rules, inputs)

    listed, others = set(plain["lists"]["best_secretaries"]), set(counted_in["lists"]["best_secretaries"])
    assert result["lists"] == plain["lists"]
    assert result["secretaries"] == plain["secretaries"]
    assert result["with_excluded"]["best_secretaries"] == {
        "entering": sorted(others - listed),
        "leaving": sorted(listed - others),
    }
    assert (result["with_excluded"]["ballots"], result["with_excluded"]["picks"]) == (400, 40)
    assert next(v["kind"] for v in result["robustness"]["variants"]) == "excluded"
    assert plain["with_excluded"] is None


def test_picks_that_the_panel_excluded_show_what_they_would_have_done_to_the_projects():
    inputs, rules = make_inputs(), rules_for()
    last = calculate(rules, inputs)["projects"][-1]["number"]
    excluded = [[number, [last], 500] for number in range(1, 25)]

    result = calculate(rules, inputs | {"excluded_picks": excluded})
    counted_in = calculate(rules, inputs | {"picks": inputs["picks"] + excluded})

    listed, others = set(result["lists"]["popular_projects"]), set(counted_in["lists"]["popular_projects"])
    assert last in others - listed
    assert result["with_excluded"]["popular_projects"] == {
        "entering": sorted(others - listed),
        "leaving": sorted(listed - others),
    }
