"""What the benchmarks of the residents' way in share: a cheap client, a count of CPU seconds, servers to compare."""
