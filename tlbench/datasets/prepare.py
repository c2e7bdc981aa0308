"""Images of a data set as uint8 arrays on disk, decoded once."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import decode as decoder
from tlbench.datasets import synthetic
from tlbench.datasets.build import Built, build_real, build_synthetic
from tlbench.datasets.layout import Layout, SplitRule, read_layout
from tlbench.datasets.locate import Located, locate
from tlbench.datasets.registry import classes_of
from tlbench.datasets.source import ArraySplit, DataSource

MANIFEST = "manifest.json"
OnDecode = Callable[[str, int, int], None]


def prepare(
    dataset: Named,
    limit: Limit,
    image_size: int,
    *,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    progress: OnDecode | None = None,
) -> DataSource:
    """Find the data set, decode what `limit` takes of it to `image_size`, and keep the arrays under `cache`.

    Looked at are `path`, ``root/<name>`` and the cache; then the synthetic generator draws where `fallback_synthetic`
    allows it, else the public archive is fetched. A second call with the same files reads a manifest only.
    Safe for several processes.
    Raises UserError for a data set that is nowhere, has too few classes, or more than 5 % files that are no images.
    """

    def on_bytes(done: int, total: int | None) -> None:
        if progress:
            progress(f"{dataset.name} (fetching, MB)", done >> 20, (total or 0) >> 20)

    located = locate(
        dataset, root=root, path=path, cache=cache, fallback_synthetic=fallback_synthetic, on_bytes=on_bytes
    )
    layout = read_layout(located.folder, _rule(dataset)) if located.folder else None
    if layout:
        _check_known_classes(dataset, located, layout)
    entry = cache / "decoded" / _key(dataset, located, layout, limit, image_size)
    entry.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{entry}.lock"):
        built = _read(entry)
        if built is None:
            built = _build(dataset, located, layout, limit, image_size, entry, progress)
    return DataSource(
        name=dataset.label,
        classes=built.classes,
        source="real" if located.folder is not None else "synthetic",
        fallback=located.fallback,
        fingerprint=built.fingerprint,
        splits={
            split: ArraySplit(entry / f"{split}.images", entry / f"{split}.labels", image_size, counts)
            for split, counts in built.counts.items()
        },
        skipped=built.skipped,
        audit=built.audit,
    )


def _rule(dataset: Named) -> SplitRule:
    args = dataset.args
    return SplitRule(
        validation=float(args.get("validation") or 0.15),
        test=float(args.get("test") or 0.15),
        seed=int(args.get("split_seed") or 0),
    )


def _check_known_classes(dataset: Named, located: Located, layout: Layout) -> None:
    known = classes_of(dataset.name)
    if known and layout.classes != known:
        raise UserError(
            f"{located.folder} has the classes {', '.join(layout.classes)}; {dataset.name} has {', '.join(known)}"
        )


def _key(dataset: Named, located: Located, layout: Layout | None, limit: Limit, image_size: int) -> str:
    """Changes when a file, its size or its time changes, and with all that decides which pixels come out."""
    parts: list[object] = [image_size, limit.model_dump(), decoder.VERSION]
    if layout is None:
        parts += [synthetic.VERSION, located.classes]
    else:
        parts += [str(layout.folder.resolve()), _rule(dataset).__dict__]
        for split, classes in layout.files.items():
            for name, files in classes.items():
                for file in files:
                    status = (layout.folder / file).stat()
                    parts.append((split, name, file, status.st_size, status.st_mtime_ns))
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _read(entry: Path) -> Built | None:
    """The finished entry; None where there is none or its arrays are not of the size its manifest says."""
    try:
        built = Built.model_validate_json((entry / MANIFEST).read_bytes())
        sizes = {name: (entry / name).stat().st_size for name in built.sizes}
    except (OSError, ValueError):
        return None
    return built if sizes == built.sizes else None


def _build(
    dataset: Named,
    located: Located,
    layout: Layout | None,
    limit: Limit,
    image_size: int,
    entry: Path,
    progress: OnDecode | None,
) -> Built:
    shutil.rmtree(entry, ignore_errors=True)
    target = Path(tempfile.mkdtemp(prefix=".building-", dir=entry.parent))
    tell = (lambda done, total: progress(dataset.label, done, total)) if progress else (lambda done, total: None)
    try:
        if layout is None:
            built = build_synthetic(located.classes, limit, image_size, target, tell)
        else:
            built = build_real(layout, limit, image_size, target, tell)
        (target / MANIFEST).write_text(built.model_dump_json(), encoding="utf-8")
        target.rename(entry)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return built
