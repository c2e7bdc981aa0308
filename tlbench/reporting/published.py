"""What keras.io publishes of an original classifier, beside a record of it. Pure."""

from typing import Any

from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import Published
from tlbench.results.record import Record


def is_original(record: Record) -> bool:
    """Whether the record is of an original classifier."""
    return record.cell.head.name == "imagenet"


def published_of(record: Record) -> Published | None:
    """The published row of the record's model; None for models, or arguments, that keras.io does not list."""
    return None if record.cell.backbone.args else backbones.get(record.cell.backbone.name).published


def published_columns(record: Record) -> dict[str, Any]:
    """The published figures, as columns for files."""
    row = published_of(record)
    values = vars(row) if row and is_original(record) else {}
    return {f"published_{key}": values.get(key) for key in Published.__dataclass_fields__}
