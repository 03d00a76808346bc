"""Text in, numpy batches out. No jax: it runs in worker processes."""
