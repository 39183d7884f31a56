"""Recipes: everything that determines a result; forks and sweeps of them; what they look like as JSON, PNG and Python."""
