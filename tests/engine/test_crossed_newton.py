from dataclasses import dataclass

import numpy as np

from dongliang.engine.crossed.newton import minimise

LEAST = np.array([0.3, 1.7])
CURVATURE = np.array([[4e4, 1e4], [1e4, 3e4]])


@dataclass(frozen=True)
class Noisy:
    """A bowl of a deviance whose seventh digit behind the point is lost in the rounding of a long sum."""

    tau: np.ndarray
    tolerance: float = 1e-9

    @property
    def deviance(self):
        away = self.tau - LEAST
        # The same tau has the same noise, as rounding has.
        noise = np.random.default_rng(self.tau.view(np.uint64)).uniform(-5e-8, 5e-8)
        return 3e5 + away @ CURVATURE @ away / 2 + noise


@dataclass(frozen=True)
class Bowl:
    gradient: np.ndarray
    information: np.ndarray
    apart: np.ndarray


def test_a_fall_too_small_to_be_seen_in_the_deviance_is_found_by_its_gradient():
    for seed in range(20):
        start = LEAST + np.random.default_rng(seed).uniform(0, 0.1, 2)

        point, _, record = minimise(
            lambda tau: Noisy(tau),
            # Average information is near the curvature, not equal to it, so that steps shorten by a tenth or so each.
            lambda point: Bowl(CURVATURE @ (point.tau - LEAST), 1.1 * CURVATURE, np.ones(2, dtype=bool)),
            start,
            np.ones(2, dtype=bool),
            method="REML",
            max_iterations=100,
        )

        assert record.decrement <= record.tolerance, seed
        assert np.abs(point.tau - LEAST).max() < 1e-6
