"""tlbench: train, measure and compare Keras backbones with fine-tuning strategies.

The Python API is described in docs/api.md::

    import tlbench

    done = tlbench.run("suites/small.yaml", select="strategy=frozen")
    done.frame                                       # a pandas DataFrame with one row per selected cell
    tlbench.load("results/small").frame              # the same for an earlier run
    tlbench.compare("baselines/small.json", done)    # has anything got worse?

``import tlbench`` is fast: dependencies are imported when a public name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tlbench.core.version import __version__

if TYPE_CHECKING:
    from tlbench.core.errors import UserError
    from tlbench.regression.comparison import Comparison
    from tlbench.reporting.report import Report
    from tlbench.results.deployment import Deployment
    from tlbench.session.compare import compare
    from tlbench.session.deploy import deploy
    from tlbench.session.events import Events, Silent
    from tlbench.session.plan import Plan, plan
    from tlbench.session.predict import Predictions, classify, predict
    from tlbench.session.report import load
    from tlbench.session.run import CompletedRun, run

__all__ = [
    "Comparison",
    "CompletedRun",
    "Deployment",
    "Events",
    "Plan",
    "Predictions",
    "Report",
    "Silent",
    "UserError",
    "__version__",
    "classify",
    "compare",
    "deploy",
    "load",
    "plan",
    "predict",
    "run",
]

_MODULES = {
    "Comparison": "tlbench.regression.comparison",
    "CompletedRun": "tlbench.session.run",
    "Deployment": "tlbench.results.deployment",
    "Events": "tlbench.session.events",
    "Plan": "tlbench.session.plan",
    "Predictions": "tlbench.session.predict",
    "Report": "tlbench.reporting.report",
    "Silent": "tlbench.session.events",
    "UserError": "tlbench.core.errors",
    "classify": "tlbench.session.predict",
    "compare": "tlbench.session.compare",
    "deploy": "tlbench.session.deploy",
    "load": "tlbench.session.report",
    "plan": "tlbench.session.plan",
    "predict": "tlbench.session.predict",
    "run": "tlbench.session.run",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'tlbench' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
