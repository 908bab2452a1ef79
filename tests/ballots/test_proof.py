"""The tree, the seals and what is withheld: against RFC 6962's own definition and against brute force."""

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dongliang.ballots import codes, proof

hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=70)
lines = st.lists(st.integers(0, 2**256 - 1), unique=True, max_size=40)


def root_by_definition(leaves):
    """RFC 6962, section 2.1, word for word but for the leaf's own hash."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root_by_definition(leaves[:k]) + root_by_definition(leaves[k:])).digest()


def path_by_definition(leaves, m):
    """RFC 6962, section 2.1.1."""
    if len(leaves) <= 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path_by_definition(leaves[:k], m), root_by_definition(leaves[k:])]
    return [*path_by_definition(leaves[k:], m - k), root_by_definition(leaves[:k])]


@given(hashes)
def test_the_root_is_the_one_of_rfc_6962(leaves):
    assert proof.root_of(leaves) == root_by_definition(leaves)


@given(hashes.filter(bool), st.data())
def test_the_path_is_the_one_of_rfc_6962_and_leads_to_the_root(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))

    path = proof.path_of(leaves, index)

    assert path == path_by_definition(leaves, index)
    assert proof.root_by_path(leaves[index], index, len(leaves), path) == proof.root_of(leaves)


@given(hashes.filter(lambda leaves: len(leaves) > 1), st.data())
def test_a_spoilt_path_leads_elsewhere_or_nowhere(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    path, root = proof.path_of(leaves, index), proof.root_of(leaves)
    place = data.draw(st.integers(0, len(path) - 1))
    spoilt = [*path[:place], bytes(32), *path[place + 1 :]]

    assert proof.root_by_path(leaves[index], index, len(leaves), path[:-1]) is None
    assert proof.root_by_path(leaves[index], index, len(leaves), [*path, bytes(32)]) is None
    assert proof.root_by_path(leaves[index], len(leaves), len(leaves), path) is None
    assert proof.root_by_path(leaves[index], -1, len(leaves), path) is None
    if spoilt != path:
        assert proof.root_by_path(leaves[index], index, len(leaves), spoilt) != root


def test_a_leaf_cannot_pass_for_a_node():
    left, right = proof.leaf_hash("a"), proof.leaf_hash("b")

    assert proof.node_hash(left, right) not in (
        proof.leaf_hash((left + right).decode("latin-1")),
        hashlib.sha256(b"\x00" + left + right).digest(),
    )


@given(st.integers(0, 3 * 5))
def test_the_tree_of_parts_is_the_tree_of_lines(count):
    part_size = 4
    texts = [f"line {number}" for number in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "PART", part_size)
        parts = list(proof.parts_of(texts))
    leaves = [proof.leaf_hash(text) for text in texts]
    nodes = [part.node for part in parts]

    assert proof.root_of(nodes) == proof.root_of(leaves)
    assert [line for part in parts for line in part.lines] == texts
    for index in range(count):
        place = index // part_size
        assert proof.path_in_parts(parts[place].lines, index % part_size, nodes, place) == proof.path_of(
            leaves, index
        )


def test_a_commitment_is_the_same_however_the_receipt_is_typed():
    assert (
        proof.commitment("8WQ2M-4KX7P")
        == proof.commitment(" 8wq2m4kx7p ")
        == hashlib.sha256(b"dongliang receipt 1\n8WQ2M4KX7P").digest()
    )


@given(lines, st.randoms())
def test_lines_come_in_the_order_of_their_commitments_whatever_order_they_are_cast_in(numbers, random):
    entries = [
        (number.to_bytes(32), proof.rest_of_line("secretaries", number % 7 + 1, "counted", ""))
        for number in numbers
    ]
    shuffled = entries[:]
    random.shuffle(shuffled)

    leaves = proof.Leaves(shuffled)

    assert list(leaves.lines()) == [f"{digest.hex()},{rest}" for digest, rest in sorted(entries)]
    assert leaves.counts().total() == len(leaves) == len(entries)
    assert [proof.Leaf.read(line).line for line in leaves.lines()] == list(leaves.lines())


def test_picks_are_counted_project_by_project_since_a_combination_would_be_a_signature():
    assert proof.countable("projects", [("1,4", 2), ("4,17,102", 1), ("", 1)]) == [
        ("", 1), ("1", 2), ("102", 1), ("17", 1), ("4", 3),
    ]  # fmt: skip
    assert proof.countable("secretaries", [("5545", 2), ("1111", 1)]) == [("1111", 1), ("5545", 2)]


def test_a_seal_hides_even_a_single_ballot_from_whoever_tries_all_marks():
    cell = ("secretaries", 3)
    seal = proof.seal_of(proof.salt_of(b"s" * 32, cell), cell, [("5545", 1)])
    every = [f"{a}{b}{c}{d}" for a in range(6) for b in range(6) for c in range(6) for d in range(6)]

    assert seal not in {
        proof.seal_of(salt, cell, [(marks, 1)]) for marks in every for salt in (b"", bytes(32))
    }
    assert seal == proof.seal_of(proof.salt_of(b"s" * 32, cell), cell, [("5545", 1)])


def test_two_neighbourhoods_have_different_salts():
    cells = [("secretaries", 1), ("secretaries", 2), ("projects", 1)]

    assert len({proof.salt_of(b"s" * 32, cell) for cell in cells}) == 3


counts = st.dictionaries(
    st.tuples(st.sampled_from(["secretaries", "projects"]), st.integers(1, 12)),
    st.integers(1, 30),
    max_size=16,
)


@given(counts, st.integers(1, 20))
def test_no_total_lets_fewer_ballots_than_the_smallest_be_worked_out_by_subtraction(ballots, smallest):
    closed = proof.withheld(ballots, smallest)

    for kind in {kind for kind, _number in ballots}:
        inside = [count for cell, count in ballots.items() if cell[0] == kind and cell in closed]
        outside = [count for cell, count in ballots.items() if cell[0] == kind and cell not in closed]
        assert all(count >= smallest for count in outside)
        assert not inside or sum(inside) >= smallest or not outside
        # No more is closed than that takes.
        assert sum(sorted(inside)[:-1]) < smallest or max(inside) < smallest


def test_changes_are_found_by_commitment():
    old = [f"{'a' * 64},secretaries,1,counted,", f"{'b' * 64},secretaries,2,counted,"]
    new = [old[0], f"{'b' * 64},secretaries,2,excluded,burst"]

    [change] = proof.changes_between(old, new)

    assert change.line == f"{'b' * 64},counted,,excluded,burst"
    assert proof.changes_between(old, old) == proof.changes_between([], []) == []


@pytest.mark.parametrize("new", [[0], [1], [], [0, 1, 2], [0, 3]])
def test_a_ballot_that_came_went_or_moved_is_no_change_but_a_mismatch(new):
    every = [
        f"{'a' * 64},secretaries,1,counted,",
        f"{'b' * 64},secretaries,2,counted,",
        f"{'c' * 64},secretaries,2,counted,",
        f"{'b' * 64},secretaries,3,counted,",
    ]

    with pytest.raises(proof.Mismatch):
        proof.changes_between(every[:2], [every[place] for place in new])


def test_an_archive_has_the_same_bytes_whenever_it_is_made():
    def made():
        target = io.BytesIO()
        proof.write_archive(target, [("a.csv", [b"one\n", b"two\n"]), ("b.json", [b"{}"])])
        return target.getvalue()

    assert made() == made()
    assert hashlib.sha256(made()).hexdigest() == ARCHIVE


# Of any machine, any day and any version of Python.
ARCHIVE = "c6c9c5cd8c4831473c64d14899e00efd4553fdf317b2492d8149f1581a10297b"


def test_a_receipt_drawn_up_again_has_the_commitment_of_the_one_handed_out():
    key, credential, nonce = b"k" * 32, b"c" * 32, b"n" * 8

    shown = codes.receipt_of(key, credential, nonce)

    assert proof.commitment(shown) == proof.commitment(codes.receipt_of(key, credential, nonce).lower())
