"""What the numbers of a cell rest on besides its settings. Pure."""

from typing import NamedTuple


class Basis(NamedTuple):
    """What was trained on and started from: results of equal cells are comparable only where all of it is equal.

    Attributes:
        images: the fingerprint of the images; empty if there are none.
        weights: the digests of the files of weights, or the kind of those that come from no file; empty if unknown.
        stand_ins: the stand-ins: ``synthetic data``, ``drawn weights``, ``batch 16 for 32``.
    """

    images: str
    weights: str
    stand_ins: tuple[str, ...]

    def apart(self, other: "Basis") -> list[str]:
        """What differs, in words: ``images``, ``weights``, ``stand-ins``."""
        return [
            name.replace("_", "-") for name, own, others in zip(self._fields, self, other, strict=True) if own != others
        ]
