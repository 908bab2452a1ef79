import copy
import json
import tomllib
from importlib import resources

import pytest
from django.utils import translation

from dongliang.common.canonical import fingerprint
from dongliang.common.refusals import Refused
from dongliang.seasons.rulebook import (
    RuleBookContent,
    from_text,
    preset,
    preset_names,
    usual_mentoring,
    validated,
)


def document() -> dict:
    return copy.deepcopy(preset("putuo-2021").model_dump())


def sentences(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [str(blocker) for blocker in refused.value.blockers]


def test_the_shipped_rule_book_holds_the_figures_of_the_season():
    rules = preset("putuo-2021")

    assert {
        "subdistricts": rules.programme.subdistricts,
        "secretaries": rules.programme.secretaries,
        "categories": len(rules.categories),
        "indicators": [indicator.name.zh for indicator in rules.indicators],
        "sources": [source.key for source in rules.sources],
        "assessors": rules.field.assessors,
        "places": rules.best_secretaries.places,
        "projects": rules.popular_projects.places,
        "on stage": rules.surest_things.each_subdistrict * rules.programme.subdistricts,
    } == {
        "subdistricts": 10,
        "secretaries": 278,
        "categories": 6,
        "indicators": ["党员管得住", "群众愿意跟", "引领有章法", "工作落地快"],
        "sources": ["field", "public", "institutional"],
        "assessors": 13,
        "places": 53,
        "projects": 18,
        "on stage": 10,
    }


def test_what_the_source_does_not_say_is_marked_as_a_default():
    rules = preset("putuo-2021")

    assert rules.is_default("sources.public.weight")
    assert rules.is_default("names.trainings")
    assert rules.is_default("scoring.method")
    assert not rules.is_default("best_secretaries.places")
    assert not rules.is_default("indicators.delivery.name")


def test_every_shipped_preset_is_valid():
    for name in preset_names():
        assert preset(name).key == name


def test_the_fingerprint_is_over_canonical_json_and_survives_storage():
    rules = preset("putuo-2021")

    assert rules.sha256 == fingerprint(rules.model_dump())
    assert RuleBookContent.model_validate(rules.model_dump()).sha256 == rules.sha256


def test_the_fingerprint_does_not_depend_on_the_order_of_keys_in_the_file():
    text = (resources.files("dongliang.presets") / "putuo-2021.toml").read_text(encoding="utf-8")
    shuffled = dict(reversed(tomllib.loads(text).items()))

    assert validated(shuffled).sha256 == preset("putuo-2021").sha256


def test_a_rule_book_from_before_the_growth_path_keeps_its_fingerprint_and_asks_for_nothing():
    earlier = document()
    del earlier["growth"]
    earlier["defaults"].remove("growth")

    rules = validated(earlier)

    assert rules.sha256 == fingerprint(earlier)
    assert rules.model_dump() == earlier
    assert (rules.path.hours_a_year, rules.path.stages, rules.path.star.hours) == (0, [], 0)


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ([{"stage": "expert"}], "growth.stages names 'expert'"),
        ([{"stage": "graduated"}, {"stage": "graduated"}], "growth.stages says twice what 'graduated' asks"),
        ([{"stage": "new"}], "growth.stages asks something for 'new', where everyone begins"),
        ([{"stage": "graduated", "hours": -1}], "it must be at least 0"),
    ],
)
def test_a_growth_path_that_contradicts_the_stages_is_refused(stages, said):
    with translation.override("en"), pytest.raises(Refused) as refused:
        validated(document() | {"growth": {"stages": stages}})

    assert len(refused.value.blockers) == 1
    assert said in sentences(refused)[0]


def test_a_changed_weight_changes_the_fingerprint():
    changed = document()
    changed["sources"][0]["weight"], changed["sources"][1]["weight"] = 0.3, 0.4

    assert validated(changed).sha256 != preset("putuo-2021").sha256


def test_a_fault_names_its_key_through_lists():
    wrong = document()
    wrong["sources"][1]["weight"] = "a third"

    with pytest.raises(Refused) as refused, translation.override("en"):
        validated(wrong)

    assert sentences(refused) == [
        "Rule book, key 'sources.public.weight': it must be a number. The value seen is 'a third'."
    ]


