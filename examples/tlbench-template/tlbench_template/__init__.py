"""What this package adds to tlbench: one file each, named in pyproject.toml."""
