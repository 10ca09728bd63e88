"""Memory that is kept while painting, and given back."""

import ctypes
import platform
import subprocess
import sys
import threading

import pytest

from impasto.encoders import memory

GLIBC = platform.libc_ver()[0] == "glibc"


def faults(inside: str) -> int:
    """Page faults of filling 64 MB twenty times, in a process of its own; the fewest of three, as the system may take pages away."""
    code = f"""
import contextlib, resource, torch
from impasto.encoders import memory
with {inside}:
    torch.ones(1 << 24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(1 << 24)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    said = (subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout for _ in range(3))
    return min(map(int, said))


@pytest.mark.skipif(not GLIBC, reason="memory is kept only where the C library is glibc")
def test_large_tensors_are_not_cleared_again():
    assert faults("memory.kept()") < 0.1 * faults("contextlib.nullcontext()")


@pytest.mark.skipif(not GLIBC, reason="memory is kept only where the C library is glibc")
def test_memory_is_given_back():
    code = """
import torch
from impasto.encoders import memory
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = held()
with memory.kept():
    torch.ones(1 << 26)
    within = held()
print(within - before, held() - before)
"""
    within, after = map(float, subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    assert within > 250
    assert after < 30


def test_nested_and_threads(monkeypatch):
    """It ends with the last who asked for it, and with an error as without."""
    asked = []
    monkeypatch.setattr(memory, "_ask", asked.append)
    entered, leave = threading.Event(), threading.Event()

    def other():
        with memory.kept():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait()
    with pytest.raises(KeyError), memory.kept(), memory.kept():
        raise KeyError
    assert asked == [memory._KEPT]
    leave.set()
    thread.join()
    assert asked == [memory._KEPT, memory._NORMAL]


@pytest.mark.parametrize("library", [OSError, lambda _: object()])
def test_other_libraries(monkeypatch, library):
    def opened(name):
        if library is OSError:
            raise OSError
        return library(name)

    monkeypatch.setattr(ctypes, "CDLL", opened)
    with memory.kept():
        pass
