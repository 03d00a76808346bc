"""What a process needs before it imports JAX; what the user has set stays."""

import os
import platform
import sys
from pathlib import Path

MEMORY = ":".join(  # read by glibc when a process starts, and never again
    f"glibc.malloc.{name}"
    for name in ("hugetlb=1", "arena_max=1", "mmap_max=0", f"trim_threshold={2**62}")
)


def prepare():
    """Keeps compiled programs for the next start, and begins anew with memory that is kept.

    A training step on a CPU asks for the same memory again and again. Fresh from the system it costs
    up to a third of the step's time: so pages are of 2 MB, and what is freed stays with the process,
    in one heap for all threads (experiments/results/speed_profile.md). Programs are compiled for
    this machine's processor, so its name is part of their folder.
    """
    compiled = Path.home() / ".cache" / "albert_jax" / (platform.node() or "here")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compiled))
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = MEMORY
        os.execv(sys.executable, sys.orig_argv)
