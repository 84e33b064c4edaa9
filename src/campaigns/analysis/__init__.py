"""The answer of an experiment: what its launches decided, held against what customers did afterwards."""
