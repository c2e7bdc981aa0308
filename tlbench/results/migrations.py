"""Records of older schemas, brought up to today's: one function for each step.

`MIGRATIONS[n]` takes the content of a record of schema n (without its checksum) and returns that of schema n + 1.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tlbench.errors import UserError
from tlbench.results.record import SCHEMA_VERSION

Content = dict[str, Any]
Migrations = Mapping[int, Callable[[Content], Content]]

MIGRATIONS: Migrations = {}


class RecordTooNewError(UserError):
    """A record of a schema that this version of tlbench does not know."""


def migrate(content: Content, migrations: Migrations = MIGRATIONS, current: int = SCHEMA_VERSION) -> Content:
    """Bring `content` to schema `current`.

    Raises RecordTooNewError for a newer schema, ValueError where `schema_version` is missing, is no number or
    has no way up.
    """
    version = content.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError("it has no schema_version")
    if version > current:
        raise RecordTooNewError(
            f"schema {version} is newer than schema {current}, the newest this tlbench reads; upgrade tlbench"
        )
    while version < current:
        if version not in migrations:
            raise ValueError(f"schema {version} is unknown")
        content = {**migrations[version](content), "schema_version": version + 1}
        version += 1
    return content
