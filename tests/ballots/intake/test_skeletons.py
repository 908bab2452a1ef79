import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dongliang.ballots.intake import skeletons
from dongliang.ballots.intake.messages import Look
from dongliang.ballots.intake.skeletons import cut, packed, passing_piece, policy, slot, styles

LOOK = Look("zh-hans", "normal")


@given(st.text(max_size=2000), st.text(max_size=50), st.text(max_size=2000))
def test_a_page_packed_in_pieces_unpacks_to_the_whole(first, middle, value):
    mark = slot("name")
    text = f"{first}{middle}".replace("\ue000", "").replace("\ue001", "").replace("\ud800", "")
    page = cut(f"{text}{mark}{text}{mark}")

    plain, packed_page = page.filled({"name": passing_piece(value)})

    assert gzip.decompress(packed_page) == plain


def test_what_is_filled_in_is_escaped():
    page = cut(f"<p>{slot('name')}</p>")

    plain, _packed = page.filled({"name": passing_piece("<b>&\"'")})

    assert plain == b"<p>&lt;b&gt;&amp;&quot;&#x27;</p>"


def test_a_name_that_looks_like_a_slot_is_filled_in_as_it_is():
    page = cut(f"<p>{slot('name')}</p>")

    plain, _packed = page.filled({"name": passing_piece(slot("other"))})

    assert plain == f"<p>{slot('other')}</p>".encode()


@pytest.mark.parametrize("size", [0, 599, 601, 70_000])
def test_a_piece_of_any_size_can_be_filled_in(size):
    page = cut(f"{slot('name')}")

    plain, packed_page = page.filled({"name": passing_piece("票" * size)})

    assert gzip.decompress(packed_page) == plain == ("票" * size).encode()


def test_a_piece_packed_on_its_own_takes_little():
    assert len(packed(b"abc" * 1000, 9).packed) < 100


def test_a_page_is_rendered_once_for_each_look_and_variant():
    store, rendered = {}, []

    def context():
        rendered.append(1)
        return {}

    for look in (LOOK, LOOK, Look("en", "normal"), Look("zh-hans", "large")):
        for variant in ((), ("other",)):
            skeletons.skeleton(store, look, "ballots/fault.html", variant, context)

    assert len(rendered) == len(store) == 6


def test_the_style_sheets_stand_in_the_page_and_are_let_through_by_their_hash():
    page = skeletons.rendered(LOOK, "ballots/fault.html", {})

    assert f"<style>{styles()}</style>" in page
    assert "'sha256-" in policy()
    assert "unsafe" not in policy()
    assert "/*" not in styles()
