"""What every method answers to input that is odd, extreme or empty: an answer in numbers, or a refusal with its reason."""

import numpy as np
import pytest

from dongliang.engine import crossed, nested
from dongliang.engine.classic import mean, standard_scores, trimmed_mean
from dongliang.engine.data import Ratings, Tally
from dongliang.engine.errors import InvalidRatings, Unconnected, Unidentified
from dongliang.engine.facets import rating_scale

P, R, J = 12, 5, 2
TARGET, RATER, INDICATOR = (
    codes.ravel() for codes in np.meshgrid(np.arange(P), np.arange(R), np.arange(J), indexing="ij")
)


def marks(seed=1):
    rng = np.random.default_rng(seed)
    level = 3 + rng.normal(0, 1, P)[TARGET] - rng.normal(0, 0.5, R)[RATER]
    return np.clip(np.rint(level + rng.normal(0, 0.8, len(TARGET))), 1, 5)


def ratings_with(values=None, *, where=slice(None), **changed):
    columns = {
        "target": TARGET,
        "rater": RATER,
        "indicator": INDICATOR,
        "values": marks() if values is None else values,
    }
    sizes = {"n_targets": P, "n_raters": R, "n_indicators": J}
    return Ratings(
        **{name: column[where] for name, column in columns.items()}
        | sizes
        | {name: np.asarray(value) for name, value in changed.items()}
    )


def halo(ratings):
    return crossed.gaussian(ratings, effects=("target", "rater", "target:rater"))


ROW_WISE = {
    "mean": mean,
    "trimmed mean": trimmed_mean,
    "standard scores": standard_scores,
    "gaussian": crossed.gaussian,
    "gaussian with halo": halo,
    "ordinal": crossed.ordinal,
    "facets": rating_scale,
}
MIXED = {name: ROW_WISE[name] for name in ("gaussian", "gaussian with halo", "ordinal", "facets")}
TALLIED = {"gaussian": nested.gaussian, "ordinal": nested.ordinal}


def every(methods):
    return pytest.mark.parametrize("method", methods.values(), ids=methods.keys())


@every(ROW_WISE)
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"values": np.where(TARGET == 3, np.nan, marks())}, r"values\[30\] is nan"),
        ({"values": np.where(TARGET == 3, np.inf, marks())}, r"values\[30\] is inf"),
        ({"values": marks() * 1e300}, r"values\[0\] is .*e\+300\. Give numbers from 1e-100 to 1e\+100"),
        ({"values": marks() * 1e-200}, r"values\[0\] is .*e-200\. Give numbers from"),
        ({"target": TARGET - 1}, r"target\[0\] is -1"),
        ({"rater": RATER + 1}, r"rater\[8\] is 5"),
        ({"indicator": INDICATOR.astype(float)}, "indicator has the shape"),
    ],
    ids=["nan", "infinite", "huge", "tiny", "code below 0", "code too high", "no whole codes"],
)
def test_ratings_that_no_method_can_take_are_refused_at_the_door(method, changed, told):
    with pytest.raises(InvalidRatings, match=told):
        method(ratings_with(**changed))


@every(ROW_WISE)
def test_no_rating_at_all_is_refused(method):
    with pytest.raises(InvalidRatings, match="Give a column of at least one rating"):
        method(ratings_with(where=slice(0, 0)))


@every(MIXED)
def test_groups_that_share_no_rater_are_refused_with_the_groups_by_every_model(method):
    with pytest.raises(Unconnected) as caught:
        method(ratings_with(where=(TARGET < 6) == (RATER < 2)))

    assert [group.tolist() for group in caught.value.groups] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


@every(MIXED)
def test_one_target_is_refused_by_every_model(method):
    with pytest.raises(Unidentified, match="Only one target has ratings"):
        method(ratings_with(where=TARGET == 0))


@every(MIXED)
def test_one_rater_leaves_severity_at_zero_and_says_so(method):
    fit = method(ratings_with(where=RATER == 0))

    assert np.isfinite(fit.measures).all()
    assert fit.severities[0] == 0
    assert any("level only" in remark or "one rater only" in remark for remark in fit.record.remarks)


@pytest.mark.parametrize("method", [mean, trimmed_mean], ids=["mean", "trimmed mean"])
def test_one_target_and_one_rater_have_a_plain_mean_without_an_error_to_it(method):
    fit = method(ratings_with(where=(TARGET == 0) & (RATER == 0)))

    assert fit.measures[0] == marks()[:J].mean()
    assert np.isnan(fit.standard_errors[0])


@pytest.mark.parametrize("method", [crossed.gaussian, halo, crossed.ordinal])
@pytest.mark.parametrize("mark", [3.0, 0.1, 1e12, -7.3])
def test_constant_ratings_are_fitted_with_errors_of_zero_and_a_remark(method, mark):
    fit = method(ratings_with(np.full(len(TARGET), mark)))

    assert np.ptp(fit.measures) == 0
    assert (fit.standard_errors == 0).all()
    assert "cannot be told" in fit.record.remarks[0]


