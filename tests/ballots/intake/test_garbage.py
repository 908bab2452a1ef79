import gc

import pytest

from dongliang.ballots.intake import garbage


@pytest.fixture
def calm():
    callbacks = list(gc.callbacks)
    # What an earlier test left alone may end meanwhile.
    gc.unfreeze()
    yield
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def test_what_a_long_search_left_alone_is_searched_no_more(calm, monkeypatch):
    monkeypatch.setattr(garbage, "LONG", 0.0)
    garbage.keep_searches_short()
    kept = [[] for _ in range(1000)]

    gc.collect()

    assert gc.get_freeze_count() >= len(kept)


def test_a_short_search_leaves_everything_to_the_next(calm, monkeypatch):
    garbage.keep_searches_short()
    monkeypatch.setattr(garbage, "LONG", 60.0)
    before = gc.get_freeze_count()

    gc.collect()

    assert gc.get_freeze_count() <= before


def test_the_searches_are_watched_once_however_often_a_server_starts(calm):
    garbage.keep_searches_short()
    garbage.keep_searches_short()

    assert sum(isinstance(callback, garbage.Search) for callback in gc.callbacks) == 1
