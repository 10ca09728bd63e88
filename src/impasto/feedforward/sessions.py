"""Networks as ONNX Runtime computes them, without PyTorch: it starts in a tenth of the time."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from impasto.errors import ModelError
from impasto.feedforward import models, onnx
from impasto.feedforward.names import PAINTING, PICTURE, Arrays, Floats

LOGGED = 4  # what is fatal, which is raised as well


class Sessions:
    """A network that ONNX Runtime computes on the CPU: an :class:`impasto.feedforward.names.Engine`.

    Attributes:
        threads: how many it computes with.
    """

    def __init__(self, graph: Callable[[str], bytes], file: str, soon: Sequence[str] = ()) -> None:
        """Make a network ready to compute.

        Args:
            graph: gives the ONNX file of a part, with its weights, when that is needed first.
            file: the model's, to complain by.
            soon: the parts that will be needed, which are made ready while pictures are read.
        """
        self.graph, self.file = graph, file
        self.threads = threads()
        self._sessions: dict[str, Future[Any]] = {}
        self._lock = Lock()
        for part in soon:
            self._begun(part)

    def __call__(self, part: str, given: Arrays) -> dict[str, Floats]:
        """See :class:`impasto.feedforward.names.Engine`.

        Raises:
            ModelError: a file that the runtime can't run.
        """
        session = self._begun(part).result()
        names = [output.name for output in session.get_outputs()]
        try:
            found = session.run(names, {one.name: given[one.name] for one in session.get_inputs()}, _spare())
        except KeyError as error:
            raise ModelError(f"{self.file} asks for {error}, which no model of ours does; `impasto export` writes them") from error
        except Exception as error:
            said = " ".join(str(error).split())
            if any(word in said for word in ("allocate", "bad_alloc", "out of memory")):
                raise MemoryError(said) from error
            raise ModelError(f"{self.file} can't be painted with ({said[:200]}); export it again") from error
        answer = dict(zip(names, found, strict=True))
        if any(getattr(value, "dtype", None) != np.float32 for value in found):
            raise ModelError(f"{self.file} is damaged: what it gives are no numbers of 32 bits; export it again")
        if PAINTING in answer and answer[PAINTING].shape != given[PICTURE].shape:
            raise ModelError(f"{self.file} is damaged: what it paints has another size than the picture; export it again")
        return answer

    def _begun(self, part: str) -> "Future[Any]":
        with self._lock:
            if part not in self._sessions:
                pool = ThreadPoolExecutor(1)
                self._sessions[part] = pool.submit(self._session, part)
                pool.shutdown(wait=False)
            return self._sessions[part]

    def _session(self, part: str) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = LOGGED
        options.enable_mem_pattern = False  # which would take all memory of a run at once, not what it needs at a time
        options.add_session_config_entry("session.use_env_allocators", "1")
        _share_memory()
        try:
            return onnxruntime.InferenceSession(self.graph(part), options, providers=["CPUExecutionProvider"])
        except ModelError:
            raise
        except Exception as error:  # its errors have no public class in common
            said = " ".join(str(error).split())[:200]
            raise ModelError(f"{self.file} can't be run ({said}); name another file, or export it again") from error


@cache
def _share_memory() -> None:
    """Let all networks of this process use the same memory, one after another, in place of some for each."""
    import onnxruntime

    memory = onnxruntime.OrtMemoryInfo("Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT)
    growing = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})  # by as much as is asked for, not by twice as much each time
    onnxruntime.create_and_register_allocator(memory, growing)


@cache
def _spare() -> Any:
    """How a network is run: what memory it took is given back, for whatever comes next."""
    import onnxruntime

    run = onnxruntime.RunOptions()
    run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return run


def threads() -> int:
    """The processors that this process may use, or as many of them as ``OMP_NUM_THREADS`` says."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(int(said), available) if said.isdecimal() and int(said) else available


def graph(kind: str, part: str) -> bytes:
    """The ONNX file, without weights, of a ``part`` of all models of a ``kind``."""
    return (Path(__file__).parent / "graphs" / f"{kind}-{part}.onnx").read_bytes()


def filled(part: str, kind: str, weights: Mapping[str, Floats], said: Mapping[str, str] | None = None) -> bytes:
    """The ONNX file of a ``part`` of a model of some ``kind`` with these ``weights``.

    Args:
        part: ``look`` or ``paint``.
        kind: of model.
        weights: the network's, by their own names.
        said: metadata.

    Raises:
        KeyError: weights that the part needs are missing.
    """
    empty = graph(kind, part)
    known = {f"{onnx.NETWORK}{name}": value for name, value in weights.items()}
    needed = onnx.wanted(empty)
    if any(name.startswith(onnx.ENCODER) for name in needed):
        known |= {f"{onnx.ENCODER}{name}": value for name, value in models.encoder().items()}
    return onnx.joined(empty, {name: known[name] for name in sorted(needed)}, said)
