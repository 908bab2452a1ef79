from hypothesis import given
from hypothesis import strategies as st

from dongliang.growth.queries.training import Seating, seating


def test_places_go_in_the_order_of_asking_and_a_quota_to_its_own_subdistrict_only():
    asked = [(1, 10), (2, 10), (3, 10), (4, 20), (5, 20), (6, 30)]

    # Four places: two are kept for subdistrict 10, one for 30, and one is left for all others.
    given_out = seating(4, {10: 2, 30: 1}, asked)

    assert given_out == Seating(seated=frozenset({1, 2, 4, 6}), waiting=(3, 5))


def test_without_quotas_the_first_come_sit():
    assert seating(2, {}, [(1, 10), (2, 20), (3, 10)]) == Seating(frozenset({1, 2}), (3,))


@given(
    places=st.integers(0, 12),
    quotas=st.dictionaries(st.integers(1, 4), st.integers(0, 6), max_size=4),
    homes=st.lists(st.integers(1, 5), max_size=30),
)
def test_no_more_sit_than_there_are_places_nor_of_a_subdistrict_than_its_quota(places, quotas, homes):
    asked = list(enumerate(homes))

    found = seating(places, quotas, asked)

    of_home = [sum(homes[pk] == home for pk in found.seated) for home in quotas]
    assert len(found.seated) <= places
    assert all(count <= quota for count, quota in zip(of_home, quotas.values(), strict=True))
    assert sorted([*found.seated, *found.waiting]) == list(range(len(homes)))
    assert list(found.waiting) == sorted(found.waiting)
