"""Measurements of this project on the machine at hand: `python -m benchmarks pages` and `python -m benchmarks sampler`.

Nothing here is imported by the engine or the playground.
"""
