"""Strategies by name."""

from collections.abc import Mapping

from pydantic import ValidationError

from tlbench.core.cell import Scalar
from tlbench.core.errors import nearest
from tlbench.core.plugins import Registry
from tlbench.strategies.base import Strategy
from tlbench.strategies.bias import Bias
from tlbench.strategies.co_tuning import CoTuning
from tlbench.strategies.ema import Ema
from tlbench.strategies.frozen import Frozen
from tlbench.strategies.full import Full
from tlbench.strategies.gradual import Gradual
from tlbench.strategies.interval import Interval
from tlbench.strategies.l2_sp import L2SP
from tlbench.strategies.layerwise import Layerwise
from tlbench.strategies.lora import Lora
from tlbench.strategies.norm import Norm
from tlbench.strategies.partial import Partial
from tlbench.strategies.pretrained import Pretrained
from tlbench.strategies.scratch import Scratch
from tlbench.strategies.soup import Soup
from tlbench.strategies.surgical import Surgical
from tlbench.strategies.wise_ft import WiseFT

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    "tlbench.strategies",
    {
        "pretrained": Pretrained,
        "frozen": Frozen,
        "bias": Bias,
        "norm": Norm,
        "lora": Lora,
        "surgical": Surgical,
        "partial": Partial,
        "interval": Interval,
        "gradual": Gradual,
        "layerwise": Layerwise,
        "full": Full,
        "l2_sp": L2SP,
        "wise_ft": WiseFT,
        "ema": Ema,
        "soup": Soup,
        "co_tuning": CoTuning,
        "scratch": Scratch,
    },
    plural="strategies",
    of=Strategy,
    subclass=True,
)

SHOULD_BE = "Input should be"
"""How pydantic begins the message on a value out of range."""


def names() -> tuple[str, ...]:
    """The names of all strategies: from those that train least to those that train most, then plugins'."""
    return tuple(STRATEGIES)


def arguments(name: str) -> tuple[str, ...]:
    """The names of the arguments that a suite may give. Raises KeyError for an unknown strategy."""
    return tuple(STRATEGIES[name].model_fields)


def make(name: str, args: Mapping[str, Scalar]) -> Strategy:
    """The strategy called `name`, with the arguments `args`.

    Raises:
        KeyError: there is no such strategy.
        ValueError: an argument is unknown or out of range; the message is one sentence for the user.
    """
    known = arguments(name)
    for key in args:
        if key not in known:
            hint = nearest(key, list(known), "arguments") if known else f"{name} takes no arguments"
            raise ValueError(f"unknown argument {key!r} of strategy {name}; {hint}")
    try:
        return STRATEGIES[name].model_validate(dict(args))
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        if key and first["msg"].startswith(SHOULD_BE):
            said = f"{key} must be{first['msg'].removeprefix(SHOULD_BE)}, not {first['input']!r}"
        else:
            said = f"{key}: " * bool(key) + first["msg"].removeprefix("Value error, ")
        raise ValueError(said) from error
