"""The keys of a suite file except those under `train`. docs/suites.md explains each of them."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from tlbench.backbones.weights import StandIn
from tlbench.cache.folders import parse_size
from tlbench.core.cell import USUAL_BACKEND, Backend, Head, Jit, Limit
from tlbench.core.duration import parse_duration
from tlbench.core.errors import UserError
from tlbench.core.image_size import Resize, parsed, plain
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.suite.fields import (
    Count,
    FileName,
    Flag,
    Listed,
    Positive,
    Section,
    Seed,
    Share,
    Text,
    complain,
    listed,
    number,
    one_of,
    show,
    whole,
)
from tlbench.suite.items import Backbones, Dataset, HeadItem, Strategy
from tlbench.suite.training import TrainSection

PROTOCOLS: dict[str, tuple[int, int, float]] = {
    # minimum of: warm-up steps, timed steps, timed seconds
    "quick": (2, 15, 1.0),
    "standard": (5, 200, 5.0),
    "keras": (5, 300, 0.0),  # keras.io/api/applications: the mean over 30 batches and 10 repetitions
}
CUSTOM, NO_TIMING = "custom", "none"


def _image_size(value: Any) -> Any:
    """An image size, written as ``96``, ``[120, 160]`` or ``120x160`` (height first), or ``native``."""
    if value == "native":
        return value
    if isinstance(value, str) and (size := parsed(value)) is not None:
        value = size if isinstance(size, int) else list(size)
    if isinstance(value, str) or (isinstance(value, list) and len(value) != 2):
        raise complain(f"a number of pixels, 120x160 (height x width) or native belongs here, not {show(value)}")
    if isinstance(value, list):
        height, width = map(whole(8, 4096), value)
        return plain((height, width))
    return whole(8, 4096)(value)


def _most(value: Any) -> Any:
    """A number of images; ``all`` sets no limit."""
    return None if value == "all" else whole(1, 10_000_000)(value)


def _with_unit(parse: Callable[[str, str], float], what: str, examples: str) -> Callable[[object], object]:
    """A validator for text that `parse` understands, such as ``4GB`` or ``20 min``."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            raise complain(f"{what} with its unit belongs here, as {examples}")
        try:
            return parse(value, "")
        except UserError as error:
            raise complain(str(error).removeprefix(": ")) from error

    return read


_bytes = _with_unit(parse_size, "a size", "500MB or 4GB")
_seconds = _with_unit(parse_duration, "a span of time", "90 s, 20 min or 8 h")


def _seeds(value: Any) -> Any:
    """A list of seeds, in which ``0-4`` stands for 0, 1, 2, 3, 4."""
    found: list[Any] = []
    for one in listed(value):
        if not (isinstance(one, str) and (match := re.fullmatch(r"\s*(\d{1,99})\s*-\s*(\d{1,99})\s*", one, re.ASCII))):
            found.append(one)
            continue
        first, last = int(match[1]), int(match[2])
        if last < first:
            raise complain(f"seeds from {first} to {last} are none; write the smaller one first")
        if last - first >= MOST_CELLS:
            raise complain(f"{last - first + 1} seeds; a suite has at most {MOST_CELLS} cells")
        found += range(first, last + 1)
    numbers = Counter(seed for seed in found if isinstance(seed, int))
    if twice := [seed for seed, times in numbers.items() if times > 1]:
        raise complain(f"seed {twice[0]} is listed more than once; list each seed once")
    return found


OnOom = Literal["record", "halve_batch", "skip_larger"]
MOST_CELLS = 20_000
"""Limit on the cells of a suite: more than a year of training, and expanded within seconds."""
Duration = Annotated[float, Field(gt=0), BeforeValidator(_seconds)]
MemorySize = Annotated[int, Field(gt=0), BeforeValidator(_bytes)]
Size = Annotated[int | tuple[int, int] | Literal["native"], BeforeValidator(_image_size)]
ResizeName = Annotated[Resize, BeforeValidator(one_of("stretch", "crop", "pad", label="kind of resizing"))]
Most = Annotated[int | None, BeforeValidator(_most)]
Precision = Annotated[str, BeforeValidator(one_of("float32", "mixed_bfloat16", "mixed_float16", label="precision"))]
BackendName = Annotated[Backend, BeforeValidator(one_of("tensorflow", "jax", "torch", label="backend"))]
JitMode = Annotated[Jit, BeforeValidator(one_of("auto", "on", "off", label="jit mode"))]


class LimitSection(Section):
    """Images per class. A list for `train` is an axis of the matrix, for learning curves."""

    train: Annotated[list[Most], Listed] = [None]
    validation: Most = None
    test: Most = None

    def values(self) -> list[Limit]:
        """The values for cells, one for each number of training images."""
        return [Limit(train=train, validation=self.validation, test=self.test) for train in self.train]