def test_a_missing_and_an_unknown_key_are_both_named():
    wrong = document()
    del wrong["scoring"]["seed"]
    wrong["scoring"]["sede"] = 1

    with pytest.raises(Refused) as refused, translation.override("en"):
        validated(wrong)

    assert sentences(refused) == [
        "Rule book, key 'scoring.seed': it is missing.",
        "Rule book, key 'scoring.sede': there is no such key. The value seen is 1.",
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda rules: rules["sources"][0].update(weight=0.5),
            "the weights under sources add up to 1.1; make them add up to 1",
        ),
        (
            lambda rules: rules["best_secretaries"].update(places=279),
            "best_secretaries.places is 279, more than the 278 secretaries",
        ),
        (
            lambda rules: rules["best_secretaries"].update(subdistrict_quota={"minimum": 6, "maximum": 0}),
            "10 subdistricts would need 60 places, and there are 53",
        ),
        (
            lambda rules: rules["best_secretaries"].update(subdistrict_quota={"minimum": 0, "maximum": 5}),
            "10 subdistricts could fill 50 places, and there are 53",
        ),
        (
            lambda rules: rules["best_secretaries"].update(ties=["field"]),
            "best_secretaries.ties must end in 'lot', so that no tie is left open",
        ),
        (
            lambda rules: rules["field"].update(assessors_each=14),
            "assessors_each is 14, but there are 13 assessors; use at most as many",
        ),
        (
            lambda rules: rules["popular_projects"].update(picks_minimum=4),
            "picks_minimum is 4, more than picks_maximum, 3",
        ),
        (
            lambda rules: rules["categories"].append(rules["categories"][0]),
            "categories has the key 'housing' twice; give each its own",
        ),
        (
            lambda rules: rules["defaults"].append("sources.press.weight"),
            "defaults names 'sources.press.weight', which is not a key of this rule book",
        ),
    ],
)
def test_rules_that_contradict_each_other_are_refused(spoil, said):
    wrong = document()
    spoil(wrong)

    with pytest.raises(Refused) as refused, translation.override("en"):
        validated(wrong)

    assert said in sentences(refused)[0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda rules: rules["sources"][0].update(weight=float("nan")),
            "'sources.field.weight': it must be a finite number",
        ),
        (
            lambda rules: rules["sources"][0].update(weight=-0.1),
            "'sources.field.weight': it must be at least 0",
        ),
        (lambda rules: rules["scoring"].update(draws=10), "'scoring.draws': it must be at least 1000"),
        (
            lambda rules: rules["scoring"].update(method="magic"),
            "it must be 'gaussian', 'mean' or 'trimmed_mean'",
        ),
        (
            lambda rules: rules["indicators"][0]["levels"].pop(),
            "'indicators.party_members.levels': it must have at least 5",
        ),
        (lambda rules: rules.update(programme=3), "'programme': it must be a table of keys"),
        (lambda rules: rules.update(key="A b"), "'key': it must be small letters"),
    ],
)
def test_a_value_out_of_bounds_is_told_with_the_bound(spoil, said):
    wrong = document()
    spoil(wrong)

    with pytest.raises(Refused) as refused, translation.override("en"):
        validated(wrong)

    assert said in sentences(refused)[0]


def test_faults_are_told_in_chinese():
    wrong = document()
    wrong["sources"][1]["weight"] = "三成"

    with pytest.raises(Refused) as refused, translation.override("zh-hans"):
        validated(wrong)

    assert sentences(refused) == ["规则书的“sources.public.weight”有误：应为数字。现在的值是 '三成'。"]


def test_text_that_is_not_toml_is_told_with_its_line():
    with pytest.raises(Refused) as refused, translation.override("en"):
        from_text("format = \n")

    assert sentences(refused) == [
        "The file is neither valid TOML nor valid JSON: Invalid value (at line 1, column 10)."
    ]


def test_a_rule_book_given_out_as_json_can_be_brought_back():
    rules = preset("putuo-2021")

    assert from_text(rules.as_json().decode()) == rules


