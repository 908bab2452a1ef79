import pytest

from tests.factories.season import make_world


@pytest.mark.parametrize(
    ("role", "views", "runs"),
    [
        ("office", True, True),
        ("subdistrict", True, False),
        ("department", False, False),
        ("mentor", False, False),
        ("secretary", False, False),
    ],
)
def test_who_may_see_and_who_may_run_the_rounds(db, role, views, runs):
    world = make_world()
    account = world.accounts[role]

    assert account.has_perm("ballots.view_rounds") == views
    assert account.has_perm("ballots.run_rounds", world.season) == runs
