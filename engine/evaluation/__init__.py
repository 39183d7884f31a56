"""How good a model is, with uncertainty: quality, likelihood, memorization; grids of measurements; model cards."""
