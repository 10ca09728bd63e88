"""ONNX files as we write and read them: a graph without weights, and the weights of a model, put together.

A file is a message of Protocol Buffers, and of two such messages one after another a reader makes one, joining what both say of the
graph. So no library is needed to fill a packaged graph with any model's weights, or to see what a file holds before it is run.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ModelError

Floats = NDArray[np.float32]
NETWORK, ENCODER = "network.", "encoder."  # what the names of their weights begin with in a graph
# Numbers of fields in ONNX's messages.
_GRAPH, _METADATA = 7, 14  # of a model
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # of a graph
_DIMS, _TYPE, _NAME, _RAW, _LOCATION = 1, 2, 8, 9, 14  # of a tensor
_ATTRIBUTE, _DOMAIN = 5, 7  # of a node
_VALUE, _BRANCH, _VALUES, _BRANCHES = 5, 6, 10, 11  # of an attribute: tensors, and graphs within the graph
_FLOAT, _EXTERNAL = 1, 1
OWN = ("", "ai.onnx")  # the domains of operators that every runtime has


def joined(graph: bytes, weights: Mapping[str, Floats], said: Mapping[str, str] | None = None) -> bytes:
    """A graph with its weights.

    Args:
        graph: an ONNX file without them.
        weights: by the names that the graph knows them by; no others.
        said: further metadata.
    """
    tensors = [piece for name, value in weights.items() for piece in _field(_INITIALIZER, *_tensor(name, value))]
    entries = ((*_field(1, key.encode()), *_field(2, value.encode())) for key, value in (said or {}).items())
    metadata = [piece for entry in entries for piece in _field(_METADATA, *entry)]
    return b"".join([graph, *_field(_GRAPH, *tensors), *metadata])


def stripped(model: Any) -> bytes:
    """An ONNX ``model``, as its library knows it, without the weights, and the sizes of one model: those of any are put in later."""
    kept = [one for one in model.graph.initializer if not weight(one.name)]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for value in (*model.graph.input, *model.graph.output):
        for side in value.type.tensor_type.shape.dim:
            side.Clear()
    content: bytes = model.SerializeToString()
    return content


def weight(name: str) -> bool:
    """Whether this is the ``name`` of a weight, which differs from model to model."""
    return name.startswith((NETWORK, ENCODER)) and not name.endswith((".mean", ".deviation"))


def wanted(graph: bytes) -> set[str]:
    """The names of the weights that a ``graph`` is to be filled with."""
    known, used = set(), set()
    for number, value in _fields(graph):
        if number == _GRAPH:
            for inner, part in _fields(value):
                if inner in (_INITIALIZER, _INPUT):
                    known |= {_text(name) for key, name in _fields(part) if key == (_NAME if inner == _INITIALIZER else 1)}
                elif inner == _NODE:
                    used |= {_text(name) for key, name in _fields(part) if key == 1}
    return {name for name in used - known if name.startswith((NETWORK, ENCODER))}


def metadata(content: bytes, file: str) -> dict[str, str]:
    """What an ONNX file says of itself.

    Args:
        content: the file's.
        file: to complain by.

    Raises:
        ModelError: no ONNX file, a truncated one, one whose weights are in another file, or one with operators of its own.
    """
    found: dict[str, str] = {}
    try:
        for number, value in _fields(content):
            if number == _METADATA:
                key, text = (_text(part) for _, part in _fields(value))
                found[key] = text
            if number == _GRAPH:
                _check(value, file)
    except (ValueError, IndexError, TypeError, RecursionError) as error:
        raise ModelError(f"{file} is damaged or no ONNX file; `impasto export` writes them") from error
    return found


def outputs(content: bytes) -> list[str]:
    """The names of what a graph, the ``content`` of an ONNX file, gives."""
    graphs = (value for number, value in _fields(content) if number == _GRAPH)
    found = (part for graph in graphs for inner, part in _fields(graph) if inner == _OUTPUT)
    return [_text(name) for part in found for key, name in _fields(part) if key == 1]


def _check(graph: memoryview, file: str) -> None:
    """Refuse what a ``graph`` of a ``file``, or one within it, must not have: weights in other files, operators of its own."""
    for number, part in _fields(graph):
        if number == _INITIALIZER:
            _check_tensor(part, file)
        elif number == _NODE:
            for key, value in _fields(part):
                if key == _DOMAIN and _text(value) not in OWN:
                    raise ModelError(f"{file} needs operators of {_text(value)}, which not every runtime has; name one that doesn't")
                for kind, held in _fields(value) if key == _ATTRIBUTE else ():
                    if kind in (_BRANCH, _BRANCHES):
                        _check(held, file)
                    elif kind in (_VALUE, _VALUES):
                        _check_tensor(held, file)


def _check_tensor(tensor: memoryview, file: str) -> None:
    if any(key == _LOCATION and value == _EXTERNAL for key, value in _fields(tensor)):
        raise ModelError(f"{file} keeps its weights in another file; name one that holds them")


def _fields(message: bytes | memoryview) -> Iterator[tuple[int, Any]]:
    """The fields of a ``message``: their numbers, with a whole number or the bytes that each holds."""
    content, place = memoryview(message), 0

    def whole() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = content[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError

    while place < len(content):
        key = whole()
        number, kind = key >> 3, key & 7
        if kind == 0:
            yield number, whole()
            continue
        size = {1: 8, 2: -1, 5: 4}[kind] if kind in (1, 2, 5) else 0
        size = whole() if size == -1 else size
        if (size == 0 and kind != 2) or place + size > len(content):
            raise ValueError
        yield number, content[place : place + size]
        place += size


def _text(value: Any) -> str:
    return str(value, "utf-8")  # of a number, in a damaged file, a TypeError


def _tensor(name: str, value: Floats) -> Iterator[bytes | memoryview]:
    for side in value.shape:
        yield _whole(_DIMS << 3) + _whole(side)
    yield _whole(_TYPE << 3) + _whole(_FLOAT)
    yield from _field(_NAME, name.encode())
    yield from _field(_RAW, np.ascontiguousarray(value, "<f4").reshape(-1).view(np.uint8).data)


def _field(number: int, *content: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """A field with its ``content``, in pieces, so that weights are copied only once, when they are joined."""
    yield _whole(number << 3 | 2) + _whole(sum(map(len, content)))
    yield from content


def _whole(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
