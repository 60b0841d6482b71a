"""Benchmarks of the whole system on its real parts: `make bench`."""
