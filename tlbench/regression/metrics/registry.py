"""The registry of metrics: built-in ones and those of plugins."""

from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry
from tlbench.regression.metrics.accuracy import AccuracyMetric
from tlbench.regression.metrics.base import Metric
from tlbench.regression.metrics.count import CountMetric
from tlbench.regression.metrics.memory import MemoryMetric
from tlbench.regression.metrics.time import TimeMetric
from tlbench.regression.verdicts import OUTCOME


class Metrics(Registry[Metric]):
    """Metrics by name."""

    def __getitem__(self, name: str) -> Metric:
        """As `Registry.__getitem__`. Raises UserError also if a plugin's metric has another name."""
        metric = super().__getitem__(name)
        if not isinstance(metric, Metric) or metric.name != name or name == OUTCOME:
            raise UserError(
                f"entry point {name!r} of {self.group} gives {metric!r}; it must name an instance of "
                f"{Metric.__module__}.Metric whose name is {name!r}, and not {OUTCOME!r}"
            )
        return metric


METRICS = Metrics(
    "metric",
    "tlbench.metrics",
    {metric.name: metric for metric in (TimeMetric(), AccuracyMetric(), MemoryMetric(), CountMetric())},
)


def in_order() -> list[Metric]:
    """All metrics in the order in which they are shown: first what a model is worth, then what it costs."""
    return sorted(METRICS.values(), key=lambda metric: metric.better != "more")
