"""Benchmarks of Penstock against nginx and HAProxy; `python benchmarks/run.py` or `python -m benchmarks`."""
