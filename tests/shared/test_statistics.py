"""distill.shared.statistics: intervals that are right by hand, and cover what they promise."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.common.errors import InputError
from distill.shared import statistics
from distill.shared.statistics import (
    DETECTED,
    Interval,
    paired_bootstrap,
    pass_at_k,
    prompts_needed,
    smallest_detectable,
    verdict,
)


def test_two_prompts_by_hand() -> None:
    # Differences 1 and 3: a resample has mean 1 (chance 1/4), 2 (1/2) or 3 (1/4), so 95% reach from 1 to 3.
    assert paired_bootstrap([10, 20], [11, 23]) == Interval(2, 1, 3)


def test_weights_give_total_over_total() -> None:
    # base (1*30 + 2*10) / 40 = 1.25, distilled (1*30 + 6*10) / 40 = 2.25; resamples of one prompt alone give 0 and 4.
    assert paired_bootstrap([1, 2], [1, 6], [30, 10]) == Interval(1, 0, 4)


def test_weights_are_resampled_with_their_prompts() -> None:
    # By full enumeration: the 256 resamples of 4 prompts, each as likely as the others.
    base, distilled, weights = np.array([3.0, 1, 2, 4]), np.array([1.0, 4, 2.5, 5]), np.array([1.0, 5, 2, 3])
    values = [
        np.average(distilled[picks], weights=weights[picks]) - np.average(base[picks], weights=weights[picks])
        for picks in map(list, itertools.product(range(4), repeat=4))
    ]
    found = paired_bootstrap(base, distilled, weights, resamples=40_000)
    low, high = np.quantile(values, [0.025, 0.975], method="inverted_cdf")  # the 7th and the 250th
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_transform_is_applied_to_the_means() -> None:
    found = paired_bootstrap(np.log([2, 2]), np.log([8, 2]), transform=np.exp)
    assert found.difference == pytest.approx(4 - 2)  # the geometric mean of 8 and 2 is 4
    assert (found.low, found.high) == (pytest.approx(0), pytest.approx(6))


def test_pairing_makes_a_constant_gain_certain() -> None:
    base = np.random.default_rng(1).normal(size=30) * 100
    found = paired_bootstrap(base, base + 1)
    assert (found.low, found.high) == (pytest.approx(1), pytest.approx(1))


def test_seeded() -> None:
    base, distilled = np.random.default_rng(2).normal(size=(2, 40))
    assert paired_bootstrap(base, distilled, seed=5) == paired_bootstrap(base, distilled, seed=5)
    assert paired_bootstrap(base, distilled, seed=5) != paired_bootstrap(base, distilled, seed=6)


@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_resampling_by_hand(weighted: bool) -> None:
    rng = np.random.default_rng(3)
    base, noise = rng.gamma(2, size=(2, 48))
    distilled, weights = base - 0.3 * noise, rng.integers(50, 900, 48).astype(float)
    used = weights if weighted else np.ones(48)
    # The same draws: published intervals hold for as long as the generator's numbers are used in this order.
    picks = np.random.default_rng(17).integers(48, size=(10_000, 48))
    drawn = (used * (distilled - base))[picks].sum(axis=1) / used[picks].sum(axis=1)
    found = paired_bootstrap(base, distilled, weights if weighted else None, seed=17)
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]).tolist(), rel=1e-12)


def test_95_percent_intervals_cover_the_truth_95_percent_of_the_time() -> None:
    rng, truth, trials = np.random.default_rng(4), 0.5, 600
    covered = 0
    for trial in range(trials):
        base = rng.normal(0, 3, 100)
        found = paired_bootstrap(base, base + rng.normal(truth, 1, 100), resamples=1000, seed=trial)
        covered += found.low <= truth <= found.high
    assert scipy.stats.binomtest(covered, trials, 0.95).pvalue > 0.001


def test_chunks_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    base, distilled = np.random.default_rng(5).normal(size=(2, 500))
    whole = paired_bootstrap(base, distilled, resamples=2000)
    monkeypatch.setattr(statistics, "CHUNK", 5000)
    parts = paired_bootstrap(base, distilled, resamples=2000)
    assert parts.difference == whole.difference
    assert parts.low == pytest.approx(whole.low, abs=0.02)
    assert parts.high == pytest.approx(whole.high, abs=0.02)


def test_memory_is_bounded() -> None:
    base = np.arange(20_000.0)
    tracemalloc.start()
    paired_bootstrap(base, base + 1, resamples=200)  # 200 x 20,000 indexes alone would be 32 MB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize(
    ("base", "distilled", "weights", "message"),
    [
        ([], [], None, "base: 0 prompts, and an interval needs at least 2"),
        ([1], [2], None, "base: 1 prompts, and an interval needs at least 2"),
        ([1, 2], [1, math.nan], None, r"distilled: prompt 1 \(from 0\) has the value nan"),
        ([1, math.inf], [1, 2], None, r"base: prompt 1 \(from 0\) has the value inf"),
        ([1, 2], [1, 2, 3], None, "2 base values, 3 distilled, 2 weights"),
        ([1, 2], [1, 2], [1, 2, 3], "2 base values, 2 distilled, 3 weights"),
        ([1, 2], [1, 2], [1, 0], "weights: 0 is not above 0"),
        ([[1, 2]], [1, 2], None, r"one value a prompt is needed, found an array of shape \(1, 2\)"),
    ],
)
def test_bad_input_is_named(base: list, distilled: list, weights: list | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        paired_bootstrap(base, distilled, weights)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_bounds_lie_within_the_differences(pairs: list[tuple[float, float]]) -> None:
    base, distilled = zip(*pairs, strict=True)
    found = paired_bootstrap(base, distilled, resamples=100)
    differences = np.subtract(distilled, base)
    assert differences.min() - 1e-6 <= found.low <= found.high <= differences.max() + 1e-6


@pytest.mark.parametrize(
    ("interval", "higher_is_better", "said"),
    [
        (Interval(0.2, 0.1, 0.3), True, "better"),
        (Interval(0.2, 0.1, 0.3), False, "worse"),
        (Interval(-0.2, -0.3, -0.1), False, "better"),
        (Interval(-0.2, -0.3, -0.1), True, "worse"),
        (Interval(0.2, -0.1, 0.5), True, "no difference found"),
        (Interval(0.2, 0.0, 0.5), True, "no difference found"),
        (Interval(-0.2, -0.5, 0.0), False, "no difference found"),
        (Interval(0, 0, 0), True, "no difference found"),
    ],
)
def test_verdict(interval: Interval, higher_is_better: bool, said: str) -> None:
    assert verdict(interval, higher_is_better) == said


@pytest.mark.parametrize(
    ("n", "c", "k", "chance"),
    [
        (1, 0, 1, 0),
        (1, 1, 1, 1),
        (5, 2, 1, 2 / 5),
        (5, 2, 3, 9 / 10),  # 1 - C(3,3)/C(5,3) = 1 - 1/10
        (4, 2, 2, 5 / 6),  # 1 - C(2,2)/C(4,2) = 1 - 1/6
        (5, 3, 3, 1),  # only two fail, so three cannot all fail
    ],
)
def test_pass_at_k_by_hand(n: int, c: int, k: int, chance: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(chance)


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_draws_with_a_pass(case: tuple[int, int, int]) -> None:
    n, c, k = case
    draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_of_many_samples() -> None:
    assert pass_at_k(10_000, 1, 5_000) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "c", "k"), [(0, 0, 1), (3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_pass_at_k_refuses_nonsense(n: int, c: int, k: int) -> None:
    with pytest.raises(InputError, match="pass@k"):
        pass_at_k(n, c, k)


def test_the_smallest_detectable_difference_by_hand() -> None:
    assert abs(DETECTED - (1.959964 + 0.841621)) < 1e-6
    # Differences 1, 0, 0, 0: mean 1/4, squares 3/4, so a variance of 1/4, and a standard error of √(1/4 / 4) = 1/4.
    smallest = smallest_detectable([0, 1, 0, 1], [1, 1, 0, 1])
    assert smallest == pytest.approx(DETECTED / 4)
    # 2.8016² / 16 / 0.05² · 4 = 784.9
    assert prompts_needed(4, smallest, 0.05) == 785
    # Differences 1 and 3 weigh 1 and 3: mean 5/2, off by -3/2 and 3 · 1/2; √(2 · 9/2) / 4 = 3/4.
    assert smallest_detectable([0, 0], [1, 3], [1, 3]) == pytest.approx(DETECTED * 3 / 4)
    assert smallest_detectable([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]) is None


def test_the_smallest_detectable_difference_is_found_four_times_out_of_five() -> None:
    rng, prompts, trials = np.random.default_rng(6), 60, 800
    noise = rng.normal(size=(trials, prompts))
    truth = DETECTED / math.sqrt(prompts)
    found = sum(
        verdict(paired_bootstrap(np.zeros(prompts), truth + each, resamples=400), True) == "better" for each in noise
    )
    # Three standard errors of the share are 0.042; resampling is a little eager, and finds somewhat more.
    assert found / trials == pytest.approx(0.8, abs=0.05)
    estimates = [smallest_detectable(np.zeros(prompts), each) for each in noise]
    assert np.mean(estimates) == pytest.approx(truth, rel=0.02)
