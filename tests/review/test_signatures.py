import pytest
from django.urls import reverse

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.models import Organisation
from dongliang.review.models import Signature
from dongliang.review.returns import reopen_sheets, sign_sheets
from dongliang.review.signatures import contents_fingerprint, unsigned
from dongliang.scoring.queries import gathered_inputs, run_blockers
from dongliang.seasons.actions import close_season
from tests.factories.review import make_plan, send_sheet
from tests.factories.season import World, make_rules, make_world

pytestmark = pytest.mark.django_db


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


@pytest.fixture
def world() -> World:
    world = make_world(rules=make_rules(institutional={"signature": True}))
    make_plan(world.season)
    return world


def send_all(world: World, institution: Organisation, marks: str = "4354") -> None:
    for assignment in world.season.assignments.filter(institution=institution):
        send_sheet(assignment, marks)


def sign(world: World, institution: Organisation, signer: str = "林晓") -> Signature:
    shown = contents_fingerprint(world.season, institution)
    return sign_sheets(
        world.season, institution, signer=signer, shown=shown, by=world.accounts["subdistrict"]
    )


def test_an_officer_signs_the_complete_set_by_name_and_fingerprint(world):
    street = world.subdistricts[0]
    send_all(world, street)

    signature = sign(world, street)

    assert (signature.signer, signature.signed_by, signature.sheets) == (
        "林晓",
        world.accounts["subdistrict"],
        3,
    )
    entry = ActionLogEntry.objects.get(verb="review.sheets.signed")
    assert entry.detail == {"contents": contents_fingerprint(world.season, street), "sheets": 3}


def test_an_incomplete_set_is_not_signed_while_the_season_is_open(world):
    send_sheet(world.season.assignments.filter(institution=world.subdistricts[0])[0])

    with pytest.raises(Refused) as refused:
        sign(world, world.subdistricts[0])

    assert codes(refused) == ["signature.incomplete"]


def test_once_closed_what_was_sent_is_signed_as_it_is(world):
    send_sheet(world.season.assignments.filter(institution=world.subdistricts[0])[0])
    close_season(world.season, by=None)

    assert sign(world, world.subdistricts[0]).sheets == 1
    with pytest.raises(Refused) as refused:
        sign(world, world.subdistricts[1])
    assert codes(refused) == ["signature.nothing"]


def test_a_signature_needs_a_name_and_the_contents_that_were_shown(world):
    street = world.subdistricts[0]
    send_all(world, street)
    shown = contents_fingerprint(world.season, street)
    send_all(world, street, "5555")

    with pytest.raises(Refused) as refused:
        sign_sheets(world.season, street, signer=" ", shown=shown, by=None)

    assert codes(refused) == ["signature.no_name", "signature.changed"]
    assert not Signature.objects.exists()


def test_the_second_of_two_officers_who_sign_is_told(world):
    send_all(world, world.subdistricts[0])
    sign(world, world.subdistricts[0])

    with pytest.raises(Refused) as refused:
        sign(world, world.subdistricts[0], "俞慧敏")

    assert codes(refused) == ["signature.signed"]


def test_a_signed_sheet_is_corrected_only_after_opening_again_with_a_reason(world):
    street = world.subdistricts[0]
    send_all(world, street)
    sign(world, street)
    sheet = world.season.assignments.filter(institution=street)[0]

    with pytest.raises(Refused) as signed:
        send_sheet(sheet, "1111")
    with pytest.raises(Refused) as without:
        reopen_sheets(world.season, street, reason=" ", by=None)
    reopen_sheets(world.season, street, reason="一位书记的分数填错行", by=world.accounts["subdistrict"])
    send_sheet(sheet, "1111")

    assert (codes(signed), codes(without)) == (["response.signed"], ["signature.no_reason"])
    assert Signature.objects.get().reopening_reason == "一位书记的分数填错行"
    assert sign(world, street).contents_sha256 != Signature.objects.last().contents_sha256


def test_what_is_not_signed_cannot_be_opened_again_nor_anything_after_the_close(world):
    street = world.subdistricts[0]

    with pytest.raises(Refused) as not_signed:
        reopen_sheets(world.season, street, reason="改分", by=None)
    send_all(world, street)
    sign(world, street)
    close_season(world.season, by=None)
    with pytest.raises(Refused) as closed:
        reopen_sheets(world.season, street, reason="改分", by=None)

    assert (codes(not_signed), codes(closed)) == (["signature.none"], ["season.not_open"])


def test_only_signed_sheets_are_scored_and_the_inputs_name_the_others(world):
    first, second = world.subdistricts
    for institution in (first, second, *world.departments):
        send_all(world, institution)
    sign(world, first)
    sign(world, world.departments[0])
    close_season(world.season, by=None)

    inputs = gathered_inputs(world.season)

    assert {rater for _number, rater, _marks in inputs["institutional"]} == {"LZ01", "LZD1"}
    assert inputs["unsigned"] == ["LZD2", "LZ02"]


def test_a_source_of_which_nothing_is_signed_has_no_answer(world):
    send_all(world, world.subdistricts[0])
    world.season = close_season(world.season, by=None)

    found = [blocker.code for blocker in run_blockers(world.season)]

    assert found == ["scoring.empty_source"] * 3


def test_a_rule_book_that_asks_for_no_signature_counts_every_sheet_and_takes_none():
    world = make_world()
    make_plan(world.season)
    send_all(world, world.subdistricts[0])

    inputs = gathered_inputs(world.season)
    with pytest.raises(Refused) as refused:
        sign(world, world.subdistricts[0])

    assert ("unsigned" in inputs, len(inputs["institutional"]), unsigned(world.season)) == (False, 3, [])
    assert codes(refused) == ["signature.not_asked"]


def test_the_page_signs_and_the_office_opens_again(client, world):
    street = world.subdistricts[0]
    send_all(world, street)
    address = reverse("review:institution", args=[street.pk])
    client.force_login(world.accounts["subdistrict"])
    shown = client.get(address).context["contents"]

    client.post(reverse("review:sign", args=[street.pk]), {"signer": "林晓", "shown": shown})
    signed = client.get(address).context["signature"]
    client.force_login(world.accounts["office"])
    client.post(reverse("review:reopen", args=[street.pk]), {"reason": "街道来电要求更正"})

    assert signed.signer == "林晓"
    assert [entry.reopened_by for entry in Signature.objects.all()] == [world.accounts["office"]]


def test_the_office_reads_where_an_institution_stands_but_signs_and_downloads_nothing(client, world):
    send_all(world, world.subdistricts[0])
    client.force_login(world.accounts["office"])
    pk = world.subdistricts[0].pk

    answers = [
        client.get(reverse("review:institution", args=[pk])).status_code,
        client.get(reverse("review:institution_workbook", args=[pk])).status_code,
        client.post(reverse("review:sign", args=[pk]), {"signer": "林晓"}).status_code,
    ]

    assert answers == [200, 403, 403]


def test_the_list_of_institutions_takes_one_query_more_for_none(client, world, django_assert_max_num_queries):
    client.force_login(world.accounts["office"])
    client.get(reverse("review:institutions"))
    with django_assert_max_num_queries(40) as few:
        client.get(reverse("review:institutions"), {"search": "望梁"})

    with django_assert_max_num_queries(len(few.captured_queries)):
        page = client.get(reverse("review:institutions"))

    assert [row.institution for row in page.context["rows"]] == [*world.departments, *world.subdistricts]
