"""What the fork server imports once for all children. It must run no operation: threads do not survive a fork."""

import keras
import keras.applications  # noqa: F401

import tlbench.execution.worker

assert keras.__version__
assert tlbench.execution.worker
