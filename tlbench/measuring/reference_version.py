"""The version of the reference workload, where the framework need not be imported to read it."""

VERSION = 1
