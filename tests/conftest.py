"""What these tests share: seeded random weights in torchvision's layout, and a server that hands out files badly.

Published networks are an eighth as wide here, which shows the same in a fiftieth of the time. At their full width they are slow.
"""

import contextlib
import hashlib
import http.server
import io
import os
import threading
from dataclasses import replace

import pytest

# Before torch and numba are imported. Most of what is computed here is so small that further threads only wait for it, and waiting,
# too, takes a core. Numba keeps two, so that what must not depend on their number can be told.
for _name, _value in {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "NUMBA_NUM_THREADS": "2"}.items():
    os.environ.setdefault(_name, _value)

# ruff: noqa: E402
import torch

from impasto import encoders
from impasto.encoders import download, resnet, vgg, weights

NARROW = 8

CHANNELS = {
    "vgg19": (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"),
    "vgg16": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
}
BLOCKS = (("layer1", 3, 64, 256), ("layer2", 4, 128, 512), ("layer3", 6, 256, 1024), ("layer4", 3, 512, 2048))


def vgg_weights(channels, generator, by):
    """Weights that keep the size of the activations, with the classifier's first layer cut small."""
    state, before, number = {}, 3, 0
    for full in channels:
        if full == "M":
            number += 1
            continue
        width = full // by
        state[f"features.{number}.weight"] = torch.randn(width, before, 3, 3, generator=generator) * (2 / (9 * before)) ** 0.5
        state[f"features.{number}.bias"] = torch.randn(width, generator=generator) * 0.1
        before, number = width, number + 2
    state["classifier.0.weight"] = torch.zeros(8, before)
    return state


def resnet50_weights(generator, by):
    """The first convolution keeps its width, since nothing but the others' costs much."""
    state = {}

    def convolution(name, *shape):
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5

    def normalisation(name, width):
        state[f"{name}.weight"] = torch.rand(width, generator=generator) + 0.5
        state[f"{name}.bias"] = torch.randn(width, generator=generator) * 0.1
        state[f"{name}.running_mean"] = torch.randn(width, generator=generator) * 0.1
        state[f"{name}.running_var"] = torch.rand(width, generator=generator) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    convolution("conv1", 64, 3, 7, 7)
    normalisation("bn1", 64)
    before = 64
    for layer, count, full, full_out in BLOCKS:
        width, out = full // by, full_out // by
        for block in range(count):
            name = f"{layer}.{block}"
            for number, shape in enumerate(((width, before, 1, 1), (width, width, 3, 3), (out, width, 1, 1)), start=1):
                convolution(f"{name}.conv{number}", *shape)
                normalisation(f"{name}.bn{number}", shape[0])
            if block == 0:
                convolution(f"{name}.downsample.0", out, before, 1, 1)
                normalisation(f"{name}.downsample.1", out)
            before = out
    state["fc.weight"] = torch.zeros(10, before)
    return state


def pytest_collection_modifyitems(items):
    """What Numba compiles comes first, and what it needs in passing last, when that is kept on the disk."""
    turns = {"classic": 0, "evaluate": 2, "cli": 3, "test_renderings.py": 3}
    items.sort(key=lambda item: turns.get(item.nodeid.removeprefix("tests/").partition("/")[0].partition("::")[0], 1))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests stay together, and all of `classic`: processes at the same time would compile much of it again."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return "classic" if "tests/classic/" in nodeid else super()._split_scope(nodeid)

    return Scheduling(config, log)


@contextlib.contextmanager
def narrowed(by):
    """Published networks that much narrower, but for the first convolution of ResNet-50."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("VGG19", "VGG16"):
            full = getattr(vgg, name)
            narrow = replace(full, channels=tuple(tuple(width // by for width in block) for block in full.channels))
            patch.setattr(encoders, name, narrow)
            patch.setitem(weights.OFFICIAL, name.lower(), replace(weights.OFFICIAL[name.lower()], parameters=narrow.parameters))
        patch.setattr(resnet, "_WIDTHS", {layer: width // by for layer, width in resnet._WIDTHS.items()})
        patch.setattr(resnet, "PARAMETERS", tuple(resnet._parameters()))
        patch.setitem(weights.OFFICIAL, "resnet50", replace(weights.OFFICIAL["resnet50"], parameters=resnet.PARAMETERS))
        yield


@pytest.fixture(scope="session")
def narrow(request):
    """By how much published networks are narrower."""
    return getattr(request, "param", NARROW)


@pytest.fixture(autouse=True)
def narrowing(request):
    """They are as wide as the weights that a test uses."""
    with narrowed(request.getfixturevalue("narrow")) if "narrow" in request.fixturenames else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def states(narrow):
    """``{encoder: state dict}`` in torchvision's layout."""
    generator = torch.Generator().manual_seed(0)
    vggs = {name: vgg_weights(channels, generator, narrow) for name, channels in CHANNELS.items()}
    return {**vggs, "resnet50": resnet50_weights(generator, narrow)}


@pytest.fixture(scope="session")
def files(states, tmp_path_factory):
    """``{encoder: file}``, one of them in torch's old format."""
    folder = tmp_path_factory.mktemp("weights")
    for name, state in states.items():
        torch.save(state, folder / f"{name}.pth", _use_new_zipfile_serialization=name != "vgg16")
    return {name: folder / f"{name}.pth" for name in states}


class Server:
    """A web server with one file, and bad habits to choose from.

    Attributes:
        content: what it serves, at any path.
        status: what it answers instead, where it is set.
        tag: the file's ETag; none is sent where it is empty.
        ranges: whether it honours them.
        wrong: bytes by which the part it sends begins later than was asked for.
        cut: bytes after which it hangs up, of each answer.
        stall: whether it falls silent there before it hangs up.
        slow: seconds between blocks of a sixteenth of the file.
        length: what it says the length is; the truth where it is None, nothing where it is 0.
        requests: the headers of every request so far.
    """

    def __init__(self):
        server = self
        self.content, self.status, self.tag, self.ranges, self.wrong = b"", 0, "", True, 0
        self.cut, self.stall, self.slow, self.length = None, False, 0.0, None
        self.requests, self.over = [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(dict(self.headers))
                server.answer(self)

            def log_message(self, *_):
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.listener.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.listener.server_port}"
        threading.Thread(target=self.listener.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, to):
        if self.status:
            to.send_error(self.status)
            return
        begin, tag = 0, to.headers.get("If-Range")
        if self.ranges and "Range" in to.headers and tag in (None, self.tag):
            begin = int(to.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if begin >= len(self.content):
                to.send_error(416)
                return
        partial = begin > 0
        begin += self.wrong if partial else 0
        body = self.content[begin:]
        to.send_response(206 if partial else 200)
        if partial:
            to.send_header("Content-Range", f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        if self.tag:
            to.send_header("ETag", self.tag)
        if self.length != 0:
            to.send_header("Content-Length", str(len(body) if self.length is None else self.length - begin))
        to.end_headers()
        body = body if self.cut is None else body[: self.cut]
        step = len(self.content) // 16 or 1
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(body), step):
                to.wfile.write(body[start : start + step])
                self.over.wait(self.slow)
            if self.stall:
                self.over.wait(10)


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setenv("IMPASTO_WEIGHTS_URL", server.url)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.001)
    yield server
    server.over.set()
    server.listener.shutdown()
    server.listener.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, which doesn't exist yet."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def official(states, server, cache, monkeypatch):
    """A small file in place of VGG19's official one, on the server: a few layers, and a classifier that isn't kept."""
    content = io.BytesIO()
    state = {**dict(list(states["vgg19"].items())[:6]), "classifier.0.weight": torch.zeros(100, 512)}
    torch.save(state, content, _use_new_zipfile_serialization=False)
    server.content = content.getvalue()
    name = f"vgg19-{hashlib.sha256(server.content).hexdigest()[:8]}.pth"
    monkeypatch.setattr(weights, "OFFICIAL", {**weights.OFFICIAL, "vgg19": replace(weights.OFFICIAL["vgg19"], file=name)})
    return name
