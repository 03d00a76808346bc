"""ALBERT in JAX."""
