"""Trained models on disk: written whole or not at all, and opened without running what else may stand in a file."""

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
from tlbench.results.record import SavedModel
from tlbench.results.store import MODELS

SUFFIX = ".keras"


def keep_model(model: keras.Model, folder: Path, cell_id: str) -> SavedModel:
    """Write `model`, without its optimizer, to ``<folder>/<cell_id>.keras``.

    It is written aside, flushed to the disk and renamed. Raises OSError where there is no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, aside = folder / f"{cell_id}{SUFFIX}", folder / f".{cell_id}.aside{SUFFIX}"
    try:
        model.save(aside, include_optimizer=False)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        kept = SavedModel(file=f"{MODELS}/{path.name}", sha256=file_digest(aside), bytes=aside.stat().st_size)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    flush_folder(folder)
    return kept


def open_model(path: Path, backbone: str) -> keras.Model:
    """The model in a file, whose backbone's own layers, where it has any, are known to the package it comes from.

    Raises UserError for a file with code of its own (a Lambda layer), which Keras' safe mode refuses, and for one that
    holds no model.
    """
    if backbone in registry.names():
        resolve(registry.get(backbone).constructor)
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
