"""What a process needs before it imports JAX; what the user has set stays."""

import os
import platform
import sys
from pathlib import Path

LARGE_PAGES = "glibc.malloc.hugetlb=1"  # read by glibc when a process starts, and never again


def prepare():
    """Keeps compiled programs for the next start, and begins anew with memory in large pages.

    Fresh memory in pages of 4 KB costs a training step on a CPU up to a quarter of its time
    (experiments/results/speed.md). Programs are compiled for this machine's processor, so its name
    is part of their folder.
    """
    compiled = Path.home() / ".cache" / "albert_jax" / (platform.node() or "here")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compiled))
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = LARGE_PAGES
        os.execv(sys.executable, sys.orig_argv)
