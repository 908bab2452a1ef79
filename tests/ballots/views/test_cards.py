import dataclasses
import io
import re
import zipfile

import pytest
from django.urls import reverse

from dongliang.ballots import codes, printing
from dongliang.ballots.actions.rounds import close_rounds, prepare_rounds
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import RevokedCard
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.common.models import ActionLogEntry
from tests.factories.ballots import cast, make_cast, make_code, make_projects, make_rounds
from tests.factories.season import make_world

ROLES = (
    "office subdistrict other_subdistrict department mentor other_mentor secretary other_secretary".split()
)


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def signed_in(client, world):
    def sign_in(role):
        client.force_login(world.accounts[role])
        return client

    return sign_in


def open_serials(world):
    """The numbers of the first neighbourhood's cards that are none of the sample's."""
    return sorted(set(range(1, 401)) - sampled_serials(world.season)[1])


def printed_serials(world, call):
    """What numbers a PDF's cards have."""
    _name, arguments, _options = call
    [cards] = [each for each in arguments if isinstance(each, list)]
    return {codes.read(season_key(world.season), card.code)[1] for card in cards}


@pytest.fixture
def drawn(monkeypatch):
    """What a PDF is drawn from, the drawing left to its own tests."""
    seen = []
    for name in ("cards_pdf", "poster_pdf", "sheets_pdf"):

        def instead(*args, name=name, **kwargs):
            seen.append((name, args, kwargs))
            return b"%PDF-"

        monkeypatch.setattr(printing, name, instead)
    return seen


def page(response):
    return response.content.decode()


def address(name, code="LZ0101"):
    return reverse(f"ballots:{name}", args=[code])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["cards", "poster", "paper_ballots", "revoke"])
def test_what_is_printed_and_revoked_is_for_the_offices_of_the_neighbourhood(
    signed_in, world, drawn, role, name
):
    make_rounds(world.season)
    method = {"poster": "get"}.get(name, "post")
    free = open_serials(world)[0]
    posted = {"from": 1, "count": 2, "round": "secretaries", "kind": "coded", "first": free, "reason": "lost"}

    response = getattr(signed_in(role), method)(address(name), posted)

    allowed = 302 if name == "revoke" else 200
    assert response.status_code == {"office": allowed, "subdistrict": allowed, "other_subdistrict": 404}.get(
        role, 403
    )
    assert RevokedCard.objects.exists() == (name == "revoke" and role in ("office", "subdistrict"))


def test_cards_hold_the_codes_of_the_households_and_printing_them_is_logged(
    signed_in, world, drawn, settings
):
    settings.PUBLIC_URL = "https://vote.example.cn"
    prepare_rounds(world.season, by=None)

    response = signed_in("subdistrict").post(address("cards"), {"from": 11, "count": 3})

    [(_name, (cards, place), options)] = drawn
    assert [codes.read(season_key(world.season), card.code) for card in cards] == [
        (1, serial) for serial in (11, 12, 13) if serial in open_serials(world)
    ]
    assert [card.address for card in cards] == [f"https://vote.example.cn/v/{card.code}/" for card in cards]
    assert place == printing.Place("柳荫第一居民区", "望梁街道", "")
    assert options == {"enter": "https://vote.example.cn/v/"}
    assert (response["Content-Type"], response.content) == ("application/pdf", b"%PDF-")
    assert "no-store" in response["Cache-Control"]
    entry = ActionLogEntry.objects.get(verb="ballots.cards.printed")
    assert (entry.by, entry.detail) == (world.accounts["subdistrict"], {"first": 11, "last": 13})
    assert "11 号到 13 号" in page(signed_in("office").get(address("cards")))


def test_looking_at_the_form_prints_nothing_and_logs_nothing(signed_in, world, drawn):
    prepare_rounds(world.season, by=None)

    response = signed_in("office").get(address("cards"), {"from": "1", "count": "3"})

    assert "谁印了码，谁就可能用它投票" in page(response)
    assert drawn == []
    assert not ActionLogEntry.objects.filter(verb="ballots.cards.printed").exists()


@pytest.mark.parametrize(
    "posted",
    [
        {"from": "0", "count": "1"},
        {"from": "1", "count": "301"},
        {"from": "一", "count": "1"},
        {"from": "1"},
        {"count": "5"},
        {"from": "1", "count": "\x00"},
        {"from": "9" * 400, "count": "1"},
        {"from": "440", "count": "2"},
    ],
)
def test_cards_that_cannot_be_printed_are_refused_with_a_sentence(signed_in, world, drawn, posted):
    prepare_rounds(world.season, by=None)

    response = signed_in("office").post(address("cards"), posted)

    assert (response.status_code, drawn) == (200, [])
    assert "field-error" in page(response) or "柳荫第一居民区最多可以印到 440 号，您要的是 441 号。" in page(
        response
    )


