"""The plugins that a cell uses, and whether their code has changed since a record was made."""

from importlib.metadata import EntryPoint

from tlbench.backbones import registry as backbones
from tlbench.core import plugin_code, plugin_files
from tlbench.core.cell import Cell
from tlbench.core.plugin_code import Code
from tlbench.datasets.registry import DATASETS
from tlbench.heads.registry import HEADS
from tlbench.results.record import Record
from tlbench.strategies.registry import STRATEGIES


class Plugins:
    """The code of plugins as it is at first use: of all plugin files, and of the packages that a cell uses.

    Plugin files count for every cell, since the user has named them. Packages are merely installed, so they count for
    cells with a backbone, data set, head or strategy of theirs.
    """

    def __init__(self) -> None:
        self._files = plugin_code.of_files()
        self._numbers = plugin_code.of_files(plugin_files.NUMBERS)
        self._packages: dict[tuple[str, ...], Code] = {}

    def of(self, cell: Cell) -> Code:
        """The code for the record of a cell."""
        return self._files | self._of_packages(cell)

    def same(self, record: Record) -> bool:
        """Whether no plugin that affects the numbers of a record has changed since it was made.

        A file with an unknown name is a new plugin, unless a file of the record is missing: then it must have the
        content of one of the record's files (it was renamed), since otherwise it may be the missing one, renamed and
        changed. The same holds for packages. Records of before 0.2 name no packages.
        """
        packages = self._of_packages(record.cell).digests
        then, now = record.environment.plugins, self._files.digests | packages
        missing = then.keys() - now.keys()
        return all(
            sha256 == then[name] if name in then else not missing or sha256 in then.values()
            for name, sha256 in (self._numbers.digests | packages).items()
        )

    def _of_packages(self, cell: Cell) -> Code:
        key = (cell.backbone.name, cell.dataset.name, cell.head.name, cell.strategy.name)
        if key not in self._packages:
            found = Code()
            for point in _points(cell):
                found |= plugin_code.of_point(point)
            self._packages[key] = found
        return self._packages[key]


def of_backbone(cell: Cell) -> Code:
    """The code of plugins that the features of a frozen backbone may depend on, besides its constructor's."""
    found, point = plugin_code.of_files(["tlbench.backbones"]), backbones.package_of(cell.backbone.name)
    return found | plugin_code.of_point(point) if point else found


def _points(cell: Cell) -> list[EntryPoint]:
    """The entry points of packages that a cell uses."""
    points = (
        backbones.package_of(cell.backbone.name),
        DATASETS.package_of(cell.dataset.name),
        HEADS.package_of(cell.head.name),
        STRATEGIES.package_of(cell.strategy.name),
    )
    return [point for point in points if point is not None]
