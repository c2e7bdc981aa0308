"""The suite: a YAML file that spans a matrix of cells."""
