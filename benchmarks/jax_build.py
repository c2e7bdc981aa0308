"""What building a model costs JAX where Keras draws its initial weights, and where NumPy does.

    python -m benchmarks.jax_build [--pairs 5] [BACKBONE ...]

in an environment with JAX. Each build has a process of its own and no cache of compiled programs; both ways take turns.
Seconds without the imports, as geometric means, and their ratio with its 95 % interval (Student's, of the logarithms).
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time

from benchmarks.against_a_loop import ratio

WAYS = ("Keras", "NumPy")


def main() -> None:
    """Print a line of Markdown for each backbone, or the seconds of one build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbones", nargs="*", default=["MobileNetV3Small", "DenseNet121"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(build(asked.backbones[0], asked.way))
        return
    print("| Backbone | Keras (s) | NumPy (s) | times faster |\n|:--|--:|--:|--:|", flush=True)
    for name in asked.backbones:
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        for pair in range(asked.pairs):
            for way in WAYS if pair % 2 else reversed(WAYS):
                taken[way].append(in_a_process(name, way))
        print(line(name, *taken.values()), flush=True)


def in_a_process(name: str, way: str) -> float:
    """Seconds of one build."""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-m", "benchmarks.jax_build", name, "--way", way]
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(answer.stdout.splitlines()[-1])


def build(name: str, way: str) -> float:
    """Build a backbone in this process; its seconds."""
    import keras

    from tlbench.modeling.initial_weights import any_initial_weights

    begin = time.perf_counter()
    with any_initial_weights() if way == "NumPy" else contextlib.nullcontext():
        getattr(keras.applications, name)(weights=None)
    return time.perf_counter() - begin


def line(name: str, keras_draws: list[float], numpy_draws: list[float]) -> str:
    """``| MobileNetV3Small | 15.7 | 1.8 | 8.5 (7.2 to 10.0) |``."""
    means = [statistics.geometric_mean(side) for side in (keras_draws, numpy_draws)]
    return f"| {name} | {means[0]:.1f} | {means[1]:.1f} | {ratio(keras_draws, numpy_draws)} |"


if __name__ == "__main__":
    main()
