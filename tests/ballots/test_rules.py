import pytest

from tests.factories.season import make_world


@pytest.mark.parametrize(
    ("role", "at_the_counter", "runs"),
    [
        ("office", True, True),
        ("subdistrict", True, False),
        ("other_subdistrict", True, False),
        ("department", False, False),
        ("mentor", False, False),
        ("secretary", False, False),
    ],
)
def test_who_may_do_what_with_the_rounds(db, role, at_the_counter, runs):
    """Offices serve residents at the counter; for which neighbourhoods, the page's rows say."""
    world = make_world()
    account = world.accounts[role]

    assert {
        name: account.has_perm(f"ballots.{name}")
        for name in ("view_rounds", "revoke_cards", "assist_voters", "key_paper")
    } == dict.fromkeys(("view_rounds", "revoke_cards", "assist_voters", "key_paper"), at_the_counter)
    assert account.has_perm("ballots.run_rounds", world.season) == runs
