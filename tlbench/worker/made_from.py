"""Everything that cached features depend on besides split and cut. Together it is part of their key."""

import json
from importlib import import_module

import keras

from tlbench.backbones import registry as backbones
from tlbench.core.image_size import brief
from tlbench.core.plugins import code_of, version_of
from tlbench.core.version import __version__
from tlbench.datasets import decode
from tlbench.execution.job import Job
from tlbench.execution.plugins import of_backbone
from tlbench.worker import device


def made_from(job: Job, jit: bool) -> dict[str, str]:
    """What the features depend on, by name, for the key of a cache entry and for readers of its manifest.

    It includes the device, because a GPU may multiply in TF32; `jit` as it is used, not as the cell asks; and the code
    of the backbone, which may come from another package or a plugin file. Pooling is part of the cut instead.
    """
    cell, data, info = job.cell, job.images, backbones.of(job.cell.backbone)
    resize = {} if cell.resize == "stretch" else {"resize": cell.resize}
    backend = f"{cell.backend} {import_module(cell.backend).__version__}"
    plugins = of_backbone(cell)
    package = {} if info.needs is None else {"package": f"{info.needs[0]} {version_of(info.needs[0])}"}
    return {
        **({"plugins": json.dumps(plugins.digests | plugins.versions)} if plugins.digests else {}),
        **package,
        "backbone": cell.backbone.label,
        "constructor": f"{info.constructor} {code_of(info.constructor.partition(':')[0])}",
        "scaling": str(info.scaling),
        "weights": job.weights.sha256 or f"random, seed {cell.seed}",
        "data set": data.name,
        "data": data.fingerprint,
        "decoder": str(decode.VERSION),
        "image size": brief(cell.image_size),
        **resize,
        "precision": cell.precision,
        "device": device.describe()["name"],
        "jit": "on" if jit else "off",
        "made by": f"tlbench {__version__}, keras {keras.__version__}, {backend}",
    }
