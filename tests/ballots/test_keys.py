import threading

import pytest

from dongliang.ballots.keys import key_path, make_key, season_key
from dongliang.common.refusals import Refused
from dongliang.seasons.models import Season


@pytest.fixture
def season():
    return Season(slug="lz-2021", title="2021")


def test_a_key_is_32_random_bytes_in_a_file_for_its_owner_alone(season):
    key = make_key(season)

    assert len(key) == 32
    assert key_path(season).stat().st_mode & 0o777 == 0o600
    assert key_path(season).parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in key_path(season).parent.iterdir()] == ["lz-2021.key"]


def test_seasons_have_different_keys(season):
    assert make_key(season) != make_key(Season(slug="lz-2022"))


def test_a_key_that_is_there_is_kept(season):
    assert make_key(season) == make_key(season) == season_key(season)


def test_makers_at_once_agree_on_one_key(season):
    keys = set()
    makers = [threading.Thread(target=lambda: keys.add(make_key(season))) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len(keys) == 1


def test_a_lost_key_is_refused_with_the_place_where_it_was_expected(season):
    make_key(season)
    key_path(season).unlink()

    with pytest.raises(Refused) as refused:
        season_key(season)

    assert [blocker.code for blocker in refused.value.blockers] == ["ballots.key_lost"]
    assert str(key_path(season)) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"abc", b"00" * 31, b"\xff\xfe" * 32, b"zz" * 32])
def test_a_file_that_is_no_key_is_refused(season, content):
    make_key(season)
    key_path(season).write_bytes(content)

    with pytest.raises(Refused) as refused:
        season_key(season)

    assert [blocker.code for blocker in refused.value.blockers] == ["ballots.key_damaged"]
