"""Recipes: everything that determines a result; forks and sweeps of them; their forms as JSON, PNG and Python."""
