"""Work of other rooms, and of rooms above, that is found by its name in the process that does it.

A child or another interpreter imports what is named here; the parent, which imports no framework, only passes the name.
All names stand in this file, and a test finds each.
"""

RUN_GROUP = "tlbench.worker.train:run_group"
"""Train the cells of a `Group`."""
OPEN_TIMER = "tlbench.worker.timer:open_timer"
"""Build what a `TimerJob` names, in this process."""
SERVE_TIMER = "tlbench.worker.timer:serve"
"""The same in a child, which then answers for each turn."""
INSPECT = "tlbench.worker.inspection:inspect"
"""Count a model, for `tlbench inspect`."""
PREDICT = "tlbench.worker.prediction:predict"
"""Open a kept model and show it image files, for `tlbench predict`."""
CLASSIFY = "tlbench.worker.prediction:classify"
"""Show image files to an original classifier, for `tlbench classify`."""
REFERENCE_READINGS = "tlbench.worker.reference:readings"
"""Run the reference workload for a while, for `tlbench doctor`."""
PRELOAD = "tlbench.worker.preload"
"""What the fork server imports before it forks children."""
SIDE_HOST = "tlbench.sides.host"
"""The program that hosts models in another environment."""
