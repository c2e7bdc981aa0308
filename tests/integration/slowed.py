"""An interpreter whose steps take longer: what a slower revision of a framework would be."""

import sys
from pathlib import Path

HOOK = """
import importlib.abc, importlib.machinery, sys, time

FACTOR, STEP, NAME = {factor}, "{step}_step", "tlbench.measurement.device"


class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            make = getattr(module, STEP)

            def slower(*arguments):
                call = make(*arguments)

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


def slowed_python(folder: Path, factor: float, step: str = "inference") -> Path:
    """This interpreter, but every timed step of one kind computes `factor` times as long."""
    hook = folder / "hook"
    hook.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(HOOK.format(factor=factor, step=step))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{hook}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python
