"""Heads by name."""

from tlbench.core.cell import ORIGINAL_HEAD
from tlbench.core.plugins import Registry
from tlbench.heads.base import HeadInfo
from tlbench.heads.flatten import FLATTEN
from tlbench.heads.gap import GAP

HEADS: Registry[HeadInfo] = Registry("head", "tlbench.heads", {"gap": GAP, "flatten": FLATTEN}, of=HeadInfo)
ORIGINAL = ORIGINAL_HEAD
"""The name that stands for the original classifier of 1000 classes, which is not in the registry."""


def names() -> tuple[str, ...]:
    """The names that a suite may use: all heads, and the original classifier."""
    return (*HEADS, ORIGINAL)
