import numpy as np
import pytest

from dongliang.engine import classic, composite, crossed, ranking
from dongliang.engine.data import Ratings
from dongliang.engine.planning import plan_assessments
from dongliang.engine.simulation import simulate_season


def season(seed, *, targets=278, assessors=13, ballots=30_000, approvals=20_000):
    rng = np.random.default_rng(seed)
    plan = plan_assessments(
        targets, assessors, per_target=4, avoid=np.zeros((targets, assessors), dtype=bool), rng=rng
    )
    simulated = simulate_season(
        rng,
        subdistrict=np.arange(targets) % 10,
        plan=plan,
        n_assessors=assessors,
        departments=6,
        ballots=ballots,
        approvals=approvals,
    )
    return simulated, plan


SEASON, PLAN = season(1)


def field_ratings(simulated, plan):
    targets, per_target, indicators = simulated.field_marks.shape
    return Ratings(
        target=np.repeat(np.arange(targets), per_target * indicators),
        rater=np.repeat(plan.ravel(), indicators),
        indicator=np.tile(np.arange(indicators), targets * per_target),
        values=simulated.field_marks.ravel(),
        n_targets=targets,
        n_raters=plan.max() + 1,
        n_indicators=indicators,
    )


def public_ratings(simulated):
    ballot, indicator = np.nonzero(simulated.ballot_marks)
    return Ratings(
        target=simulated.ballot_target[ballot],
        rater=ballot,
        indicator=indicator,
        values=simulated.ballot_marks[ballot, indicator],
        n_targets=len(simulated.truth.merit),
        n_raters=len(simulated.ballot_target),
        n_indicators=simulated.ballot_marks.shape[1],
    )


@pytest.mark.parametrize(("targets", "assessors"), [(278, 13), (28, 5), (10, 4)])
def test_a_season_has_the_shapes_and_totals_that_were_asked_for(targets, assessors):
    simulated, _ = season(2, targets=targets, assessors=assessors, ballots=3001, approvals=777)

    assert simulated.field_marks.shape == (targets, 4, 4)
    assert simulated.office_marks.shape == (targets, 4)
    assert simulated.department_marks.shape == (6, targets, 4)
    assert simulated.project_marks.shape == (targets, 4)
    assert simulated.ballot_marks.shape == (3001, 4)
    assert simulated.ballot_target.shape == (3001,)
    assert simulated.approval_picks.shape == (777, 3)
    assert simulated.approval_target.shape == (777,)


def test_marks_are_whole_numbers_from_1_to_5_and_only_ballots_leave_some_out():
    given = {
        "field": SEASON.field_marks,
        "office": SEASON.office_marks,
        "department": SEASON.department_marks,
        "project": SEASON.project_marks,
        "ballot": SEASON.ballot_marks,
    }

    assert {name: np.unique(marks).tolist() for name, marks in given.items()} == {
        "field": [1, 2, 3, 4, 5],
        "office": [1, 2, 3, 4, 5],
        "department": [1, 2, 3, 4, 5],
        "project": [1, 2, 3, 4, 5],
        "ballot": [0, 1, 2, 3, 4, 5],
    }
    assert 0.03 < (SEASON.ballot_marks == 0).mean() < 0.08
    assert SEASON.ballot_marks.any(axis=1).all()


def test_residents_marks_pile_up_at_the_top_and_again_at_the_bottom():
    shares = np.bincount(SEASON.ballot_marks.ravel(), minlength=6)[1:] / (SEASON.ballot_marks > 0).sum()

    assert 0.4 < shares[4] < 0.6
    assert shares[0] > shares[1]


def test_turnout_is_uneven_and_a_few_neighbourhoods_hardly_vote():
    turnout = np.bincount(SEASON.ballot_target, minlength=278)

    assert 60 < np.median(turnout) < 100
    assert 10 <= (turnout < 10).sum() <= 20
    assert turnout.max() > 300


def test_voters_pick_one_to_three_distinct_projects_and_often_their_own():
    picks = SEASON.approval_picks
    number = (picks >= 0).sum(axis=1)
    votes = np.bincount(picks[picks >= 0], minlength=278)

    assert sorted(set(number.tolist())) == [1, 2, 3]
    assert all(len(set(row[row >= 0].tolist())) == (row >= 0).sum() for row in picks[:2000])
    assert 0.4 < (picks == SEASON.approval_target[:, None]).any(axis=1).mean() < 0.7
    assert np.corrcoef(votes, SEASON.truth.project_quality)[0, 1] > 0.5


