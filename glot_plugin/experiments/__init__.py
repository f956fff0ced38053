"""Complete experiments on the synthetic dataset: `make demo`, and the ablations of the paper."""