class TimingSection(Section):
    """How step times are measured. Numbers override those of the protocol; ``custom`` needs all of them."""

    protocol: Annotated[str, BeforeValidator(one_of(*PROTOCOLS, CUSTOM, NO_TIMING, label="protocol"))] = "quick"
    batch_size: Annotated[list[Count], Listed] = [32]
    warmup: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(0, 1000)(v))] = None
    iterations: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(1, 100_000)(v))] = None
    seconds: Annotated[float | None, BeforeValidator(lambda v: v if v is None else number(0, 3600)(v))] = None
    max_seconds: Positive | None = None

    @model_validator(mode="after")
    def _complete(self) -> "TimingSection":
        numbers = {"warmup": self.warmup, "iterations": self.iterations, "seconds": self.seconds}
        missing = [key for key, value in numbers.items() if value is None]
        if self.protocol == CUSTOM and missing:
            raise complain(f"protocol custom needs {', '.join(missing)} as well", "protocol")
        if self.max_seconds is not None and self.seconds is not None and self.max_seconds < self.seconds:
            raise complain(f"max_seconds {self.max_seconds:g} is less than seconds {self.seconds:g}", "max_seconds")
        return self


class FallbackSection(Section):
    """Which stand-ins may replace images and weights that are missing."""

    datasets: Annotated[Literal["synthetic"] | None, BeforeValidator(one_of("synthetic", label="fallback"))] = None
    weights: Annotated[StandIn | None, BeforeValidator(one_of("drawn", "random", label="fallback"))] = None


class GateItem(Section):
    """Gates for some of the cells: patterns as in `--select`, and the gates that they change."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Share] = Field(init=False)

    backbone: Text | None = None
    dataset: Text | None = None
    strategy: Text | None = None
    head: Text | None = None
    id: Text | None = None

    @classmethod
    def known_keys(cls) -> list[str]:
        """The keys of patterns, and the kinds of gates."""
        return [*cls.model_fields, *gate_kinds()]

    @model_validator(mode="after")
    def _whole(self) -> "GateItem":
        gates = self.model_extra or {}
        if not gates or not self.model_fields_set - gates.keys():
            patterns, kinds = ", ".join(GateItem.model_fields), ", ".join(gate_kinds())
            raise complain(f"name a pattern ({patterns}) and a gate ({kinds})")
        return self


class GatesSection(Section):
    """The smallest changes that count, as a fraction per kind of gate. The last of `cells` that matches a cell wins."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Share] = Field(init=False)

    cells: list[GateItem] = []

    @classmethod
    def known_keys(cls) -> list[str]:
        """The kinds of gates, and `cells`."""
        return [*gate_kinds(), *cls.model_fields]

    def value(self) -> Gates:
        """The gates as comparisons use them."""
        return Gates.model_validate(self.model_dump())


class PatchSection(Section):
    """An item of `include` or `exclude`.

    A key that is left out stands for the suite's first value in `include`, and for any value in `exclude`.
    """

    backbone: Backbones | None = None
    dataset: Text | None = None
    strategy: Strategy | None = None
    head: HeadItem | None = None
    image_size: Size | None = None
    seed: Seed | None = None

    @model_validator(mode="after")
    def _something(self) -> "PatchSection":
        if not self.model_fields_set:
            raise complain("name at least one of backbone, dataset, strategy, head, image_size, seed")
        return self


class ResourcesSection(Section):
    """The resources that a cell needs while it trains."""

    cpus: Count | None = None
    gpus: Annotated[int | None, BeforeValidator(lambda v: v if v is None else whole(0, 1)(v))] = None
    memory: MemorySize | None = None


class SuiteFile(Section):
    """The keys of a suite file."""

    name: FileName
    description: Text = ""
    backend: Annotated[list[BackendName], Listed] = [USUAL_BACKEND]
    datasets: Annotated[list[Dataset], Listed]
    backbones: Annotated[list[Backbones], Listed]
    strategies: Annotated[list[Strategy], Listed]
    heads: Annotated[list[HeadItem], Listed] = [Head()]
    image_size: Annotated[list[Size], Listed] = ["native"]
    resize: Annotated[list[ResizeName], Listed] = ["stretch"]
    limit: Annotated[list[LimitSection], Listed] = [LimitSection()]
    train: TrainSection | None = None
    seeds: Annotated[list[Seed], BeforeValidator(_seeds)] = [0]
    precision: Annotated[list[Precision], Listed] = ["float32"]
    jit: JitMode = "auto"
    timing: TimingSection = TimingSection()
    fallback: FallbackSection = FallbackSection()
    include: Annotated[list[PatchSection], Listed] = []
    exclude: Annotated[list[PatchSection], Listed] = []
    gates: GatesSection = GatesSection()
    timeout: Positive = 3600.0
    memory: MemorySize | None = None
    resources: ResourcesSection = ResourcesSection()
    retries: Annotated[int, BeforeValidator(whole(0, 10))] = 0
    on_oom: Annotated[OnOom, BeforeValidator(one_of("record", "halve_batch", "skip_larger", label="answer"))] = "record"
    save_models: Flag = False
    budget: Duration | None = None

    def limits(self) -> list[Limit]:
        """The axis of limits on the images per class."""
        return [limit for section in self.limit for limit in section.values()]
