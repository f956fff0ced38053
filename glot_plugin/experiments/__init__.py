"""Whole experiments on the embedded data set: `make demo`, and the ablations of the paper."""
