"""Every test runs on 8 fake CPU devices and under strict broadcasting.

Programs are compiled once for all tests and not optimised, since compiling takes longer than running them.
"""

import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import jax

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

if folder := os.environ.get("ALBERT_JAX_ERRORS"):
    from tests import error_list

    error_list.record(Path(folder))
