"""Sums of the weights of one model: between two points, and the mean of several. No framework."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Sequence[NDArray[Any]]
"""All weights of a model, as `get_weights` gives them."""

Look = Callable[[Weights], float]
"""What validation says of a model with these weights; lower is better."""


@dataclass(frozen=True)
class Found:
    """The weights that validation chose. chosen: the index of the setting that was taken, of those that were tried."""

    weights: Weights
    settings: tuple[float, ...]
    chosen: int


def between(start: Weights, end: Weights, share: float) -> Weights:
    """``(1 - share) start + share end``, weight by weight; exactly start at 0 and exactly end at 1."""
    if share in (0, 1):
        return end if share else start
    return [((1 - share) * a + share * b).astype(a.dtype) for a, b in zip(start, end, strict=True)]


def interpolated(start: Weights, end: Weights, shares: Sequence[float], look: Look) -> Found:
    """The point between two models that validation likes best; of equal ones the first.

    WiSE-FT: M. Wortsman and others, "Robust fine-tuning of zero-shot models" (CVPR 2022), §3, equation 1.
    """
    seen = [look(between(start, end, share)) for share in shares]
    best = int(np.argmin(seen))
    return Found(between(start, end, shares[best]), tuple(shares), best)


def greedy_soup(best_first: Sequence[Weights], look: Look) -> Found:
    """The mean of those models that make it no worse, tried from the best one down.

    M. Wortsman and others, "Model soups" (ICML 2022), recipe 1; theirs are trainings with other settings, these are
    the epochs of one. Settings are the numbers of models in what was tried.
    """
    members, lowest = [best_first[0]], look(best_first[0])
    settings, chosen = [1.0], 0
    for candidate in best_first[1:]:
        tried = [*members, candidate]
        settings.append(float(len(tried)))
        seen = look(mean(tried))
        if seen <= lowest:
            members, lowest, chosen = tried, seen, len(settings) - 1
    return Found(mean(members), tuple(settings), chosen)


def mean(models: Sequence[Weights]) -> Weights:
    """The mean, weight by weight."""
    return [
        np.mean([np.asarray(one, np.float64) for one in alike], axis=0).astype(alike[0].dtype)
        for alike in zip(*models, strict=True)
    ]