def test_cards_before_the_rounds_are_prepared_say_what_is_missing(signed_in, world, drawn):
    assert "投票还没有做准备" in page(signed_in("office").post(address("cards"), {"from": 1, "count": 3}))


def test_a_poster_leads_to_the_neighbourhood_s_own_page_and_holds_no_code(signed_in, world, drawn, settings):
    settings.PUBLIC_URL = "https://vote.example.cn"
    make_rounds(world.season)

    signed_in("subdistrict").get(address("poster"))

    [(_name, (place,), options)] = drawn
    assert place.neighbourhood == "柳荫第一居民区"
    assert options == {
        "address": "https://vote.example.cn/v/at/LZ0101/",
        "verification": ["household_code", "assisted", "paper"],
    }


@pytest.mark.parametrize(("role", "count"), [("office", 6), ("subdistrict", 3)])
def test_the_archive_holds_a_poster_for_each_neighbourhood_in_reach(signed_in, world, role, count):
    make_rounds(world.season)

    response = signed_in(role).get(reverse("ballots:posters"))

    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert archive.testzip() is None
    assert len(archive.namelist()) == count
    assert "望梁街道/LZ0101-柳荫第一居民区.pdf" in archive.namelist()
    assert all(archive.read(name).startswith(b"%PDF-") for name in archive.namelist())


def test_a_card_is_revoked_by_its_code_and_a_pack_by_its_numbers(signed_in, world):
    secretaries, _ = make_rounds(world.season)
    [one, *free] = open_serials(world)
    cast(secretaries, make_cast(secretaries, world.enrolments[0], serial=one))
    client = signed_in("subdistrict")

    said = client.post(
        address("revoke"),
        {"code": make_code(world.enrolments[0], one).lower(), "reason": "lost"},
        follow=True,
    )
    first = next(serial for serial in free if serial > 7 and {serial + 1, serial + 2} <= set(free))
    client.post(address("revoke"), {"first": first, "last": first + 2, "reason": "seen"})

    assert "1 张卡已作废，不能再用来投票。" in page(said)
    assert sorted(RevokedCard.objects.values_list("serial", "reason")) == [
        (one, "lost"),
        (first, "seen"),
        (first + 1, "seen"),
        (first + 2, "seen"),
    ]
    assert f"{one} 号, 遗失" in page(client.get(address("cards")))


def test_a_subdistrict_s_cards_are_without_marks_and_without_those_of_the_sample(signed_in, world, drawn):
    prepare_rounds(world.season, by=None)

    for place in (1, 201):
        signed_in("subdistrict").post(address("cards"), {"from": place, "count": 200})
    signed_in("subdistrict").post(
        address("paper_ballots"), {"round": "secretaries", "kind": "coded", "from": 1, "count": 300}
    )

    printed = [printed_serials(world, call) for call in drawn]
    assert sorted(printed[0] | printed[1]) == open_serials(world)
    assert printed[2] == {serial for serial in open_serials(world) if serial <= 300}
    assert {card.sampled for _name, (cards, _place), _options in drawn[:2] for card in cards} == {False}


def test_the_office_s_cards_carry_the_marks_and_its_visitors_can_have_theirs_alone(signed_in, world, drawn):
    prepare_rounds(world.season, by=None)
    client = signed_in("office")

    client.post(address("cards"), {"from": 1, "count": 300})
    client.post(address("cards"), {"from": 1, "count": 300, "only_sample": "on"})

    (_, (all_cards, _), _), (_, (alone, _), _) = drawn
    sample = {serial for serial in sampled_serials(world.season)[1] if serial <= 300}
    assert {card.code for card in all_cards if card.sampled} == {card.code for card in alone}
    assert (len(all_cards), printed_serials(world, drawn[1])) == (300, sample)
    details = [entry.detail for entry in ActionLogEntry.objects.filter(verb="ballots.cards.printed")]
    assert details == [{"first": 1, "last": 300}, {"first": 1, "last": 300, "sample": True}]


def test_a_subdistrict_cannot_ask_for_the_sample_s_cards(signed_in, world, drawn):
    prepare_rounds(world.season, by=None)
    [first, *_others] = sorted(sampled_serials(world.season)[1])
    client = signed_in("subdistrict")

    asked = client.post(address("cards"), {"from": first, "count": 1, "only_sample": "on"})

    assert f"{first} 号到 {first} 号没有可印的卡。" in page(asked)
    assert drawn == []
    shown = page(client.get(address("cards")))
    assert ("◆" in shown, "only_sample" in shown) == (False, False)
    assert "由主办方印、由主办方发" in shown


