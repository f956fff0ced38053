"""Speed and memory, each against a naive baseline in the same run."""
