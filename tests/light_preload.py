"""What the fork server imports, with nothing in the place of the framework and of what needs it: all else it does."""

import importlib
import sys
from types import ModuleType

from tlbench.execution.entry_points import PRELOAD, RUN_GROUP, SERVE_TIMER

HEAVY = ("keras", "keras.applications", *(name.partition(":")[0] for name in (RUN_GROUP, SERVE_TIMER)))

sys.modules.update({name: ModuleType(name) for name in HEAVY})
importlib.import_module(PRELOAD)
for name in HEAVY:
    del sys.modules[name]
