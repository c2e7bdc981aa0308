"""What another package adds to tlbench: one file each. It is installed by laying this folder on the path."""
