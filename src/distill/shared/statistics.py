"""How certain a difference is: a paired bootstrap over prompts; and the unbiased estimate of pass@k.

What was sampled is prompts, so prompts are what is resampled: each resample draws as many prompts as there are,
with replacement, and takes both models' values for the prompts drawn. The interval holds the middle 95% of the
resampled differences (the percentile method: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13). There is no correction for testing several metrics.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

from distill.common.errors import InputError

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "no difference found"]
CHUNK = 1 << 19
"""Prompts drawn at once, at most (4 MB an array); one resample is drawn at a time if it has more."""

LEVEL = 0.95
"""The share of resampled differences that an interval holds."""
DETECTED = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
"""How many standard errors a true difference must span to be found in four of five samples: 1.96 + 0.84."""
ROUNDING = 1e-12
"""A standard error below this counts as zero."""


@dataclass(frozen=True)
class Interval:
    """A difference, distilled minus base, and the bounds of its confidence interval."""

    difference: float
    low: float
    high: float


def _identity(values: Floats) -> Floats:
    return values


def paired_bootstrap(
    base: ArrayLike,
    distilled: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    transform: Callable[[Floats], Floats] = _identity,
) -> Interval:
    """Return the difference of two models' (weighted) means over prompts, with its confidence interval.

    A mean is sum(weights * values) / sum(weights), computed anew in every resample. For a figure per token, pass each
    prompt's mean as its value and its number of tokens as its weight: that gives the total divided by all tokens.

    Args:
        base: One value a prompt, such as its mean negative log-likelihood.
        distilled: The other model's values, of the same prompts in the same order.
        weights: How much each prompt counts, above 0; None: all the same.
        resamples: How often the prompts are drawn again.
        seed: Equal inputs and seeds give equal intervals.
        transform: Applied to each mean before the difference is taken, such as `numpy.exp` for perplexity.

    Raises:
        InputError: Lengths differ, there are fewer than two prompts, a value is not finite, or a weight is not above 0.
    """
    one, two = _check("base", base), _check("distilled", distilled)
    weight = np.ones_like(one) if weights is None else _check("weights", weights)
    if not one.size == two.size == weight.size:
        raise InputError(f"bootstrap: {one.size} base values, {two.size} distilled, {weight.size} weights; "
                         "the same prompts are needed in all")  # fmt: skip
    if weight.min() <= 0:
        raise InputError(f"bootstrap: weights: {weight.min():g} is not above 0; leave out prompts without weight")

    def difference(weight: Floats, one: Floats, two: Floats, axis: int) -> Floats:
        means = [transform(np.average(values, axis=axis, weights=weight)) for values in (one, two)]
        return means[1] - means[0]

    found = bootstrap(
        (weight, one, two), difference, paired=True, method="percentile", confidence_level=LEVEL,
        n_resamples=resamples, batch=max(1, CHUNK // one.size), rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = found.confidence_interval
    return Interval(float(difference(weight, one, two, -1)), float(low), float(high))


def verdict(interval: Interval, higher_is_better: bool) -> Verdict:
    """Say what an interval shows; nothing if it contains or touches zero."""
    if interval.low <= 0 <= interval.high:
        return "no difference found"
    return "better" if (interval.difference > 0) == higher_is_better else "worse"


def smallest_detectable(base: ArrayLike, distilled: ArrayLike, weights: ArrayLike | None = None) -> float | None:
    """Return the smallest true difference that these prompts find four times out of five (two-sided test at 5%).

    That is z(0.975) + z(0.8), or 2.8, times the standard error of the mean paired difference (H. S. Bloom, Minimum
    Detectable Effects, Evaluation Review 19(5), 1995). The error is the observed one; for values of 0 or 1, such as
    passes, it depends on how many prompts the models differ in. With weights it is that of a ratio of totals (W. G.
    Cochran, Sampling Techniques, 1977, chapter 6).

    Args:
        base: One value a prompt.
        distilled: The other model's values, of the same prompts in the same order.
        weights: How much each prompt counts, above 0; None: all the same.

    Returns:
        The difference, or None where all prompts differ by the same amount: the spread is then unknown.
    """
    difference = np.asarray(distilled, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    weight = np.ones_like(difference) if weights is None else np.asarray(weights, dtype=np.float64)
    off = weight * (difference - np.average(difference, weights=weight))
    size = difference.size
    error = math.sqrt(size / (size - 1) * float(off @ off)) / float(weight.sum())
    return DETECTED * error if error > ROUNDING else None


def prompts_needed(prompts: int, smallest: float, wanted: float) -> int:
    """Return how many prompts it takes to find `wanted` if `prompts` find `smallest`: errors fall as 1/√n."""
    return math.ceil(prompts * (smallest / wanted) ** 2)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate of pass@k: 1 - C(n - c, k) / C(n, k).

    That is the chance that at least one of k samples, drawn from the n without replacement, is among the c that pass
    (Chen et al. 2021, Evaluating Large Language Models Trained on Code, equation 1).

    Args:
        n: How many samples there are.
        c: How many of them pass.
        k: How many are drawn, at most n.

    Raises:
        InputError: Not 0 <= c <= n, or not 1 <= k <= n.
    """
    if not 0 <= c <= n:
        raise InputError(f"pass@k: {c} of {n} samples passed; that must be from 0 to all of them")
    if not 1 <= k <= n:
        raise InputError(f"pass@k: k is {k} with {n} samples; choose a k from 1 to the number of samples")
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def _check(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"bootstrap: {name}: one value a prompt is needed, found an array of shape {array.shape}")
    if array.size < 2:
        raise InputError(f"bootstrap: {name}: {array.size} prompts, and an interval needs at least 2; "
                         "add held-out prompts, or raise expand_prompts.max_heldout")  # fmt: skip
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InputError(f"bootstrap: {name}: prompt {place} (from 0) has the value {array[place]}; "
                         "every prompt needs a finite one")  # fmt: skip
    return array
