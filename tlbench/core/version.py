"""The version of tlbench; here, so that every room may know it."""

__version__ = "0.2.0.dev0"
