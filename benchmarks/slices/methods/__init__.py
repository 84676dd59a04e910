"""Methods: ways to discover slices, one file each; all are given the same answers and return as many slices."""
