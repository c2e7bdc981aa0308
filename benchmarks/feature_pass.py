"""The pass through a frozen backbone, as tlbench runs it, beside Keras' own inference: CPU time an image, in turn.

`python -m benchmarks.feature_pass` takes one small model of each family at its own size, without its classifier, on
TensorFlow: batches of 8 random images through `predict_on_batch`, five pairs. CPU time (user and system) is what a busy
machine leaves comparable; the peak is that of a product of 2048 x 2048 matrices in float32, in the same process.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

SMALL = (
    "VGG16", "ResNet50", "ResNet50V2", "InceptionV3", "InceptionResNetV2", "Xception", "MobileNet", "MobileNetV2",
    "MobileNetV3Small", "DenseNet121", "NASNetMobile", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny",
)  # fmt: skip
BATCH, PAIRS, SIDE = 8, 5, 2048


def main() -> None:
    """Print a Markdown row for each backbone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbones", nargs="*", default=SMALL)
    asked = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from tlbench.worker import settings

    settings.set_all()
    peak = peak_rate()
    print(f"peak: {peak / 1e9:.0f} GFLOP a second of CPU time")
    print("| Backbone | Keras (ms) | tlbench (ms) | Times less | Of the peak | Largest difference |")
    print("|:--|--:|--:|--:|--:|--:|")
    for name in asked.backbones:
        print(row(name, peak), flush=True)


def row(name: str, peak: float) -> str:
    """One line: milliseconds of CPU time an image, medians; the ratio is the median over pairs."""
    import keras
    import numpy as np

    from tlbench.training.depthwise import use_depthwise
    from tlbench.training.fused_norm import fuse_normalization

    plain, ours = built(name), built(name)
    ours.set_weights(plain.get_weights())
    use_depthwise(ours)
    fuse_normalization(ours)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *plain.input_shape[1:]), dtype=np.uint8)
    found = []
    for model in (plain, ours):
        model.compile(jit_compile=False)
        found.append(model.predict_on_batch(images))
    pairs = [
        [cpu_seconds(lambda model=model: model.predict_on_batch(images)) for model in (plain, ours)]
        for _ in range(PAIRS)
    ]
    before, after = (1000 * median(pair[side] for pair in pairs) / BATCH for side in (0, 1))
    flop = operations(name, plain)
    keras.backend.clear_session()
    return (
        f"| {name} | {before:.1f} | {after:.1f} | {median(one / other for one, other in pairs):.1f} "
        f"| {flop / (after / 1000) / peak:.0%} | {np.abs(found[0] - found[1]).max() / np.abs(found[0]).max():.0e} |"
    )


def built(name: str) -> Any:
    """The backbone without its classifier at its own size, with random weights, as a frozen cell has it."""
    from tlbench.backbones import registry
    from tlbench.core.cell import Named
    from tlbench.modeling.assemble import without_top

    return without_top(Named(name=name), Named(name="frozen"), registry.get(name).default_size)


def operations(name: str, model: Any) -> float:
    """Of one image."""
    from tlbench.modeling.flops import flops
    from tlbench.modeling.layers import leaves

    return float(flops(leaves(model)))


def peak_rate() -> float:
    """FLOP a second of CPU time of a matrix product; the best of five."""
    import tensorflow as tf

    first, second = (tf.random.normal((SIDE, SIDE)) for _ in range(2))
    tf.matmul(first, second)
    return 2.0 * SIDE**3 / min(cpu_seconds(lambda: tf.matmul(first, second).numpy()) for _ in range(5))


def cpu_seconds(run: Callable[[], object]) -> float:
    """Seconds of all cores that a call keeps busy."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
