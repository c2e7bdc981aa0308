"""A data set by name."""

from tlbench.datasets.spec import DatasetInfo

STRIPES = DatasetInfo(name="stripes", title="Stripes and bars", classes=("bars", "stripes"), where="draw them yourself")