def test_a_subdistrict_sees_only_after_the_close_how_many_of_the_sample_have_voted(signed_in, world):
    """Else it would cast a ballot with a card and look whether the number rises."""
    secretaries, _ = make_rounds(world.season)
    made = make_cast(secretaries, world.enrolments[0], serial=min(sampled_serials(world.season)[1]))

    def shown(role):
        text = page(signed_in(role).get(reverse("ballots:sample")))
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text)

    before = {role: shown(role) for role in ("subdistrict", "office")}
    cast(secretaries, dataclasses.replace(made, in_sample=True))
    after = {role: shown(role) for role in ("subdistrict", "office")}
    close_rounds(world.season, by=None)

    assert [after[role] == before[role] for role in ("subdistrict", "office")] == [True, False]
    assert "其中已投" not in after["subdistrict"]
    assert "其中已投" in shown("subdistrict")


def test_the_pages_of_a_subdistrict_are_the_same_whatever_cards_were_drawn(signed_in, world, drawn):
    """Sample, cards, coverage: what a subdistrict reads there does not hold a serial or a door of the sample."""
    prepare_rounds(world.season, by=None)
    client = signed_in("subdistrict")
    names = [address("cards"), reverse("ballots:sample"), reverse("ballots:rounds")]

    def shown():
        seen = "".join(page(client.get(name)) for name in names)
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", seen)

    before = shown()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dongliang.ballots.draws.drawn", lambda *_args: (1, 2, 3))
        after = shown()

    assert (after == before, client.get(address("visiting_list")).status_code) == (True, 403)


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"reason": "lost"},
        {"first": "1", "reason": "assisted"},
        {"first": "5", "last": "4", "reason": "lost"},
        {"first": "1", "last": "1001", "reason": "lost"},
        {"first": "0", "reason": "lost"},
        {"first": "\x00", "reason": "lost"},
        {"code": "7K3F-9M2Q-XR4T", "reason": "lost"},
        {"code": "7K3F", "first": "1", "reason": "lost"},
        {"code": "\x00", "reason": "lost"},
    ],
)
def test_what_cannot_be_revoked_is_refused_with_a_sentence(signed_in, world, posted):
    make_rounds(world.season)

    response = signed_in("office").post(address("revoke"), posted, follow=True)

    assert re.search(r'class="message[^"]*"', page(response))
    assert not RevokedCard.objects.exists()


def test_a_subdistrict_that_revokes_every_card_is_refused_and_every_vote_stays(signed_in, world):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, *(make_cast(secretaries, world.enrolments[0], serial=n) for n in range(1, 21)))

    said = signed_in("subdistrict").post(
        address("revoke"), {"first": 1, "last": 400, "reason": "lost"}, follow=True
    )

    assert "超过 40 张由主办方决定" in page(said)
    assert not RevokedCard.objects.exists()
    assert set(secretaries.ballots.values_list("status", flat=True)) == {"counted"}


def test_the_card_of_another_neighbourhood_is_not_revoked_here(signed_in, world):
    make_rounds(world.season)

    response = signed_in("office").post(
        address("revoke"), {"code": make_code(world.enrolments[1]), "reason": "lost"}, follow=True
    )

    assert "这不是柳荫第一居民区的卡。" in page(response)
    assert not RevokedCard.objects.exists()


def test_paper_ballots_with_codes_are_logged_and_blank_ones_are_not(signed_in, world, drawn):
    make_rounds(world.season)
    client = signed_in("office")

    client.post(address("paper_ballots"), {"round": "secretaries", "kind": "coded", "from": 3, "count": 2})
    client.post(address("paper_ballots"), {"round": "secretaries", "kind": "hall", "from": 1, "count": 50})

    (_, (_, asked, coded), blank_of_coded), (_, (_, _, none), blank_of_hall) = drawn
    assert [codes.read(season_key(world.season), card.code) for card in coded] == [(1, 3), (1, 4)]
    assert (blank_of_coded, none, blank_of_hall) == ({"blank": 0}, [], {"blank": 50})
    assert asked.questions == [str(each.question) for each in world.season.rules.indicators]
    assert [entry.detail for entry in ActionLogEntry.objects.filter(verb="ballots.cards.printed")] == [
        {"first": 3, "last": 4}
    ]


def test_a_paper_ballot_of_projects_lists_them(signed_in, world, drawn):
    make_rounds(world.season)
    make_projects(world.season)

    signed_in("office").post(
        address("paper_ballots"), {"round": "projects", "kind": "hall", "from": 1, "count": 1}
    )

    [(_name, (_place, asked, _cards), _options)] = drawn
    assert (asked.lines, asked.candidates[0]) == (3, (1, "第1件事：楼道亮起来", "柳荫第一居民区"))
    assert len(asked.candidates) == 6
