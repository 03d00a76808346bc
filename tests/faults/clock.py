"""`albert-jax ARGUMENTS` by a wrong clock: python -m tests.faults.clock AHEAD DRIFT ARGUMENTS.

AHEAD: seconds that the wall clock is ahead. DRIFT: seconds that it jumps at every look at it.
"""

import itertools
import sys
import time


def wrong(tell, ahead, drift):
    """A clock that is ahead and jumps; in the unit of the true one."""
    looks = itertools.count()
    return lambda: tell() + ahead + drift * next(looks)


if __name__ == "__main__":
    ahead, drift = int(sys.argv.pop(1)), int(sys.argv.pop(1))
    time.time = wrong(time.time, ahead, drift)
    time.time_ns = wrong(time.time_ns, ahead * 10**9, drift * 10**9)
    from albert_jax import __main__

    __main__.main()
