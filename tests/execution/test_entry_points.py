"""Every name of work that is done elsewhere leads somewhere."""

import importlib.util

from tlbench.execution import child, entry_points, server
from tlbench.execution.entry_points import (
    CLASSIFY,
    EXPORT,
    INSPECT,
    LITERT,
    LITERT_INT8,
    ONNX,
    OPEN_TIMER,
    OPENVINO,
    PREDICT,
    PRELOAD,
    REFERENCE_READINGS,
    RUN_GROUP,
    SERVE_TIMER,
    SIDE_HOST,
)
from tlbench.execution.outcome import Returned

NAMES = {name: value for name, value in vars(entry_points).items() if name.isupper()}
FUNCTIONS = [value for value in NAMES.values() if ":" in value]
MODULES = [value for value in NAMES.values() if ":" not in value]


def test_all_names_are_tested() -> None:
    engines = {LITERT, LITERT_INT8, ONNX, OPENVINO}
    timers = {OPEN_TIMER, SERVE_TIMER, REFERENCE_READINGS}
    assert set(FUNCTIONS) == {RUN_GROUP, INSPECT, PREDICT, CLASSIFY, EXPORT} | timers | engines
    assert set(MODULES) == {PRELOAD, SIDE_HOST}


def test_each_function_is_found_in_a_process_of_its_own() -> None:
    server.start_server("tensorflow")
    assert child.run("tests.targets:callables", FUNCTIONS) == Returned([True] * len(FUNCTIONS))


def test_what_no_worker_needs_is_not_loaded_and_can_be() -> None:
    server.start_server("tensorflow")
    assert child.run("tests.targets:left_out", ["keras", "pandas", "sklearn"]) == Returned(
        [(True, True), (False, True), (False, True)]
    )


def test_each_module_is_there() -> None:
    assert all(importlib.util.find_spec(name) for name in MODULES)  # importing one would have it do its work
