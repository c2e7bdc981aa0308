"""Base classes of the immutable values that rooms exchange and files hold."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from tlbench.core.text import first_of

NAMED = 5
"""At most so many unknown fields are named in a sentence."""


class Value(BaseModel):
    """Base class of the values that rooms exchange: immutable, and strict about unknown fields.

    Non-finite numbers, such as a diverged loss, are written to JSON as the strings ``NaN`` and ``Infinity``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def unknown_fields(error: ValidationError) -> list[str]:
    """The fields that this version of tlbench does not know, as ``training[].path.numpy``; empty if there are none."""
    places = [one["loc"] for one in error.errors(include_url=False) if one["type"] == "extra_forbidden"]
    named = [".".join(map(str, place)) for place in places]
    return list(dict.fromkeys(re.sub(r"\.\d+(?=\.|$)", "[]", name) for name in named))


def by_newer(fields: Sequence[str]) -> str:
    """The clause about a sound file that has unknown `fields`."""
    number = "field" if len(fields) == 1 else "fields"
    verb = "is" if len(fields) == 1 else "are"
    return f"written by a newer tlbench ({number} {first_of(fields, NAMED)} {verb} unknown); update tlbench"


class Grown(Value):
    """A value that gained fields after the first release.

    The fields named in `LATER` are left out of its JSON while they have their defaults, so that the ids of existing
    cells do not change.
    """

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _omit_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        omitted = [name for name in self.LATER if getattr(self, name) == type(self).model_fields[name].default]
        return {name: value for name, value in handler(self).items() if name not in omitted}
