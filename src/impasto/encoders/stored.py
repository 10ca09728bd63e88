"""Weights files: safetensors and both of torch's own formats, read a tensor at a time and written the same way.

A classifier is four fifths of VGG19's file, so nothing here brings a whole file into memory.
"""

import io
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.errors import EncoderError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\x0a"  # a pickled long integer, torch's magic number
_LARGE = 1 << 16


@dataclass(frozen=True)
class Parameter:
    """One array that a network needs: its own name, the layer it belongs to, its shape, and torchvision's name for it."""

    name: str
    layer: str
    shape: tuple[int, ...]
    torchvision: str


@dataclass(frozen=True)
class Stored:
    """An open weights file.

    Attributes:
        file: where it is.
        names: the arrays in it.
        metadata: what a safetensors file says of itself; nothing in other formats.
        take: reads an array by name, once.
    """

    file: Path
    names: Collection[str]
    metadata: Mapping[str, str]
    take: Callable[[str], Tensor]

    def is_ours(self, parameters: Sequence[Parameter]) -> bool:
        """Whether the network of these ``parameters`` has our names in this file."""
        return parameters[0].name in self.names

    def key(self, parameter: Parameter) -> str:
        """The name that ``parameter`` has, or would have, in this file."""
        return parameter.name if parameter.name in self.names else parameter.torchvision

    def beginning(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        """The first of ``parameters``, up to the first that isn't in this file."""
        lacking = (number for number, parameter in enumerate(parameters) if self.key(parameter) not in self.names)
        return parameters[: next(lacking, len(parameters))]

    def foreign(self, parameters: Sequence[Parameter]) -> str | None:
        """A layer in torchvision's layout that the network of these ``parameters`` doesn't have, if this file has one.

        ResNet-101 has all of ResNet-50's layers, and others between them.
        """
        expected = {parameter.torchvision for parameter in parameters}
        layers = (name for name in self.names if name.startswith(("features.", "layer")) and not name.endswith(".num_batches_tracked"))
        return min((name for name in layers if name not in expected), default=None)

    def read(self, parameter: Parameter) -> Tensor:
        """The array of ``parameter``.

        Raises:
            EncoderError: its shape is of another network.
        """
        key = self.key(parameter)
        value = self.take(key)
        if value.shape != parameter.shape:
            shapes = f"is {list(value.shape)}, not {list(parameter.shape)}"
            raise EncoderError(f"{self.file}: {key} {shapes}; it holds the weights of another network")
        return value


@contextmanager
def opened(file: Path) -> Iterator[Stored]:
    """Open a weights file: safetensors, or a state dict saved by torch; nothing else in it is ever unpickled.

    Args:
        file: the file; its content says which format it is in.

    Raises:
        EncoderError: a file that is missing, unreadable or damaged.
    """
    with stream(file) as source:
        beginning = source.read(len(_ZIP))
        source.seek(0)
        if beginning in (_ZIP, _LEGACY):
            yield _torch(file, source, zipped=beginning == _ZIP)
            return
    try:
        tensors = safe_open(file, framework="pt")
    except (SafetensorError, OSError) as error:
        raise EncoderError(_damaged(file)) from error
    with tensors:
        yield Stored(file, frozenset(tensors.keys()), tensors.metadata() or {}, tensors.get_tensor)  # type: ignore[no-untyped-call]


def stream(file: Path) -> io.BufferedReader:
    """The bytes of a weights file.

    Args:
        file: the file.

    Raises:
        EncoderError: it is missing or unreadable.
    """
    try:
        return file.open("rb")
    except FileNotFoundError as error:
        raise EncoderError(f"{file} doesn't exist; check the path of the encoder's weights") from error
    except OSError as error:
        raise EncoderError(f"{file} can't be read ({error.strerror}); name a .safetensors or .pth file of weights") from error


def write(file: Path, shapes: Mapping[str, tuple[int, ...]], take: Callable[[str], Tensor], metadata: Mapping[str, str]) -> None:
    """Write float32 arrays into a safetensors file that is either whole or not there.

    Args:
        file: the file.
        shapes: the arrays' names and shapes.
        take: makes an array by name; they are asked for one after another.
        metadata: what the file is to say of itself.

    Raises:
        OSError: the disk is full or the folder can't be written.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    unfinished = file.with_name(f"{file.name}.part")
    try:
        with unfinished.open("wb") as target:
            target.write(len(text).to_bytes(8, "little") + text)
            for name in shapes:
                target.write(take(name).float().contiguous().numpy().astype("<f4", copy=False).data)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _damaged(file: Path) -> str:
    return f"{file} is not a whole weights file; get a fresh copy, .safetensors or .pth"


def _torch(file: Path, source: io.BufferedReader, *, zipped: bool) -> Stored:
    lazy = _Lazy(source)
    try:
        state = torch.load(file, "cpu", weights_only=True, mmap=True) if zipped else torch.load(lazy, "cpu", weights_only=True)  # type: ignore[arg-type]
    except Exception as error:  # a damaged pickle can end in any error at all
        raise EncoderError(_damaged(file)) from error
    if not isinstance(state, dict):
        raise EncoderError(f"{file} holds no state dict; name a file that holds a network's weights by name")
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    # Taken out, so that a tensor's memory is free again once it has been used.
    del state
    return Stored(file, frozenset(tensors), {}, lambda name: lazy.complete(tensors.pop(name)))


class _Lazy(io.RawIOBase):
    """A file of torch's old format whose large blocks are passed over, and read once their tensor is wanted.

    The old format can only be read from end to end. Torch sets memory aside for each storage and asks the file to fill
    it. Memory that nobody fills is never really handed out by the system.
    """

    def __init__(self, source: io.BufferedReader) -> None:
        self.source = source
        self.size = os.fstat(source.fileno()).st_size
        self.places: dict[int, int] = {}  # of the blocks passed over in the file, by their address in memory

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.source.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.source.seek(offset, whence)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        block = memoryview(buffer).cast("B")
        if block.nbytes < _LARGE:
            return self.source.readinto(block)
        place = self.tell()
        if place + block.nbytes > self.size:
            return 0
        self.places[torch.frombuffer(block, dtype=torch.uint8).data_ptr()] = place
        self.seek(place + block.nbytes)
        return block.nbytes

    def complete(self, tensor: Tensor) -> Tensor:
        """Read what was passed over of a tensor's storage, if it was."""
        storage = tensor.untyped_storage()
        place = self.places.pop(storage.data_ptr(), None)
        if place is not None:
            self.seek(place)
            self.source.readinto(torch.empty(0, dtype=torch.uint8).set_(storage).numpy().data)
        return tensor
