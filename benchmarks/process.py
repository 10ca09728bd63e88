"""Commands in processes of their own, for the benchmarks that measure whole runs; it stays small, as a child's peak memory counts from its
parent's.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

IMPASTO = str(Path(sys.executable).with_name("impasto"))


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Run a command, and end with its exit code where it fails.

    Returns:
        Its wall-clock seconds, and the most memory it held, in megabytes.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    # Linux counts in units of 1024 bytes, macOS in bytes.
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
