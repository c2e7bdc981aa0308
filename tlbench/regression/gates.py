"""Which change of which cell matters. Plain values; a suite file fills them in, the metrics have defaults."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import Field, SerializationInfo, model_serializer, model_validator

from tlbench.core.cell import Cell, Value
from tlbench.core.selection import KEYS
from tlbench.regression.metrics.registry import METRICS

Share = Annotated[float, Field(ge=0, le=1)]
"""A change that matters, as a share of 1: 5 % of a time are 0.05, 2 points of an accuracy 0.02."""


def gate_kinds() -> list[str]:
    """Names of the metrics that have a gate, in their order."""
    return list(_defaults())


def _defaults() -> dict[str, float]:
    return {name: metric.gate for name, metric in METRICS.items() if metric.gate is not None}


class CellGates(Value):
    """Other gates for some cells. `patterns`, those of `--select`, say which cells.

    As JSON both are keys of one mapping: ``{"backbone": "MobileNet*", "time": 0.2}``.
    """

    patterns: dict[str, str]
    gates: dict[str, Share]

    @model_validator(mode="before")
    @classmethod
    def _from_one_mapping(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        given = {key: value for key, value in content.items() if value is not None}
        patterns = {key: value for key, value in given.items() if key in KEYS}
        return {"patterns": patterns, "gates": {key: value for key, value in given.items() if key not in KEYS}}

    @model_serializer
    def _as_one_mapping(self) -> dict[str, Any]:
        in_order = {name: self.gates[name] for name in METRICS if name in self.gates}
        return {**self.patterns, **in_order, **self.gates}

    def fits(self, cell: Cell) -> bool:
        """Whether every pattern fits the cell."""
        return all(_any(KEYS[key](cell), pattern.split(",")) for key, pattern in self.patterns.items())


class Gates(Value):
    """The gates of a suite: `asked` by metric, where they differ from the metrics' own. The last of `cells` that fits
    a cell counts.

    As JSON it is one mapping with every gate: ``{"time": 0.05, "accuracy": 0.02, "cells": []}``. Gates of metrics that
    are not installed here are kept.
    """

    asked: dict[str, Share] = Field(default_factory=dict)
    cells: tuple[CellGates, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_one_mapping(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        given = dict(content)
        cells = given.pop("cells", ())
        return {"asked": {name: share for name, share in given.items() if share != _default(name)}, "cells": cells}

    @model_serializer
    def _as_one_mapping(self, info: SerializationInfo) -> dict[str, Any]:
        if not info.exclude_defaults:
            return {**self.everywhere(), "cells": self.cells}
        return {**self.asked, **({"cells": self.cells} if self.cells else {})}

    def everywhere(self) -> dict[str, float]:
        """The gate of every metric, for cells that have none of their own."""
        return _defaults() | self.asked

    def of(self, cell: Cell) -> dict[str, float]:
        """The gate of every metric for one cell."""
        gates = self.everywhere()
        for some in self.cells:
            if some.fits(cell):
                gates |= some.gates
        return gates


def _default(name: str) -> float | None:
    return METRICS[name].gate if name in METRICS else None


def _any(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
