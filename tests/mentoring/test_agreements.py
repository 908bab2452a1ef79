import pytest
from django.urls import reverse
from django.utils.translation import override

from dongliang.common.refusals import Refused
from dongliang.mentoring.actions.agreements import sign_agreement
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.models import Agreement, Signature
from tests.factories.mentoring import make_agreement
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db
SIGNERS = ("mentor", "secretary", "subdistrict")


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def agreement(world) -> Agreement:
    return make_agreement(world.enrolments[0].pairs.get())


def sign(agreement: Agreement, world: World, role: str) -> Signature:
    return sign_agreement(agreement, shown=agreement.sha256, by=world.accounts[role])


def valid(agreement: Agreement) -> list[tuple[str, str]]:
    return list(agreement.signatures.filter(voided_at=None).values_list("side", "name"))


def test_three_sign_each_for_its_own_side(world, agreement):
    made = [sign(agreement, world, role) for role in SIGNERS]

    names = [world.accounts[role].display_name for role in SIGNERS]
    assert valid(agreement) == list(zip(["mentor", "mentee", "subdistrict"], names, strict=True))
    assert {signature.sha256 for signature in made} == {agreement.sha256}


@pytest.mark.parametrize(
    "role", ["office", "other_subdistrict", "department", "other_mentor", "other_secretary"]
)
def test_nobody_else_can_sign(world, agreement, role):
    with pytest.raises(Refused) as refused:
        sign(agreement, world, role)

    assert [blocker.code for blocker in refused.value.blockers] == ["agreement.side"]


def test_a_change_voids_the_signatures_and_keeps_them_on_record(world, agreement):
    for role in SIGNERS:
        sign(agreement, world, role)

    changed = make_agreement(agreement.pair, goals="独立开好两次业主大会")

    assert valid(changed) == []
    assert changed.signatures.count() == 3
    sign(changed, world, "mentor")
    assert [side for side, _name in valid(changed)] == ["mentor"]


@pytest.mark.parametrize(
    "change", [{"months": 4}, {"plan": ["走访楼组", "征询意见"]}, {"goals": "换一个目标"}]
)
def test_every_part_of_the_text_is_in_the_fingerprint(agreement, change):
    before = agreement.sha256

    assert make_agreement(agreement.pair, **change).sha256 != before


def test_saving_the_same_text_again_leaves_the_signatures(world, agreement):
    sign(agreement, world, "mentor")

    make_agreement(agreement.pair)

    assert [side for side, _name in valid(agreement)] == ["mentor"]


def test_what_was_changed_since_it_was_shown_is_not_signed(world, agreement):
    shown = agreement.sha256
    make_agreement(agreement.pair, months=6)

    with pytest.raises(Refused) as refused:
        sign_agreement(agreement, shown=shown, by=world.accounts["mentor"])

    assert [blocker.code for blocker in refused.value.blockers] == ["agreement.changed"]


def test_one_side_signs_once(world, agreement):
    sign(agreement, world, "mentor")

    with pytest.raises(Refused) as refused:
        sign(agreement, world, "mentor")

    assert [blocker.code for blocker in refused.value.blockers] == ["agreement.signed"]


def test_an_agreement_that_says_too_little_or_too_much_is_refused(agreement):
    with pytest.raises(Refused) as refused:
        make_agreement(agreement.pair, goals=" ", months=2, plan=["一", "二", "长" * 201])

    assert [blocker.code for blocker in refused.value.blockers] == [
        "agreement.goals",
        "agreement.plan",
        "agreement.task",
    ]


def test_after_the_pair_has_ended_nothing_is_written_or_signed(world, agreement):
    end_pair(agreement.pair, reason="completed", by=None)

    for attempt in (
        lambda: make_agreement(agreement.pair, months=5),
        lambda: sign(agreement, world, "mentor"),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.blockers[0].code == "pair.ended"


def test_the_paper_is_a_pdf_named_after_the_two(client, world, agreement):
    client.force_login(world.accounts["mentor"])

    paper = client.get(reverse("mentoring:agreement_file", args=[agreement.pair_id]))

    assert (paper["Content-Type"], paper.content[:5]) == ("application/pdf", b"%PDF-")


def test_each_signs_on_the_page_of_the_pair(client, world, agreement):
    for role in SIGNERS:
        client.force_login(world.accounts[role])
        page = client.get(reverse("mentoring:pair", args=[agreement.pair_id]))
        assert page.context["may_sign"]
        client.post(reverse("mentoring:sign", args=[agreement.pair_id]), {"shown": agreement.sha256})
        assert not client.get(reverse("mentoring:pair", args=[agreement.pair_id])).context["may_sign"]

    assert len(valid(agreement)) == 3
