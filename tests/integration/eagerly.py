"""Training without traced functions, in a worker: minutes less for a large model that takes one step."""

from tlbench.execution.job import Group
from tlbench.worker import train
from tlbench.worker.train import Send


def run_group(group: Group, send: Send) -> None:
    """`tlbench.worker.train.run_group`, each operation executed as it is called."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    train.run_group(group, send)
