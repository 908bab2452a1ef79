"""Certifies who coaches whom."""

from __future__ import annotations

import numpy as np

from dongliang.engine.checking.claims import demand
from dongliang.engine.data import LOTS, Candidates, Integers, Pairing, lots
from dongliang.engine.errors import NotCertified


def certify_pairing(
    pairing: Pairing,
    candidates: Candidates,
    *,
    capacity: Integers,
    avoid: Integers | None = None,
    everyone: bool = True,
    balance: float = 0.0,
) -> None:
    """Check that a pairing keeps its rules and that no other within the candidates has a greater total, lots included.

    The prices prove it: whatever the pairing, its total is at most what every mentee would gain at these prices by
    taking the best for themselves, and every place by being sold. A total that comes within one unit of this cannot be
    beaten, as totals are whole numbers.

    Parameters
    ----------
    pairing : Pairing
        What is claimed.
    candidates : Candidates
        Who could have been paired with whom, and how well they fit.
    capacity, avoid, everyone, balance
        As in `pairing.pair`.

    Raises
    ------
    NotCertified
        A mentee has a mentor who is no candidate or to be avoided, or none in spite of a demand; a mentor has too many; a
        figure is not what the candidates say; or the prices leave room for a better pairing.
    """
    n, paired = len(candidates.mentor), pairing.mentor >= 0
    line = np.arange(n)
    listed = (candidates.mentor == pairing.mentor[:, None]) & paired[:, None]
    demand(bool((listed.sum(axis=1) == paired).all()), "A mentee is paired with someone who is no candidate.")
    barred = np.empty((0, 2), dtype=np.int64) if avoid is None else np.asarray(avoid).reshape(-1, 2)
    demand(
        not (pairing.mentor[barred[:, 0]] == barred[:, 1]).any(),
        "A mentee is paired with someone to be avoided.",
    )
    forced = candidates.locked | everyone
    demand(bool(paired[forced].all()), "Someone who must have a mentor has none.")
    load = np.bincount(pairing.mentor[paired], minlength=len(capacity))
    demand(bool((load <= capacity).all()), "A mentor has more mentees than places.")
    demand(bool((pairing.load == load).all()), "The loads are not those of the pairing.")
    at = listed.argmax(axis=1)
    for name, part in {"fit": candidates.fit, **candidates.parts}.items():
        claimed = pairing.fit if name == "fit" else pairing.parts[name]
        said = np.where(paired, part[line, at], 0) / 1_000
        demand(bool((claimed == said).all()), f"The {name} of a pair is not what the candidates say.")
    charge = round(balance * 1_000)
    total = int(candidates.fit[line, at][paired].sum()) - charge * int((load * (load - 1) // 2).sum())
    demand(
        pairing.total == total / 1_000, f"The total is {total / 1_000}, and the pairing says {pairing.total}."
    )
    # A lot is divided into n + 1, and a thousandth of a point outweighs all lots.
    thousandth = (LOTS * n + 1) * (n + 1)
    demand(pairing.scale == 1_000 * thousandth, "The prices are in another unit than they must be.")
    drawn = lots(candidates.mentee_number[:, None], candidates.mentor_number[candidates.mentor])
    gains = candidates.fit * thousandth + drawn * (n + 1) - pairing.prices[candidates.mentor]
    # Below anything that a price can make of a fit.
    least = np.int64(-1) << 62
    gains[candidates.mentor < 0] = least
    own = np.where(paired, gains[line, at], 0)
    missed = np.maximum(gains.max(axis=1), np.where(forced, least, 0)) - own
    # More places than mentees who list the mentor could not be filled by any pairing.
    lists = np.bincount(candidates.mentor[candidates.mentor >= 0], minlength=len(capacity))
    seat = np.arange(lists.max(initial=1))
    surplus = pairing.prices[:, None] - charge * thousandth * seat
    unsold = np.where(seat < load[:, None], np.maximum(-surplus, 0), np.maximum(surplus, 0))
    unsold[seat >= np.minimum(capacity, lists)[:, None]] = 0
    demand(bool((pairing.prices >= 0).all()), "A price is below zero.")
    beyond = max(int(missed.max()), int(unsold.max()))
    if beyond > n or int(missed.sum()) + int(unsold.sum()) > n:
        raise NotCertified("The prices leave room for a better pairing.")
