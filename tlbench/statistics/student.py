"""Quantiles of Student's t distribution."""

import math


def quantile(freedom: float, probability: float) -> float:
    """Return the value below which a share `probability` of Student's t with `freedom` degrees of freedom lies.

    SciPy before 1.17 gives 11 digits. One step of Newton's method on the smaller tail gives all of them, so that
    reports do not depend on its version. `freedom` may be infinite: the normal distribution.
    """
    from scipy import special  # a third of a second, which a plan does not need

    if math.isinf(freedom):
        return float(special.ndtri(probability))
    if probability > 0.5:
        return -quantile(freedom, 1 - probability)
    if probability == 0:
        return -math.inf
    near = float(special.stdtrit(freedom, probability))
    half = (freedom + 1) / 2
    log_scale = float(special.gammaln(half) - special.gammaln(freedom / 2)) - math.log(freedom * math.pi) / 2
    density = math.exp(log_scale - half * math.log1p(near**2 / freedom))
    return near - (float(special.stdtr(freedom, near)) - probability) / density if density else near
