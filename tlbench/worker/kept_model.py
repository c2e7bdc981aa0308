"""Save trained models atomically, and load them without executing code from the file."""

import os
from pathlib import Path

import keras

from tlbench.backbones import registry
from tlbench.cache.download import file_digest
from tlbench.core.errors import UserError
from tlbench.core.files import flush_folder
from tlbench.core.plugins import resolve
from tlbench.core.text import one_line
from tlbench.modeling import heads, hub, preprocessing  # noqa: F401 - their layers are found by name when a model is opened
from tlbench.modeling.adapters import without_adapters
from tlbench.results.record import SavedModel
from tlbench.results.store import MODELS

SUFFIX = ".keras"


def keep_model(model: keras.Model, folder: Path, cell_id: str) -> SavedModel:
    """Save `model`, without its optimizer and merged factors, as ``<folder>/<cell_id>.keras``.

    A temporary file is written, flushed to the disk and renamed.

    Raises:
        OSError: there is no room; its file name is that of the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, aside = folder / f"{cell_id}{SUFFIX}", folder / f".{cell_id}.aside{SUFFIX}"
    try:
        with without_adapters(model):
            model.save(aside, include_optimizer=False)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        saved = SavedModel(file=f"{MODELS}/{path.name}", sha256=file_digest(aside), bytes=aside.stat().st_size)
        aside.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        aside.unlink(missing_ok=True)
    flush_folder(folder)
    return saved


def open_model(path: Path, backbone: str) -> keras.Model:
    """Load a saved model.

    Args:
        path: the file.
        backbone: the name of its backbone, whose package is imported for its custom layers.

    Raises:
        UserError: the file contains code (a Lambda layer), which Keras' safe mode rejects, or no model.
    """
    if backbone in registry.names():
        resolve(registry.get(backbone).constructor)  # importing it registers custom layers
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        why = one_line(str(error)) or type(error).__name__
        if "Lambda" in why or "safe_mode" in why or "unsafe" in why:
            raise UserError(
                f"{path} is not opened: it holds a Lambda layer or another program, which could do anything here; "
                "train the model again without it"
            ) from error
        raise UserError(
            f"{path} cannot be opened by Keras {keras.__version__} ({why[:300]}); run its suite again"
        ) from error
