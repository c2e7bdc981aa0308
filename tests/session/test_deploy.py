"""Kept models that a runtime, or Keras itself, cannot take: each is a row with its reason, and nothing else is lost."""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import builders
from tlbench import deploy
from tlbench.cache.download import file_digest
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets.prepare import prepare
from tlbench.execution import child
from tlbench.results.record import SavedModel
from tlbench.results.run_folder import RunFolder, create
from tlbench.results.store import Store

LIMIT = Limit(train=2, validation=2, test=4)
DRAWN = Named(name="synthetic")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TLBENCH_DATA", raising=False)
    return tmp_path / "cache"


def keeping(folder: Path, cache: Path, target: str) -> RunFolder:
    """A run of one cell whose kept model is what `target` saves."""
    cell = builders.cell(dataset=DRAWN, limit=LIMIT, image_size=32, timing=None)
    file = folder / "models" / f"{cell.id}.keras"
    run = create(folder, "small", "name: small\n", [cell.id], datetime.now(UTC))
    file.parent.mkdir()
    child.call(f"tests.targets:{target}", {"path": str(file)})
    source = prepare(DRAWN, LIMIT, 32, root=None, path=None, cache=cache, fallback_synthetic=False)
    kept = SavedModel(file=f"models/{file.name}", sha256=file_digest(file), bytes=file.stat().st_size)
    about = builders.data().model_copy(update={"fingerprint": source.fingerprint})
    Store(folder).write(builders.record(cell, timings=None, data=about, saved_model=kept))
    return run


def test_an_operation_that_a_runtime_lacks_is_named_in_its_row(tmp_path: Path, cache: Path) -> None:
    run = keeping(tmp_path / "run", cache, "save_without_litert")
    found = deploy(run, to=["litert"], out=tmp_path / "out")
    (model,) = found.models
    keras, litert = model.runtimes
    assert (keras.failure, model.images, keras.changed, keras.gap) == (None, 8, 0, 0.0)
    assert [step.batch_size for step in keras.steps] == [1, 32]
    assert litert.failure is not None
    assert litert.failure.message == "it has no operation of its own for Erfinv"
    assert (litert.bytes, litert.correct, litert.steps) == (None, None, ())
    (log,) = (cache / "logs").iterdir()
    assert log.name == f"{model.cell_id}.litert.log"
    assert str(log) in litert.failure.advice
    assert "Traceback" in log.read_text()
    assert list((tmp_path / "out").iterdir()) == []
    assert (found.failed, found.exported) == (True, False)


def test_without_tensorflow_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        UserError,
        match=r"^deploy opens and exports models with TensorFlow, whichever backend trained them: tensorflow is not "
        r"installed for .*; pip install tensorflow$",
    ):
        deploy(tmp_path)


def test_of_a_file_that_keras_cannot_open_nothing_is_tried(tmp_path: Path, cache: Path) -> None:
    found = deploy(keeping(tmp_path / "run", cache, "save_text"), to=["litert", "litert-int8"])
    ((keras,),) = (model.runtimes for model in found.models)
    assert keras.failure is not None
    assert "cannot be opened by Keras" in keras.failure.message
    assert (found.environment, found.threads, found.exported) == (None, None, False)