def test_ratings_equal_up_to_rounding_are_constant():
    fit = crossed.gaussian(ratings_with(np.where(RATER % 2, 0.3, 0.1 + 0.2)))

    assert fit.variances == {"target": 0, "rater": 0, "residual": 0}


@pytest.mark.parametrize("method", [mean, trimmed_mean, crossed.gaussian, halo])
@pytest.mark.parametrize(("scale", "shift"), [(1e12, 0), (1e-12, 0), (1e60, 0), (1.0, 1e9)])
def test_marks_of_any_size_are_measured_in_their_own_units(method, scale, shift):
    fit = method(ratings_with())

    rescaled = method(ratings_with(scale * marks() + shift))

    assert (rescaled.measures - shift) / scale == pytest.approx(fit.measures, rel=1e-5)
    assert rescaled.standard_errors / scale == pytest.approx(fit.standard_errors, rel=1e-5)


def test_small_differences_between_large_numbers_are_no_constant():
    fit = crossed.gaussian(ratings_with())

    far = crossed.gaussian(ratings_with(marks() + 1e12))

    assert far.effects == pytest.approx(fit.effects, abs=1e-3)
    assert far.standard_errors == pytest.approx(fit.standard_errors, rel=1e-3)


@every({name: method for name, method in ROW_WISE.items() if name != "facets"})
def test_a_target_of_nothing_but_the_highest_mark_is_measured_above_the_others(method):
    fit = method(ratings_with(np.where(TARGET == 1, 5.0, np.minimum(marks(), 4))))

    assert fit.measures.argmax() == 1
    assert np.isfinite(fit.standard_errors).all()


@every(MIXED)
def test_marks_that_targets_decide_alone_are_refused(method):
    with pytest.raises(Unidentified):
        method(ratings_with(1.0 + (TARGET > 5)))


@every(ROW_WISE)
def test_a_mark_that_nobody_gave_is_no_trouble(method):
    values = np.where(marks() == 3, 4, marks())

    fit = method(ratings_with(values))

    assert np.isfinite(fit.measures).all()
    assert np.isfinite(fit.standard_errors).all()


@every(ROW_WISE)
def test_codes_with_gaps_leave_the_unrated_without_a_say(method):
    fit = method(ratings_with())

    apart = method(
        Ratings(
            target=7 * TARGET,
            rater=3 * RATER,
            indicator=INDICATOR,
            values=marks(),
            n_targets=7 * P,
            n_raters=3 * R,
            n_indicators=J,
        )
    )

    assert apart.measures[::7] == pytest.approx(fit.measures, abs=1e-6)
    assert apart.severities[::3] == pytest.approx(fit.severities, abs=1e-6)
    assert apart.n_ratings.sum() == fit.n_ratings.sum()


def tally_with(count=1, *, target=None, answers=None):
    rng = np.random.default_rng(0)
    home = np.repeat(np.arange(10), 40)
    level = 3.5 + rng.normal(0, 0.7, 10)[home] + rng.normal(0, 1, len(home))
    drawn = np.clip(np.rint(level[:, None] + rng.normal(0, 0.8, (len(home), 3))), 1, 5).astype(int)
    return Tally(
        target=home if target is None else target,
        marks=drawn if answers is None else answers,
        count=np.broadcast_to(count, len(home)),
        n_targets=10,
    )


@every(TALLIED)
def test_counts_of_a_billion_a_pattern_leave_next_to_no_error(method):
    fit, many = method(tally_with()), method(tally_with(10**12))

    assert many.n_ratings.tolist() == [n * 10**12 for n in fit.n_ratings]
    assert np.isfinite(many.measures).all()
    assert (many.standard_errors < 1e-5).all()
    assert np.corrcoef(many.measures, fit.measures)[0, 1] > 0.99


def test_one_pattern_of_a_billion_ballots_is_weighed_by_the_gaussian_and_refused_by_the_ordinal_model():
    count = np.where(np.arange(400) == 5, 10**12, 1)
    tally = tally_with(count)

    fit = nested.gaussian(tally)

    assert fit.standard_errors[0] < 1e-9 < fit.standard_errors[1]
    with pytest.raises(Unidentified, match="separate the targets or the ballots perfectly"):
        nested.ordinal(tally)


@every(TALLIED)
def test_more_ballots_than_can_be_counted_exactly_are_refused(method):
    with pytest.raises(InvalidRatings, match=r"There are 4e\+17 ballots, more than can be counted exactly"):
        method(tally_with(10**15))


@every(TALLIED)
def test_ballots_of_one_neighbourhood_alone_are_refused(method):
    with pytest.raises(Unidentified, match="Only one target has ratings"):
        method(tally_with(target=np.zeros(400, dtype=int)))


@every(TALLIED)
@pytest.mark.parametrize(
    ("count", "answers"), [(0, None), (1, np.zeros((400, 3), dtype=int))], ids=["no ballot", "all blank"]
)
def test_ballots_without_a_single_mark_are_refused(method, count, answers):
    with pytest.raises(InvalidRatings, match="Indicator 0 has no marks"):
        method(tally_with(count, answers=answers))
