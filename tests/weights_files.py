"""Files of weights that hold none, but open as such files do."""

from pathlib import Path

import h5py


def write_weights(path: Path, content: bytes = b"weights") -> bytes:
    """Write a file of HDF5 with something in it. Returns its bytes."""
    with h5py.File(path, "w") as file:
        file.attrs["content"] = content
    return path.read_bytes()
