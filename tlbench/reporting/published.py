"""The figures that keras.io publishes for an original classifier. Pure."""

from typing import Any

from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import Published
from tlbench.results.record import Record


def is_original(record: Record) -> bool:
    """Whether the record is of an original classifier."""
    return record.cell.head.name == "imagenet"


def published_of(record: Record) -> Published | None:
    """The published figures of the record's model; None if keras.io does not list it with these arguments."""
    return None if record.cell.backbone.args else backbones.get(record.cell.backbone.name).published


def published_columns(record: Record) -> dict[str, Any]:
    """The published figures as columns of the frame; None for records of other models."""
    row = published_of(record)
    values = vars(row) if row and is_original(record) else {}
    return {f"published_{key}": values.get(key) for key in Published.__dataclass_fields__}
