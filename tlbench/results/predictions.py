"""Encode and decode the predictions of a cell. Files are not trusted."""

import io
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Answers = tuple[NDArray[np.float32], NDArray[np.int32]]
"""Class probabilities (N, classes) and true classes (N,) of the images of a split, in their order."""

Evaluated = Literal["test", "validation"]

ARRAYS: Mapping[Evaluated, tuple[str, str]] = {
    "test": ("probabilities", "labels"),
    "validation": ("validation_probabilities", "validation_labels"),
}
"""The names of the arrays in a file, by split."""

MOST_BYTES = 2**30
"""Size limit of a file, and of each array in it, in bytes. 50,000 images of 1,000 classes need a fifth of it."""


def encode(predictions: Mapping[Evaluated, Answers]) -> bytes:
    """Write predictions as an uncompressed NumPy archive; with 1,000 classes compression would save only 6 %."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        ARRAYS[split][part]: answers[part] for split, answers in predictions.items() for part in (0, 1)
    }
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def decode(content: bytes, split: Evaluated) -> Answers | None:
    """Read the predictions for a split.

    Returns:
        None if nothing is stored for that split.

    Raises:
        ValueError: the content is damaged, or not probabilities and labels that fit together.
    """
    try:
        with np.lib.npyio.NpzFile(io.BytesIO(content), allow_pickle=False) as archive:
            if split != "test" and ARRAYS[split][0] not in archive:
                return None
            assert archive.zip is not None
            if any(member.file_size > MOST_BYTES for member in archive.zip.infolist()):
                raise ValueError("an array is too large for predictions")
            probabilities, labels = (archive[name] for name in ARRAYS[split])
            _check(probabilities, labels)
    except KeyError as error:
        raise ValueError(f"an array is missing: {error.args[0]}") from error
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error
    return probabilities, labels


def _check(probabilities: NDArray[Any], labels: NDArray[Any]) -> None:
    if not isinstance(probabilities, np.ndarray) or not isinstance(labels, np.ndarray):
        raise ValueError("a member is not an array")  # NumPy returns its bytes
    shapes = f"{probabilities.shape} and {labels.shape}"
    if probabilities.ndim != 2 or labels.ndim != 1 or len(probabilities) != len(labels) or not probabilities.size:
        raise ValueError(f"its arrays have shapes {shapes}, not (images, classes) and (images)")
    if probabilities.dtype.kind != "f" or labels.dtype.kind not in "iu":
        raise ValueError(f"its arrays have types {probabilities.dtype} and {labels.dtype}, not floats and integers")
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise ValueError(f"a label is not one of {probabilities.shape[1]} classes")
