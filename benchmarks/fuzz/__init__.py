"""A fuzzer for the loaders and the chunker; ``python -m benchmarks.fuzz --help``."""
