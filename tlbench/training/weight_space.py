"""Combine weights of one model: interpolate between two sets, or average several. Needs no framework."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Sequence[NDArray[Any]]
"""All weights of a model, as returned by `get_weights`."""

Look = Callable[[Weights], float]
"""Scores weights on the validation split; lower is better."""


@dataclass(frozen=True)
class Found:
    """The best combination of weights.

    Attributes:
        weights: the weights.
        settings: the settings that were tried.
        chosen: the index in `settings` of the combination.
    """

    weights: Weights
    settings: tuple[float, ...]
    chosen: int


def between(start: Weights, end: Weights, share: float) -> Weights:
    """``(1 - share) * start + share * end``, exact at shares 0 and 1."""
    if share in (0, 1):
        return end if share else start
    return [((1 - share) * a + share * b).astype(a.dtype) for a, b in zip(start, end, strict=True)]


def interpolated(start: Weights, end: Weights, shares: Sequence[float], look: Look) -> Found:
    """The best interpolation between two sets of weights; the first of equally good ones.

    WiSE-FT: M. Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022), section 3, equation 1.
    """
    scores = [look(between(start, end, share)) for share in shares]
    best = int(np.argmin(scores))
    return Found(between(start, end, shares[best]), tuple(shares), best)


def greedy_soup(best_first: Sequence[Weights], look: Look) -> Found:
    """The mean of sets of weights, to which each is added from the best down if the score does not get worse.

    M. Wortsman et al., "Model soups" (ICML 2022), recipe 1. They average trainings with different settings; here it is
    the epochs of one training. The settings of the result are the numbers of sets in each mean that was tried.
    """
    members, lowest = [best_first[0]], look(best_first[0])
    settings, chosen = [1.0], 0
    for candidate in best_first[1:]:
        tried = [*members, candidate]
        settings.append(float(len(tried)))
        score = look(mean(tried))
        if score <= lowest:
            members, lowest, chosen = tried, score, len(settings) - 1
    return Found(mean(members), tuple(settings), chosen)


def mean(models: Sequence[Weights]) -> Weights:
    """The mean of several sets of weights, computed in float64."""
    return [
        np.mean([np.asarray(one, np.float64) for one in alike], axis=0).astype(alike[0].dtype)
        for alike in zip(*models, strict=True)
    ]
