"""An interpreter whose steps take longer: what a slower revision of a framework would be."""

import sys
from pathlib import Path

HOOK = """
import importlib.abc, importlib.machinery, sys, time

FACTOR, STEP, NAME, TRAINABLE = {factor}, "{step}_step", "tlbench.worker.device", {trainable}


class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            make = getattr(module, STEP)

            def slower(model, *arguments):
                call = make(model, *arguments)
                if TRAINABLE not in (None, sum(one.value.shape.num_elements() for one in model.trainable_variables)):
                    return call

                def step():
                    begin = time.perf_counter()
                    result = call()
                    end = begin + FACTOR * (time.perf_counter() - begin)
                    while time.perf_counter() < end:
                        pass
                    return result

                return step

            setattr(module, STEP, slower)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Slow())
"""


def slowed_python(folder: Path, factor: float, step: str = "inference", trainable: int | None = None) -> Path:
    """This interpreter, but timed steps of one kind compute `factor` times as long.

    `trainable`: only those of models with so many trainable parameters (on TensorFlow).
    """
    hook = folder / "hook"
    hook.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(HOOK.format(factor=factor, step=step, trainable=trainable))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{hook}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python