def test_nesting_without_end_is_told():
    with pytest.raises(Refused):
        from_text("{" + '"a":{' * 100_000)


def test_an_unknown_preset_is_told_with_those_there_are():
    with pytest.raises(Refused) as refused, translation.override("en"):
        preset("putuo-1999")

    assert sentences(refused)[0].startswith("There is no preset called 'putuo-1999'. Use one of: ")


def test_wording_follows_the_reader_s_language():
    name = preset("putuo-2021").best_secretaries.name

    with translation.override("zh-hans"):
        assert str(name) == "最美书记"
    with translation.override("en"):
        assert str(name) == "Finest secretaries"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a = " + "[" * 3_000, "too deeply", id="lists without end"),
        pytest.param("seed = " + "9" * 5000, "line 1 is longer", id="a number without end"),
        pytest.param('{"seed": ' + "9" * 5000 + "}", "too many digits", id="the same in JSON"),
        pytest.param("\n[" + "a." * 100_000 + "a]", "line 2 is longer", id="tables without end"),
        pytest.param("[" + "a." * 1_000 + "a]", "there is no such key", id="many tables"),
        pytest.param("a = 0x" + "f" * 3_000, "there is no such key", id="a hexadecimal number without end"),
        pytest.param("a" * 3_000 + " = 1", "there is no such key", id="a key without end"),
        pytest.param("a = 2021-05-08T12:00:00Z", "there is no such key", id="a date"),
        pytest.param('{"key": "\\ud800"}', "'key'", id="half a character"),
        pytest.param("\ud800 = 1", "neither valid TOML", id="half a character as a key"),
    ],
)
def test_a_hostile_file_is_told_in_a_short_sentence(text: str, said: str):
    with pytest.raises(Refused) as refused, translation.override("en"):
        from_text(text)

    assert any(said in sentence for sentence in sentences(refused))
    assert max(map(len, sentences(refused))) < 400


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rules: rules["scoring"].update(seed=1 << 100_000), "'scoring.seed': it must be less than"),
        (
            lambda rules: rules["sources"][0].update(minimum_answers=1 << 100_000),
            "'sources.field.minimum_answers': it must be at most",
        ),
        (
            lambda rules: rules["programme"].update(secretaries=1 << 100_000),
            "'programme.secretaries': it must be at most",
        ),
        (
            lambda rules: rules["title"].update(zh="年度\x00"),
            "'title.zh': it must be plain text, without control characters",
        ),
        (
            lambda rules: rules["title"].update(zh="年" * 3000),
            "'title.zh': it must be at most 2000 characters",
        ),
    ],
)
def test_a_value_that_no_database_or_page_holds_is_told(spoil, said):
    wrong = document()
    spoil(wrong)

    with pytest.raises(Refused) as refused, translation.override("en"):
        validated(wrong)

    assert said in sentences(refused)[0]


def test_of_very_many_faults_the_first_are_told():
    with pytest.raises(Refused) as refused:
        from_text("".join(f"a{number} = 1\n" for number in range(20_000)))

    assert len(refused.value.blockers) == 50


def test_a_rule_book_from_before_signatures_and_waivers_keeps_its_fingerprint():
    older = document()
    del older["institutional"], older["field"]["waivable"]
    older["defaults"] = [
        path for path in older["defaults"] if path not in ("institutional", "field.waivable")
    ]

    rules = validated(older)

    assert rules.model_dump() == older
    assert rules.sha256 == fingerprint(older)
    assert (rules.asks_for_signatures, rules.field.waivable) == (False, [])


def test_the_shipped_rule_book_asks_for_signatures():
    assert preset("putuo-2021").asks_for_signatures
    assert document()["institutional"] == {"signature": True}


def test_a_rule_book_older_than_mentoring_keeps_its_fingerprint():
    document = preset("putuo-2021").model_dump()
    del document["mentoring"]
    document["defaults"].remove("mentoring")

    rules = validated(document)

    assert rules.sha256 == fingerprint(document)
    assert json.loads(rules.as_json()) == document
    assert rules.mentoring == usual_mentoring()
