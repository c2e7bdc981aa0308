"""tlbench: train every Keras backbone with every fine-tuning strategy, measure it, compare it."""

__version__ = "0.1.0"
