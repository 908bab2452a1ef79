"""What looks like ballot stuffing. Every flag is explained, and none is a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import betaln, expit, gammaln
from scipy.stats import binom, chi2

from dongliang.engine.data import Ballots, Booleans, Flag, Floats, Integers
from dongliang.engine.errors import InvalidRatings

# Fewer ballots alike than this are never flagged: a family and its neighbours can be that many.
FEWEST = 8
# Lengths of the windows, in minutes, in which ballots alike are counted.
WINDOWS = (10, 60, 240)
# Of each neighbourhood's patterns, so many of the commonest are looked for in windows and origins.
COMMONEST = 6
# Two cards of consecutive numbers are used together when they are this many minutes apart.
TOGETHER = 10
# Neighbourhoods differ by themselves; never presume less than this correlation between two ballots of one.
LEAST_CORRELATION = 0.005
# What is likelier than this by itself is never flagged, however few tests there were.
WORTH_LISTING = 1e-4


def examine(ballots: Ballots, *, false_alarms: float = 0.01) -> tuple[Flag, ...]:
    """Flag what chance hardly explains in the ballots of a round.

    Parameters
    ----------
    ballots : Ballots
        ``n`` ballots of ``p`` targets on ``J`` indicators. Without origins, or serials, what needs them is left out.
    false_alarms : float, default 0.01
        How many flags of each kind an honest round may raise on average, if its ballots are as the kind presumes.

    Returns
    -------
    tuple of Flag
        By target, then kind, then first minute. One ballot can stand under several.

    Raises
    ------
    InvalidRatings
        ``false_alarms`` is not above 0.

    Notes
    -----
    - ``"burst"``: within a window of time, more ballots alike than the same neighbourhood's other ballots explain. Many
      ballots at once are no flag: a link shared in a chat group makes honest ones.
    - ``"origin"``: from one origin, more ballots alike than the neighbourhood's others explain. A tablet at the service
      desk is no flag by itself.
    - ``"straight"``: more ballots of the best mark, or the worst, throughout but for one answer at most, than the
      neighbourhood's other ballots lead to expect.
    - ``"copies"``: of the ballots with the same total, more with the same marks than in other neighbourhoods.
    - ``"cards"``: household cards of consecutive numbers used together more often than shuffled cards are.

    Bursts as in the permutation scan of [KHHAM05]_; see docs/methods/integrity.md for the formulas.
    """
    if not false_alarms > 0:
        raise InvalidRatings(f"false_alarms is {false_alarms}. Give a number above 0, such as 0.01.")
    found = [
        *_alike(ballots, "burst", false_alarms),
        *_alike(ballots, "origin", false_alarms),
        *_straight(ballots, false_alarms),
        *_copies(ballots, false_alarms),
        *_cards(ballots, false_alarms),
    ]
    return tuple(sorted(found, key=lambda flag: (flag.target, flag.kind, flag.first_minute, flag.pattern)))


def _by_target(ballots: Ballots) -> Iterator[tuple[int, Integers]]:
    """Rows of every target with ballots enough, by time."""
    order = np.lexsort((ballots.minute, ballots.target))
    counts = np.bincount(ballots.target, minlength=ballots.n_targets)
    for target, rows in enumerate(np.split(order, np.cumsum(counts)[:-1])):
        if len(rows) >= FEWEST:
            yield target, rows


# Ballots alike in a window of time or from one origin.


class _Groups(Protocol):
    """Groups of the ballots of one target, which may overlap."""

    sizes: Integers

    def count(self, members: Booleans) -> Integers: ...

    def holds(self, group: int) -> Booleans: ...

    def origin(self, group: int) -> int: ...


class _Windows:
    """All windows of the lengths looked at that begin with a ballot and are not part of another."""

    def __init__(self, minute: Integers) -> None:
        first = np.arange(len(minute))
        starts, ends = [], []
        for length in WINDOWS:
            end = np.searchsorted(minute, minute + length, side="left")
            whole = (np.diff(end, prepend=0) > 0) & (end - first >= FEWEST)
            starts.append(first[whole])
            ends.append(end[whole])
        self.starts, self.ends = np.concatenate(starts), np.concatenate(ends)
        self.sizes = self.ends - self.starts
        self.ballots = len(minute)

    def count(self, members: Booleans) -> Integers:
        up_to = np.concatenate([[0], np.cumsum(members)])
        return np.asarray(up_to[self.ends] - up_to[self.starts])

    def holds(self, group: int) -> Booleans:
        place = np.arange(self.ballots)
        return np.asarray((place >= self.starts[group]) & (place < self.ends[group]))

    def origin(self, group: int) -> int:
        return -1


class _Origins:
    """The origins that sent ballots enough."""

    def __init__(self, origin: Integers) -> None:
        self.codes, self.code, self.sizes = np.unique(origin, return_inverse=True, return_counts=True)
        self.sizes = np.where(self.codes >= 0, self.sizes, 0)

    def count(self, members: Booleans) -> Integers:
        return np.bincount(self.code[members], minlength=len(self.codes))

    def holds(self, group: int) -> Booleans:
        return np.asarray(self.code == group)

    def origin(self, group: int) -> int:
        return int(self.codes[group])


def _alike(ballots: Ballots, kind: str, false_alarms: float) -> list[Flag]:
    """Hypergeometric tails: given who voted when or from where, marks are dealt out at random."""
    if kind == "origin" and ballots.origin is None:
        return []
    tests = 0
    found: list[Flag] = []
    for target, rows in _by_target(ballots):
        groups: _Groups = (
            _Windows(ballots.minute[rows])
            if kind == "burst" or ballots.origin is None
            else _Origins(ballots.origin[rows])
        )
        for pattern, nearly, members in _sets(ballots.marks[rows]):
            tests += int((groups.sizes >= FEWEST).sum())
            found += _alike_in(ballots, kind, target, rows, groups, pattern, nearly, members)
    return _apart(found, tests, false_alarms)


def _sets(marks: Integers) -> Iterator[tuple[tuple[int, ...], bool, Booleans]]:
    """The commonest patterns, each as it is and, of three marks or more, with those that differ in one."""
    patterns, count = np.unique(marks, axis=0, return_counts=True)
    for place in np.lexsort((*patterns.T[::-1], -count))[:COMMONEST]:
        differing = (marks != patterns[place]).sum(axis=1)
        for allowed in (0, 1) if marks.shape[1] > 2 else (0,):
            members = differing <= allowed
            if members.sum() >= FEWEST:
                yield tuple(patterns[place].tolist()), bool(allowed), members


def _alike_in(
    ballots: Ballots,
    kind: str,
    target: int,
    rows: Integers,
    groups: _Groups,
    pattern: tuple[int, ...],
    nearly: bool,
    members: Booleans,
) -> Iterator[Flag]:
    """Every group of one target in which this pattern is improbably common."""
    alike = groups.count(members)
    total, marked = len(rows), int(members.sum())
    expected = groups.sizes * marked / total
    worth = np.flatnonzero((groups.sizes >= FEWEST) & (alike >= FEWEST) & (alike > expected))
    log_tail = _log_hypergeometric_tail(alike[worth], total, marked, groups.sizes[worth])
    taken = np.zeros(total, dtype=bool)
    for place in np.lexsort((-alike[worth], log_tail)).tolist():
        group = int(worth[place])
        if log_tail[place] > np.log(WORTH_LISTING):
            break
        held = members & groups.holds(group)
        # The windows about a burst are many: those that share ballots with a less probable one say nothing new.
        if (held & taken).any():
            continue
        taken |= held
        yield _flag(
            ballots,
            kind=kind,
            target=target,
            rows=rows[held],
            pattern=pattern,
            nearly=nearly,
            observed=int(alike[group]),
            expected=float(expected[group]),
            among=int(groups.sizes[group]),
            origin=groups.origin(group),
            probability=float(np.exp(log_tail[place])),
        )


def _apart(found: list[Flag], tests: int, false_alarms: float) -> list[Flag]:
    """Those that count given so many tests, the least probable first; who shares a ballot with one of them is left out."""
    kept: list[Flag] = []
    taken: set[int] = set()
    for flag in sorted(
        found, key=lambda flag: (flag.probability, -flag.observed, flag.target, flag.first_minute)
    ):
        if flag.probability * tests > false_alarms:
            break
        rows = set(flag.ballots.tolist())
        if not rows & taken:
            taken |= rows
            kept.append(replace(flag, false_alarms=flag.probability * tests))
    return kept


# Neighbourhoods beside each other.


def _straight(ballots: Ballots, false_alarms: float) -> list[Flag]:
    """Ballots of the best or of the worst mark throughout, but for one answer: more than the others here lead to expect."""
    if ballots.marks.shape[1] < 3:
        return []
    among = np.bincount(ballots.target, minlength=ballots.n_targets)
    tests = 0
    found: list[Flag] = []
    for mark in sorted({1, int(ballots.marks.max())}):
        near = (ballots.marks != mark).sum(axis=1) <= 1
        observed = np.bincount(ballots.target[near], minlength=ballots.n_targets)
        share = _foretold(observed, among, _leaning(ballots, ~near))
        tails = _tails(observed, among, share, _correlation(observed, among, share))
        tests += int((among >= FEWEST).sum())
        for target in np.flatnonzero((observed >= FEWEST) & (tails < WORTH_LISTING)).tolist():
            found.append(
                _flag(
                    ballots,
                    kind="straight",
                    target=target,
                    rows=np.flatnonzero((ballots.target == target) & near),
                    pattern=(mark,) * ballots.marks.shape[1],
                    nearly=True,
                    observed=int(observed[target]),
                    expected=float(among[target] * share[target]),
                    among=int(among[target]),
                    origin=-1,
                    probability=float(tails[target]),
                )
            )
    return _apart(found, tests, false_alarms)


def _leaning(ballots: Ballots, counted: Booleans) -> Floats:
    """Mean mark of a target's counted ballots as a distance from all targets' mean, shrunk by how few there are."""
    answered = np.maximum((ballots.marks > 0).sum(axis=1), 1)
    mean = (ballots.marks.sum(axis=1) / answered)[counted]
    target = ballots.target[counted]
    number = np.bincount(target, minlength=ballots.n_targets)
    if number.sum() < 2:
        return np.zeros(ballots.n_targets)
    by_target = np.bincount(target, weights=mean - mean.mean(), minlength=ballots.n_targets) / np.maximum(
        number, 1
    )
    within = float((mean - mean.mean() - by_target[target]).var())
    between = max(
        0.0, float(np.average(by_target**2, weights=number)) - within * (number > 0).sum() / number.sum()
    )
    return np.asarray(by_target * between / (between + within / np.maximum(number, 1) + 1e-12))


def _foretold(observed: Integers, among: Integers, leaning: Floats) -> Floats:
    """Share of such ballots in each target by a logistic regression on how its other ballots lean."""
    used = np.flatnonzero(among >= FEWEST)
    if len(used) < FEWEST:
        return np.full(len(observed), (observed.sum() + 0.5) / (among.sum() + 1))
    # A large target varies by itself: its ballots are no more than a hundred witnesses.
    weight = np.minimum(among[used], 100.0)
    rate = observed[used] / among[used]
    design = np.column_stack([np.ones(len(used)), leaning[used]])

    def loss(beta: Floats) -> tuple[float, Floats]:
        eta = design @ beta
        # The last term keeps the slope finite where the data would not.
        value = float(weight @ (np.logaddexp(0, eta) - rate * eta)) + float(beta @ beta) / 200
        return value, design.T @ (weight * (expit(eta) - rate)) + beta / 100

    beta = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return np.asarray(expit(beta[0] + beta[1] * leaning))


def _copies(ballots: Ballots, false_alarms: float) -> list[Flag]:
    """Of the ballots with one total and every question answered, those with the very same marks: too many of them."""
    marks = ballots.marks
    mixed = np.flatnonzero((marks > 0).all(axis=1) & (marks != marks[:, :1]).any(axis=1))
    if not len(mixed):
        return []
    patterns, code = np.unique(marks[mixed], axis=0, return_inverse=True)
    totals = patterns.sum(axis=1)
    shape = (ballots.n_targets, len(patterns))
    counts = np.bincount(
        np.ravel_multi_index((ballots.target[mixed], code), shape), minlength=shape[0] * shape[1]
    ).reshape(shape)
    among = np.stack([counts[:, totals == total].sum(axis=1) for total in totals], axis=1)
    # A total that only one pattern makes says nothing about copying.
    several = np.flatnonzero(np.bincount(totals)[totals] > 1)
    observed, among = counts[:, several], among[:, several]
    # By the other targets; half a ballot more keeps a share that nobody else has from being impossible.
    share = (observed.sum(axis=0) - observed + 0.5) / (among.sum(axis=0) - among + 1)
    tails = _tails(observed, among, share, _correlation(observed, among, share))
    found = [
        _flag(
            ballots,
            kind="copies",
            target=target,
            rows=mixed[(ballots.target[mixed] == target) & (code == several[place])],
            pattern=tuple(patterns[several[place]].tolist()),
            nearly=False,
            observed=int(observed[target, place]),
            expected=float(among[target, place] * share[target, place]),
            among=int(among[target, place]),
            origin=-1,
            probability=float(tails[target, place]),
        )
        for target, place in np.argwhere((observed >= FEWEST) & (tails < WORTH_LISTING)).tolist()
    ]
    return _apart(found, int((among >= FEWEST).sum()), false_alarms)


def _tails(observed: Integers, among: Integers, share: Floats, correlation: float) -> Floats:
    """Chance of so many or more in each target; 1 where there are no more than on average."""
    tails = np.ones(observed.shape)
    for cell in np.argwhere((among >= FEWEST) & (observed > among * share)):
        place = tuple(cell)
        tails[place] = _beta_binomial_tail(
            int(observed[place]), int(among[place]), float(share[place]), correlation
        )
    return tails


def _correlation(observed: Integers, among: Integers, share: Floats) -> float:
    """How alike two ballots of one target are: brings the median squared residual to what chance makes it.

    By the median, so that the few stuffed targets do not pass as variety.
    """
    used = (among >= FEWEST) & (among * share * (1 - share) >= 1)
    if used.sum() < FEWEST:
        return LEAST_CORRELATION
    n, p = among[used], share[used]
    squares = (observed[used] - n * p) ** 2 / (n * p * (1 - p))

    def median_beyond(correlation: float) -> float:
        return float(np.median(squares / (1 + (n - 1) * correlation))) - chi2.median(1)

    low, high = LEAST_CORRELATION, 0.9
    if median_beyond(low) <= 0:
        return low
    return high if median_beyond(high) >= 0 else float(brentq(median_beyond, low, high))


# Tails.


def _log_hypergeometric_tail(alike: Integers, total: int, marked: int, drawn: Integers) -> Floats:
    """Logarithm of an upper bound of ``P(X >= alike)``, close to it in the tail: a geometric series from its first term."""

    def log_choose(n: Floats, k: Floats) -> Floats:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    x, m = alike.astype(float), drawn.astype(float)
    marked_, total_ = np.full(len(x), float(marked)), np.full(len(x), float(total))
    first = log_choose(marked_, x) + log_choose(total_ - marked_, m - x) - log_choose(total_, m)
    ratio = (marked_ - x) * (m - x) / ((x + 1) * (total_ - marked_ - m + x + 1))
    return np.asarray(np.minimum(first - np.log1p(-np.minimum(ratio, 1 - 1e-9)), 0.0))


def _beta_binomial_tail(observed: int, among: int, share: float, correlation: float) -> float:
    """``P(X >= observed)`` of ``among`` ballots, any two of which are alike to this correlation."""
    a, b = share * (1 / correlation - 1), (1 - share) * (1 / correlation - 1)
    x = np.arange(observed, among + 1)
    log_terms = (
        gammaln(among + 1)
        - gammaln(x + 1)
        - gammaln(among - x + 1)
        + betaln(x + a, among - x + b)
        - betaln(a, b)
    )
    return float(min(1.0, np.exp(log_terms).sum()))


# Cards.


def _cards(ballots: Ballots, false_alarms: float) -> list[Flag]:
    """Consecutive numbers used together: a binomial tail, given when the cards of the neighbourhood were used."""
    if ballots.serial is None:
        return []
    tests = 0
    found: list[Flag] = []
    for target, by_time in _by_target(ballots):
        rows = by_time[ballots.serial[by_time] >= 0]
        rows = rows[np.argsort(ballots.serial[rows], kind="stable")]
        serial, minute = ballots.serial[rows], ballots.minute[rows]
        neighbours = np.diff(serial) == 1
        together = neighbours & (np.abs(np.diff(minute)) <= TOGETHER)
        pairs, observed = int(neighbours.sum()), int(together.sum())
        if pairs < FEWEST:
            continue
        tests += 1
        chance = _share_together(np.sort(minute))
        probability = float(binom.sf(observed - 1, pairs, chance))
        if observed >= FEWEST and probability < WORTH_LISTING:
            found.append(
                _flag(
                    ballots,
                    kind="cards",
                    target=target,
                    rows=np.sort(rows[np.union1d(np.flatnonzero(together), np.flatnonzero(together) + 1)]),
                    pattern=(),
                    nearly=False,
                    observed=observed,
                    expected=pairs * chance,
                    among=pairs,
                    origin=-1,
                    probability=probability,
                )
            )
    return _apart(found, tests, false_alarms)


def _share_together(minute: Integers) -> float:
    """Of all pairs of ballots, given their times in order, the share cast within ``TOGETHER`` minutes."""
    later = np.searchsorted(minute, minute + TOGETHER, side="right") - np.arange(1, len(minute) + 1)
    return float(later.sum() / (len(minute) * (len(minute) - 1) / 2))


def _flag(
    ballots: Ballots,
    *,
    kind: str,
    target: int,
    rows: Integers,
    pattern: tuple[int, ...],
    nearly: bool,
    observed: int,
    expected: float,
    among: int,
    origin: int,
    probability: float,
) -> Flag:
    minute = ballots.minute[rows]
    return Flag(
        kind=kind,
        target=target,
        ballots=np.sort(rows),
        pattern=pattern,
        nearly=nearly,
        observed=observed,
        expected=expected,
        among=among,
        first_minute=int(minute.min()),
        last_minute=int(minute.max()),
        origin=origin,
        probability=probability,
        false_alarms=probability,
    )
