"""The classes that `scripts.pretrain_drawn` draws: textures that no stand-in for a data set has. Pure."""

import math
from typing import Any

import numpy as np

from tlbench.datasets.synthetic import Plane, Texture


def sine(values: Plane) -> Plane:
    """A wave a unit."""
    return np.sin(2 * np.pi * values)


def binary(values: Any) -> Plane:
    """True is 1, false -1."""
    return np.where(values, 1.0, -1.0)


def _angle(x: Plane, y: Plane) -> Plane:
    return np.arctan2(y, x)


def _three(x: Plane, y: Plane) -> tuple[Plane, Plane, Plane]:
    """Coordinates along three directions, 120 degrees apart."""
    return x, -x / 2 + y * math.sqrt(3) / 2, -x / 2 - y * math.sqrt(3) / 2


PATTERNS: tuple[tuple[Texture, tuple[int, ...]], ...] = (
    # stripes: soft, hard, thin; never level or upright
    (lambda x, y, w: sine(w * y), (25, 50, 130, 155)),
    (lambda x, y, w: np.sign(sine(w * y)), (40, 140)),
    (lambda x, y, w: binary(sine(w * y) > 0.7), (30, 60, 120, 150)),
    (lambda x, y, w: sine(w * (y + 0.05 * sine(3 * x))), (20, 45, 135)),
    (lambda x, y, w: sine(w * (y + 0.4 * np.abs((3 * x) % 1 - 0.5))), (45, 135)),
    (lambda x, y, w: sine(0.7 * w * y * (1 + y)), (45, 135, 225, 315)),
    # grids
    (lambda x, y, w: (sine(w * x) + sine(w * y)) / 2, (20, 45, 70)),
    (lambda x, y, w: np.sign(sine(w * x) * sine(w * y)), (30, 45, 60)),
    (lambda x, y, w: binary(np.maximum(sine(w * x), sine(w * y)) > 0.8), (20, 45, 70)),
    (lambda x, y, w: sine(w * y) * sine(w * x / 2), (30, 60, 120)),
    (lambda x, y, w: binary((sine(w * y) > 0.8) | (sine(w * x / 2 + np.floor(w * y) / 2) > 0.9)), (0, 45)),
    # sixfold
    (lambda x, y, w: binary(sum(np.cos(2 * np.pi * w * one) for one in _three(x, y)) > 0.8), (0, 30)),
    (lambda x, y, w: binary(sum(np.cos(2 * np.pi * w * one) for one in _three(x, y)) > -0.6), (0,)),
    (lambda x, y, w: np.sign(math.prod(sine(w * one) for one in _three(x, y))), (0, 90)),
    # around the centre
    (lambda x, y, w: sine(w * np.hypot(x, y) + _angle(x, y) / (2 * np.pi)), (0,)),
    (lambda x, y, w: sine(w * np.hypot(x, y) - _angle(x, y) / (2 * np.pi)), (0,)),
    (lambda x, y, w: sine(w * np.hypot(x, y) + 4 * _angle(x, y) / (2 * np.pi)), (0,)),
    (lambda x, y, w: sine(w * np.hypot(x, y) - 4 * _angle(x, y) / (2 * np.pi)), (0,)),
    (lambda x, y, w: np.sin(6 * _angle(x, y)), (0,)),
    (lambda x, y, w: np.sin(10 * _angle(x, y)), (0,)),
    (lambda x, y, w: np.sin(16 * _angle(x, y)), (0,)),
    (lambda x, y, w: sine(w * np.hypot(x, y)) * np.sign(np.sin(3 * _angle(x, y))), (0,)),
    (lambda x, y, w: sine(0.8 * w * np.hypot(x, 2 * y)), (0, 45, 90, 135)),
    (lambda x, y, w: sine(w * np.maximum(np.abs(x), np.abs(y))), (0, 45)),
    (lambda x, y, w: sine(w * np.maximum.reduce(_three(x, y))), (0, 180)),
    (lambda x, y, w: sine(w * (np.abs(x) + y) / math.sqrt(2)), (90, 270)),
    (lambda x, y, w: sine(3 * w * x * y), (0, 45)),
)
"""Patterns, and the degrees by which each is turned: every turn is a class of its own."""


def turned(pattern: Texture, degrees: int) -> Texture:
    """The same pattern with its axes turned."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return lambda x, y, waves: pattern(x * cos + y * sin, y * cos - x * sin, waves)


CLASSES = tuple(turned(pattern, degrees) for pattern, turns in PATTERNS for degrees in turns)
