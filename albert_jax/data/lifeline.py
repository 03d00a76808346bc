"""What ties a worker process to the process that started it, which may be killed at any moment."""

import multiprocessing
import os
import signal
import threading
from multiprocessing import connection


def attach(*ignored: signal.Signals) -> None:
    """Ends this worker process when its parent is gone.

    Args:
      ignored: signals that are the parent's business. A terminal, `timeout` and a scheduler send
        them to the whole group, and the parent still wants its workers while it saves.
    """
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        connection.wait([parent.sentinel])
    os._exit(1)
