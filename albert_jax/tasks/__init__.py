"""Tasks: examples -> items -> predictions -> the official metric. No jax."""
