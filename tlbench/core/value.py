"""Base classes of the immutable values that rooms exchange and files hold."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Value(BaseModel):
    """Base class of the values that rooms exchange: immutable, and strict about unknown fields.

    Non-finite numbers, such as a diverged loss, are written to JSON as the strings ``NaN`` and ``Infinity``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


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
