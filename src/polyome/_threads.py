"""Several batches at once: one thread each, instead of several threads on each small matrix."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def batch_threads(device: torch.device) -> Iterator[ThreadPoolExecutor]:
    """Give threads that each run whole batches by themselves.

    As many as torch would use (``OMP_NUM_THREADS``), one on a GPU. Torch's own threads, which share
    each small matrix, gain little at hidden size 64 and lose much where other programs run; threads
    of Python take turns only between torch's operations, and need no second copy of the model.

    Examples
    --------
    >>> with batch_threads(torch.device("cpu")) as pool:
    ...     list(pool.map(lambda start: start + 1, [0, 10]))
    [1, 11]
    """
    usual = _lower()
    number = usual if device.type == "cpu" else 1
    pool = ThreadPoolExecutor(number, "polyome", lambda: torch.set_num_threads(1))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        _restore()


@dataclass
class _Lowered:
    """How many calls run batches now, and torch's number of threads before the first of them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    calls: int = 0
    usual: int = 1


_LOWERED = _Lowered()


def _lower() -> int:
    with _LOWERED.lock:
        if not _LOWERED.calls:
            _LOWERED.usual = torch.get_num_threads()
        _LOWERED.calls += 1
        torch.set_num_threads(1)
        return _LOWERED.usual


def _restore() -> None:
    with _LOWERED.lock:
        _LOWERED.calls -= 1
        if not _LOWERED.calls:
            torch.set_num_threads(_LOWERED.usual)


@contextmanager
def each_alone() -> Iterator[ThreadPoolExecutor]:
    """Give threads that each fit by themselves, with the linear algebra on one thread.

    Examples
    --------
    >>> with each_alone() as pool:
    ...     list(pool.map(abs, [-1, 1]))
    [1, 1]
    """
    # In this order: the limit also tells torch that there is but one thread.
    with batch_threads(torch.device("cpu")) as pool, threadpool_limits(1):
        yield pool