def test_the_truth_is_standardised_and_the_sources_see_it_alike():
    truth = SEASON.truth

    assert (truth.merit.mean(), truth.merit.std()) == pytest.approx((0, 1))
    assert np.corrcoef(truth.field, truth.public)[0, 1] == pytest.approx(0.6, abs=0.15)
    assert truth.field.std() == pytest.approx(1.2, abs=0.15)


def test_one_assessor_gives_one_mark_for_everything():
    marks = SEASON.field_marks[PLAN == 12]

    assert (marks == marks[:, :1]).all()


def test_a_seed_repeats_its_season():
    again, _ = season(1)

    assert again.ballot_marks.tobytes() == SEASON.ballot_marks.tobytes()
    assert again.approval_picks.tobytes() == SEASON.approval_picks.tobytes()
    assert again.field_marks.tobytes() == SEASON.field_marks.tobytes()


def test_the_engine_finds_the_simulated_truth():
    field, public = field_ratings(SEASON, PLAN), public_ratings(SEASON)
    fits = {"field": crossed.gaussian(field), "public": crossed.gaussian(public)}

    scores = composite.combine(fits, {"field": 1, "public": 1}, scale="standardised")
    selected = ranking.rank(scores, k=53, rng=np.random.default_rng(0)).selected

    assert np.corrcoef(fits["field"].measures, SEASON.truth.field)[0, 1] > 0.85
    assert np.corrcoef(fits["public"].measures, SEASON.truth.public)[0, 1] > 0.8
    assert np.corrcoef(fits["field"].severities, SEASON.truth.severity)[0, 1] > 0.8
    assert (selected & (SEASON.truth.merit >= np.sort(SEASON.truth.merit)[-53])).sum() > 25


def test_shrinking_thin_neighbourhoods_beats_the_plain_mean():
    public = public_ratings(SEASON)

    model, plain = crossed.gaussian(public), classic.mean(public)

    agreement = [np.corrcoef(fit.measures, SEASON.truth.public)[0, 1] for fit in (model, plain)]
    assert agreement[0] > agreement[1] + 0.03


def test_expected_marks_are_what_raters_without_limit_give():
    rng = np.random.default_rng(11)
    plan = np.tile(np.arange(5), (6, 400))
    simulated = simulate_season(
        rng,
        subdistrict=np.arange(6) % 2,
        plan=plan,
        n_assessors=5,
        departments=3000,
        ballots=60_000,
        approvals=1,
        thin_share=0.0,
        turnout_log_sd=0.1,
    )

    given = np.where(simulated.ballot_marks > 0, simulated.ballot_marks, np.nan)
    public = [np.nanmean(given[simulated.ballot_target == target], axis=0).mean() for target in range(6)]
    expected = simulated.truth.expected
    assert simulated.field_marks.mean(axis=(1, 2)) == pytest.approx(expected["field"], abs=0.04)
    assert public == pytest.approx(expected["public"], abs=0.04)
    # Institutions' own severities curve the scale a little; whom they put before whom is what counts.
    institution = simulated.department_marks.mean(axis=(0, 2))
    assert institution - institution.mean() == pytest.approx(
        expected["institution"] - expected["institution"].mean(), abs=0.08
    )


def test_a_season_can_be_made_harder():
    rng = np.random.default_rng(12)
    plan = np.tile(np.arange(4), (200, 1))

    simulated = simulate_season(
        rng,
        subdistrict=np.arange(200) % 10,
        plan=plan,
        n_assessors=40,
        departments=1,
        ballots=20_000,
        approvals=1,
        severity_spread=0.9,
        office_leniency=(2.0, 3.0),
        thin_share=0.4,
    )

    turnout = np.bincount(simulated.ballot_target, minlength=200)
    assert simulated.truth.severity.std() == pytest.approx(0.9 * 1.2, rel=0.3)
    assert simulated.truth.office_leniency.min() >= 2
    assert (turnout < 10).sum() >= 80


def test_a_season_that_follows_another_is_drawn_from_the_merit_it_is_given():
    merit = np.linspace(5, 9, 40) ** 2
    plan = plan_assessments(
        40, 5, per_target=3, avoid=np.zeros((40, 5), dtype=bool), rng=np.random.default_rng(3)
    )

    simulated = simulate_season(
        np.random.default_rng(4),
        subdistrict=np.arange(40) % 4,
        plan=plan,
        n_assessors=5,
        departments=2,
        ballots=800,
        approvals=200,
        merit=merit,
    )

    np.testing.assert_allclose(simulated.truth.merit, (merit - merit.mean()) / merit.std())
