"""A published result can be recomputed from its book, and a book that was touched is found out."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.test import Client

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.cli import main
from dongliang.common.canonical import canonical_json
from dongliang.common.refusals import Refused
from dongliang.scoring.actions import bind_book, run_scoring
from dongliang.scoring.book import (
    CONTENTS,
    PARTS,
    bound,
    digest,
    examined,
    faults_of_files,
    first_difference,
    packed,
    unpacked,
)
from dongliang.scoring.calculation import calculate
from dongliang.scoring.models import ResultBook, ScoringRun
from tests.factories.scoring import make_closed_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> ScoringRun:
    return run_scoring(make_closed_world().season, by=None)


@pytest.fixture
def book(run) -> ResultBook:
    return bind_book(run, by=None)


@pytest.fixture
def files(book, tmp_path) -> dict[str, bytes]:
    return unpacked(written(tmp_path, bytes(book.content)))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "book.zip"
    path.write_bytes(content)
    return path


def verified(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def test_a_book_holds_its_parts_and_is_what_it_says(book, files):
    verdict = examined(files, bytes(book.content))

    assert sorted(files) == sorted([CONTENTS, *PARTS])
    assert (verdict.faults, verdict.last_places) == ((), 0)
    assert (verdict.secretaries, verdict.listed, verdict.fingerprint) == (6, 3, book.sha256)


def test_a_book_lists_whom_the_run_lists_with_the_same_scores(run, files):
    stored, published = json.loads(run.result), json.loads(files["result.json"])

    assert published["lists"] == stored["lists"]
    assert [entry["composite"] for entry in published["secretaries"]] == pytest.approx(
        [entry["composite"] for entry in stored["secretaries"]], abs=2e-6
    )


def test_a_book_names_no_mentor_and_keeps_together_what_one_rater_gave(run, files):
    ours, theirs = json.loads(run.inputs), json.loads(files["inputs.json"])

    def by_rater(inputs):
        raters = {rater for _number, rater, _marks in inputs["field"]}
        return sorted(sorted((n, m) for n, r, m in inputs["field"] if r == rater) for rater in raters)

    assert by_rater(ours) == by_rater(theirs)
    assert {rater for _number, rater, _marks in theirs["field"]} == {"R1", "R2", "R3", "R4"}
    assert not re.search(rb'"M\d\d"', b"".join(files.values()))


def test_a_book_holds_nobody_s_name(run, files):
    everything = b"".join(files.values()).decode()

    people = [enrolment.person.name for enrolment in run.season.enrolments.all()]
    assert not [name for name in people if name in everything]


def test_a_run_has_one_book(run, book):
    assert bind_book(run, by=None) == book


def test_the_same_inputs_make_the_same_bytes(files):
    again = bound_again(files)

    assert packed(again) == packed(files)


def bound_again(files):
    rules = ScoringRun.objects.get().rule_book.validated
    inputs = json.loads(files["inputs.json"])
    return bound(rules, inputs, calculate(rules, inputs))


def test_a_run_that_no_longer_comes_out_is_not_bound(run):
    result = json.loads(run.result)
    result["lists"]["best_secretaries"].reverse()
    ScoringRun.objects.update(result=canonical_json(result).decode())

    with pytest.raises(Refused) as refused:
        bind_book(run, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == ["scoring.not_repeatable"]
    assert not ResultBook.objects.exists()


def test_any_byte_changed_in_the_zip_is_found(book, tmp_path):
    content = bytes(book.content)
    # A file's name and bytes, the zip's own fields, its directory and its end.
    places = {*range(60), *range(0, len(content), 4001), *range(len(content) - 700, len(content))}

    missed = []
    for place in sorted(places):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x01
        path = written(tmp_path, bytes(spoilt))
        try:
            verdict = quickly(unpacked(path), bytes(spoilt))
        except Refused:
            continue
        if not verdict:
            missed.append(place)

    assert missed == []


def quickly(files, container):
    """The faults of the files and of the zip, without the arithmetic."""
    faults = list(faults_of_files(files))
    return faults or first_difference(container, packed(files)) is not None


def test_a_result_that_does_not_follow_is_found_even_if_all_fingerprints_are_made_to_fit(files):
    result = json.loads(files["result.json"])
    best = result["secretaries"][0]
    best["composite"], best["chance"] = best["composite"] + 0.5, 1.0
    forged = remade(files, "result.json", canonical_json(result))

    faults = examined(forged, packed(forged)).faults

    assert [fault.split("：")[0] for fault in faults if "composite" in fault] == [
        f"secretaries.#{best['number']}.composite"
    ]


def test_the_last_place_may_be_rounded_otherwise(files):
    result = json.loads(files["result.json"])
    result["secretaries"][0]["composite"] = round(result["secretaries"][0]["composite"] + 1e-6, 6)
    nearly = remade(files, "result.json", canonical_json(result))

    verdict = examined(nearly, packed(nearly))

    assert (verdict.faults, verdict.last_places) == ((), 1)


def test_a_ballot_more_in_the_inputs_is_found_even_if_all_fingerprints_are_made_to_fit(files):
    inputs = json.loads(files["inputs.json"])
    inputs["ballots"][0][2] += 1
    forged = remade(files, "inputs.json", canonical_json(inputs))

    assert any("inputs_sha256" in fault for fault in examined(forged, packed(forged)).faults)


def remade(files: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """The book with another file in it and its fingerprints brought in line."""
    forged = files | {name: content}
    contents = json.loads(files[CONTENTS])
    contents["sha256"][name] = digest(content)
    return forged | {CONTENTS: canonical_json(contents)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("inputs.json", b"{}"),
        ("inputs.json", b"[1, 2"),
        ("inputs.json", b'{"secretaries": [[1]], "field": 3}'),
        ("inputs.json", "票".encode("gbk")),
        ("rule-book.json", b"{}"),
        ("rule-book.json", b"null"),
        ("result.json", b"null"),
        ("result.json", b"{}"),
        ("book.json", b"[]"),
        ("book.json", b'{"sha256": 3}'),
    ],
)
def test_a_file_full_of_something_else_is_a_fault_and_no_crash(files, name, content):
    spoilt = files | {name: content}

    assert examined(spoilt, packed(spoilt)).faults


def test_a_missing_file_and_one_too_many_are_named(files):
    odd = {name: content for name, content in files.items() if name != "inputs.json"} | {"notes.txt": b"."}

    assert examined(odd).faults == ("缺少“inputs.json”。", "“notes.txt”不属于成绩册。")


def test_verify_recomputes_a_book_and_tells_its_fingerprint(book, tmp_path):
    answer = verified(written(tmp_path, bytes(book.content)), "--fingerprint", book.sha256.upper())

    assert answer.exit_code == 0, answer.output
    assert answer.output.splitlines() == [
        "照册子里的数据重算，完全对得上：6 位书记，入选 3 位。",
        f"指纹：{book.sha256}",
    ]


def test_verify_takes_a_folder_too(files, tmp_path):
    folder = tmp_path / "book"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)

    assert verified(folder).exit_code == 0


def test_verify_says_which_file_was_changed_and_ends_with_one(book, files, tmp_path):
    spoilt = files | {"inputs.json": files["inputs.json"].replace(b"5", b"4", 1)}

    answer = verified(written(tmp_path, packed(spoilt)))

    assert answer.exit_code == 1
    assert "“inputs.json”被改动过" in answer.output


def test_verify_holds_the_book_against_the_published_fingerprint(book, tmp_path):
    answer = verified(written(tmp_path, bytes(book.content)), "--fingerprint", "0" * 64)

    assert answer.exit_code == 1
    assert f"成绩册的指纹是 {book.sha256}，不是 {'0' * 64}。" in answer.output


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x00" * 5000, "名单".encode()])
def test_what_is_no_book_is_refused_with_a_sentence(content, tmp_path):
    answer = verified(written(tmp_path, content))

    assert answer.exit_code == 1
    assert "不是成绩册" in answer.output
    assert "Traceback" not in answer.output


def test_a_zip_that_swells_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("dongliang.scoring.book.LARGEST_FILE", 10_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inputs.json", b"0" * 1_000_000)

    answer = verified(written(tmp_path, buffer.getvalue()))

    assert (answer.exit_code, "inputs.json" in answer.output) == (1, True)


def test_publishing_a_list_binds_the_book_and_anybody_may_fetch_it(run, client: Client):
    lists = draw_lists(run, by=None)
    address = f"/honours/{run.season.slug}/book-{run.number}.zip"
    before = client.get(address).status_code

    publish_list(lists[0], by=None)
    response = client.get(address)

    book = ResultBook.objects.get()
    assert (before, response.status_code, response.content) == (404, 200, bytes(book.content))
    assert book.sha256 in client.get("/honours/").content.decode()
