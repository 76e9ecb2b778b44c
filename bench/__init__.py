"""Measurements: the pipeline against the plain command list of the specification, in one run on one machine."""
