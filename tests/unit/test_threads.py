"""Threads for batches: as many as torch would use, and torch's own setting comes back."""

import threading

import pytest
import torch
from threadpoolctl import threadpool_info

from polyome._threads import batch_threads, each_alone


def test_fits_run_two_at_once_with_the_linear_algebra_on_one_thread():
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = threading.Barrier(2, timeout=20)

        def run(_):
            together.wait()
            return max(i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas")

        with each_alone() as pool:
            assert list(pool.map(run, range(2))) == [1, 1]
    finally:
        torch.set_num_threads(usual)


def test_each_thread_runs_torch_on_one_core_and_the_setting_comes_back():
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = threading.Barrier(2, timeout=20)  # passes only if two run at once

        def run(_):
            together.wait()
            return torch.get_num_threads()

        with batch_threads(torch.device("cpu")) as pool:
            assert list(pool.map(run, range(2))) == [1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)


def test_the_setting_comes_back_after_an_error():
    usual = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), batch_threads(torch.device("cpu")) as pool:
        list(pool.map(lambda x: 1 / x, [1, 0]))
    assert torch.get_num_threads() == usual


def test_calls_that_overlap_leave_torch_as_it_was():
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first, second = (batch_threads(torch.device("cpu")) for _ in range(2))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_num_threads() == 1
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)
