"""What a cell predicted of each split, as the bytes of a file. Nothing in such a file is believed unchecked."""

import io
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Answers = tuple[NDArray[np.float32], NDArray[np.int32]]
"""Class probabilities (N, classes) and true labels (N,) of the images of a split, in its order."""

Evaluated = Literal["test", "validation"]

ARRAYS: Mapping[Evaluated, tuple[str, str]] = {
    "test": ("probabilities", "labels"),
    "validation": ("validation_probabilities", "validation_labels"),
}
"""The names of a split's arrays in a file."""

MOST_BYTES = 2**30
"""Of a file, and of one array, unpacked: 50,000 images of 1,000 classes have a fifth of it."""


def encode(predictions: Mapping[Evaluated, Answers]) -> bytes:
    """A NumPy archive of all arrays, not compressed: of a thousand classes that would spare a sixteenth."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        ARRAYS[split][part]: answers[part] for split, answers in predictions.items() for part in (0, 1)
    }
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def decode(content: bytes, split: Evaluated) -> Answers | None:
    """What was predicted of a split; None where nothing of that split was kept.

    Raises ValueError for a file that is damaged or holds anything else than probabilities and labels that fit.
    """
    try:
        with np.lib.npyio.NpzFile(io.BytesIO(content), allow_pickle=False) as archive:
            if split != "test" and ARRAYS[split][0] not in archive:
                return None
            assert archive.zip is not None
            if any(member.file_size > MOST_BYTES for member in archive.zip.infolist()):
                raise ValueError("an array is larger than predictions are")
            probabilities, labels = (archive[name] for name in ARRAYS[split])
            _check(probabilities, labels)
    except KeyError as error:
        raise ValueError(f"an array is missing: {error.args[0]}") from error
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error
    return probabilities, labels


def _check(probabilities: NDArray[Any], labels: NDArray[Any]) -> None:
    if not isinstance(probabilities, np.ndarray) or not isinstance(labels, np.ndarray):
        raise ValueError("a member of it is no array")  # NumPy gives its bytes
    shapes = f"{probabilities.shape} and {labels.shape}"
    if probabilities.ndim != 2 or labels.ndim != 1 or len(probabilities) != len(labels) or not probabilities.size:
        raise ValueError(f"its arrays have shapes {shapes}, not (images, classes) and (images)")
    if probabilities.dtype.kind != "f" or labels.dtype.kind not in "iu":
        raise ValueError(f"its arrays are of {probabilities.dtype} and {labels.dtype}, not of numbers and labels")
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise ValueError(f"a label is none of {probabilities.shape[1]} classes")
