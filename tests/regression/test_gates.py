"""Gates: what a suite asks for, what metrics have by default, and how both are kept."""

import pytest
from pydantic import ValidationError

from tests import builders
from tlbench.core.cell import Head, Named
from tlbench.regression.gates import Gates, gate_kinds
from tlbench.suite.schema import GatesSection

FULL = {"time": 0.05, "accuracy": 0.02, "memory": 0.1, "cells": []}


def test_metrics_have_gates_of_their_own() -> None:
    assert gate_kinds() == ["time", "accuracy", "memory"]
    assert Gates().model_dump(mode="json") == FULL


def test_asking_for_the_defaults_is_asking_for_nothing() -> None:
    assert Gates.model_validate(FULL) == Gates() == GatesSection().value()
    assert Gates.model_validate(FULL).model_dump(exclude_defaults=True) == {}


def test_gates_come_back_from_json_as_they_were() -> None:
    cells = [{"backbone": "Mobile*", "time": 0.2}, {"strategy": "full", "id": None, "memory": 0.3, "accuracy": 0.04}]
    gates = Gates.model_validate({"time": 0.1, "cells": cells})
    content = gates.model_dump(mode="json")
    assert list(content) == ["time", "accuracy", "memory", "cells"]
    assert content["cells"] == [cells[0], {"strategy": "full", "accuracy": 0.04, "memory": 0.3}]
    assert Gates.model_validate(content) == gates
    assert gates.model_dump(mode="json", exclude_defaults=True) == {"time": 0.1, "cells": content["cells"]}


@pytest.mark.parametrize("written", ["flatten-128, dropout 0.5", "gap, flatten-128*", "flatten-128, drop*"])
def test_the_names_of_cells_may_have_commas_and_lists_of_them_spaces(written: str) -> None:
    gates = Gates.model_validate({"time": 0.1, "cells": [{"head": written, "time": 0.2}]})
    cell = builders.cell(head=Head(name="flatten", hidden=(128,), dropout=0.5))
    assert gates.of(cell)["time"] == 0.2
    assert gates.of(builders.cell(head=Head(name="flatten")))["time"] == 0.1


def test_the_last_of_the_cells_that_fits_counts() -> None:
    gates = GatesSection.model_validate(
        {
            "time": "8%",
            "cells": [{"strategy": "full,partial", "time": "20%"}, {"backbone": "Mobile*", "accuracy": "4pp"}],
        }
    ).value()
    full = builders.cell(strategy=Named(name="full"))
    assert gates.of(full) == {"time": 0.2, "accuracy": 0.04, "memory": 0.1}
    assert (
        gates.of(builders.cell(backbone=Named(name="ResNet50")))
        == gates.everywhere()
        == {
            "time": 0.08,
            "accuracy": 0.02,
            "memory": 0.1,
        }
    )


def test_gates_of_metrics_that_are_not_installed_are_kept() -> None:
    content = FULL | {"energy": 0.3}
    assert Gates.model_validate(content).model_dump(mode="json") == content


def test_a_share_is_at_most_one() -> None:
    with pytest.raises(ValidationError):
        Gates.model_validate({"time": 1.5})


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"tyme": "5%"}, "unknown key 'tyme'; did you mean 'time'?"),
        ({"count": "5%"}, "unknown key 'count'; known keys: accuracy, cells, memory, time"),
        ({"time": "much"}, "a share from 0 to 1 belongs here, as 0.05, 5% or 5pp, not 'much'"),
        ({"time": "-5%"}, "a share from 0 to 1 belongs here, as 0.05, 5% or 5pp, not '-5%'"),
        ({"time": 5}, "a share from 0 to 1 belongs here, as 0.05, 5% or 5pp, not 5"),
        (
            {"cells": [{"time": "5%"}]},
            "name a pattern (backbone, dataset, strategy, head, id) and a gate (time, accuracy, memory)",
        ),
        ({"cells": [{"backbone": "VGG16"}]}, "name a pattern (backbone, dataset, strategy, head, id) and a gate"),
        ({"cells": [{"backbone": "VGG16", "memry": "5%"}]}, "unknown key 'memry'; did you mean 'memory'?"),
        ([], "a mapping with some of time, accuracy, memory, cells belongs here, not a list"),
    ],
)
def test_what_is_no_gate_is_answered_in_a_clause(section: object, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GatesSection.model_validate(section)
    assert said in caught.value.errors()[0]["msg"]
