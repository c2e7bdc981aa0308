"""Gates: the smallest change that matters, per metric and cell. A suite can override the defaults of metrics."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, SerializationInfo, model_serializer, model_validator

from tlbench.core.cell import Cell
from tlbench.core.selection import KEYS, fits
from tlbench.core.value import Value
from tlbench.regression.metrics.registry import METRICS

Share = Annotated[float, Field(ge=0, le=1)]
"""A gate as a fraction: 0.05 for 5 % of a time, 0.02 for 2 points of accuracy."""


def gate_kinds() -> list[str]:
    """The names of the metrics that have a gate, in order."""
    return list(_defaults())


def _defaults() -> dict[str, float]:
    return {name: metric.gate for name, metric in METRICS.items() if metric.gate is not None}


class CellGates(Value):
    """Gates for the cells that match some patterns, which are those of `--select`.

    In JSON, patterns and gates are keys of one mapping: ``{"backbone": "MobileNet*", "time": 0.2}``.
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
        """Whether the cell matches every pattern."""
        return all(_any(KEYS[key](cell), _several(pattern)) for key, pattern in self.patterns.items())


class Gates(Value):
    """The gates of a suite.

    In JSON it is one mapping with every gate: ``{"time": 0.05, "accuracy": 0.02, "cells": []}``. Gates of metrics that
    are not installed here are preserved.

    Attributes:
        asked: gates by metric that differ from the metric's default.
        cells: gates for some of the cells; the last one that matches a cell wins.
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
        """The gate of every metric, for cells that no item of `cells` matches."""
        return _defaults() | self.asked

    def cells_without(self, kinds: Collection[str]) -> tuple[CellGates, ...]:
        """The gates for some of the cells, without those of `kinds`."""
        left = []
        for some in self.cells:
            gates = {kind: gate for kind, gate in some.gates.items() if kind not in kinds}
            left += [some.model_copy(update={"gates": gates})] if gates else []
        return tuple(left)

    def of(self, cell: Cell) -> dict[str, float]:
        """The gate of every metric for one cell."""
        gates = self.everywhere()
        for some in self.cells:
            if some.fits(cell):
                gates |= some.gates
        return gates


def _default(name: str) -> float | None:
    return METRICS[name].gate if name in METRICS else None


def _several(pattern: str) -> list[str]:
    """The patterns in a list with commas. The whole is one as well, because names have commas too."""
    return [pattern, *(part.strip() for part in pattern.split(","))]


def _any(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fits(name, pattern) for name in names for pattern in patterns)
