"""Speed and memory, each against a naive twin in the same run."""
