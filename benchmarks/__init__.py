"""How fast a launch is, against what an expert would do by hand: `python -m benchmarks`, see docs/performance.md."""
