"""Validators for the values of a suite file. Each rejects a bad value with one clause for the user."""

import math
import re
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from tlbench.core.errors import nearest
from tlbench.suite.document import shortened


def complain(message: str, key: str | None = None) -> PydanticCustomError:
    """A validation error for the user; `key` is the key of the mapping that it is about, if any."""
    return PydanticCustomError("suite", "{message}", {"message": message, "key": key})


class Section(BaseModel):
    """Base class of the suite's mappings. The error for an unknown key suggests a similar one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict):
            raise complain(f"a mapping with some of {', '.join(cls.known_keys())} belongs here, not {show(value)}")
        if not value.keys() <= cls.model_fields.keys():
            check_keys(value, cls.known_keys())
        return value

    @classmethod
    def known_keys(cls) -> list[str]:
        """The keys that the mapping may have."""
        return list(cls.model_fields)


def check_keys(value: dict[str, Any], known: Iterable[str]) -> None:
    """Raise an error for the first key that is not known."""
    names = list(known)
    for key in value:
        if key not in names:
            raise complain(f"unknown key {key!r}; {nearest(key, names, 'keys')}", key)


def show(value: Any) -> str:
    """`value` as error messages show it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else shortened(repr(value))


def listed(value: Any) -> Any:
    """`value` as a list: a single item stands for a list of one."""
    if isinstance(value, list):
        if not value:
            raise complain("the list is empty; it needs at least one item")
        return value
    if value is None:
        raise complain("something belongs here, not nothing")
    return [value]


def number(
    low: float = -math.inf, high: float = math.inf, *, open_low: bool = False, open_high: bool = False
) -> Callable[[Any], float]:
    """A validator for a finite number within bounds. Accepts ``1e-3``, which YAML 1.1 reads as text."""

    def check(value: Any) -> float:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise complain(f"a number belongs here, not {show(value)}") from None
        huge = isinstance(value, int) and abs(value) > sys.float_info.max
        if isinstance(value, bool) or not isinstance(value, int | float) or huge or not math.isfinite(value):
            raise complain(f"a number belongs here, not {show(value)}")
        if value < low or (open_low and value == low):
            raise complain(f"{show(value)} is too small; it must be {'above' if open_low else 'at least'} {low:g}")
        if value > high or (open_high and value == high):
            raise complain(f"{show(value)} is too large; it must be {'below' if open_high else 'at most'} {high:g}")
        return value

    return check


def whole(low: int, high: float = math.inf) -> Callable[[Any], int]:
    """A validator for a whole number within bounds."""
    within = number(low, high)

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise complain(f"a whole number belongs here, not {show(value)}")
        return int(within(value))

    return check


def one_of(*names: str, label: str) -> Callable[[Any], str]:
    """A validator for one of some names. Accepts ``on`` and ``off``, which YAML 1.1 reads as booleans."""

    def check(value: Any) -> str:
        text = {True: "on", False: "off"}[value] if isinstance(value, bool) else value
        if text not in names:
            named = isinstance(value, str | bool)
            wrong = f"there is no {label} {show(value)}" if named else f"a word belongs here, not {show(value)}"
            raise complain(f"{wrong}; {nearest(str(text), list(names), label + 's')}")
        return str(text)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise complain(f"text belongs here, not {show(value)}")
    return value


def _file_name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise complain(
            f"{show(value)} is no name; use letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    return value


def _share(value: Any) -> float:
    """A fraction, written as ``0.1``, ``10%`` or ``2pp``."""
    try:
        return number(0, 1)(of_percent(value, "%|pp"))
    except PydanticCustomError as error:
        raise complain(f"a share from 0 to 1 belongs here, as 0.05, 5% or 5pp, not {show(value)}") from error


def of_percent(value: Any, signs: str = "%") -> Any:
    """``30%`` as 0.3, the same float as the literal; any other value unchanged. `signs`: a regular expression."""
    if isinstance(value, str) and (match := re.fullmatch(rf"\s*(\d+(?:\.\d*)?|\.\d+)\s*({signs})\s*", value, re.ASCII)):
        return float(Decimal(match[1]) / 100)
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise complain(f"true or false belongs here, not {show(value)}")
    return value


Listed = BeforeValidator(listed)
Text = Annotated[str, BeforeValidator(_text)]
FileName = Annotated[str, BeforeValidator(_file_name)]
Share = Annotated[float, BeforeValidator(_share)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, BeforeValidator(whole(1, 10_000_000))]
Seed = Annotated[int, BeforeValidator(whole(0, 2**31 - 1))]
Positive = Annotated[float, BeforeValidator(number(0, open_low=True))]
NotNegative = Annotated[float, BeforeValidator(number(0))]
Fraction = Annotated[float, BeforeValidator(number(0, 1, open_high=True))]
