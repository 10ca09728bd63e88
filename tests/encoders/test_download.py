"""Downloads from a server on this machine that is slow, cuts off, ignores what it is asked for, lies, or has nothing."""

import socket

import numpy as np
import pytest

from impasto.encoders import download as module
from impasto.encoders.download import download
from impasto.errors import EncoderError

CONTENT = np.random.default_rng(0).bytes(1_000_000)


@pytest.fixture
def part(server, tmp_path):
    server.content = CONTENT
    return tmp_path / "file.part"


def fetch(server, part, progress=None):
    download(f"{server.url}/file", part, "do without it", progress)


def complaint(server, part):
    with pytest.raises(EncoderError) as caught:
        fetch(server, part)
    assert len(str(caught.value).splitlines()) == 1
    assert server.url in str(caught.value)
    assert "do without it" in str(caught.value)
    return str(caught.value)


def asked_for(server):
    return [request.get("Range") for request in server.requests]


@pytest.mark.parametrize("tag", ["", '"one"'])
@pytest.mark.parametrize("ranges", [True, False])
def test_whole(server, part, tag, ranges):
    server.tag, server.ranges = tag, ranges
    seen = []
    fetch(server, part, lambda *progress: seen.append(progress))
    assert part.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(set(seen))
    assert [path.name for path in part.parent.iterdir()] == [part.name]
    assert asked_for(server) == [None]
    assert server.requests[0]["User-Agent"].startswith("impasto/")


@pytest.mark.parametrize("length", [None, 0])
def test_slow(server, part, length, monkeypatch):
    """As long as something comes, it may take any time."""
    monkeypatch.setattr(module, "STALL", 0.3)
    server.slow, server.length = 0.05, length
    seen = []
    fetch(server, part, lambda *progress: seen.append(progress))
    assert part.read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert len(seen) >= 8
    assert {total for _, total in seen} == {len(CONTENT) if length is None else None}


@pytest.mark.parametrize("tag", ["", '"one"', 'W/"weak"'])
def test_cut_off_and_resumed(server, part, tag):
    """However often it is cut off, it ends if something new comes each time."""
    server.cut, server.tag = 130_000, tag
    seen = []
    fetch(server, part, lambda *progress: seen.append(progress))
    assert part.read_bytes() == CONTENT
    assert asked_for(server) == [None, *(f"bytes={place}-" for place in range(130_000, 1_000_000, 130_000))]
    assert {request.get("If-Range") for request in server.requests[1:]} == {'"one"' if tag == '"one"' else None}
    assert {total for _, total in seen} == {len(CONTENT)}


def test_resumed_by_another_call(server, part):
    server.tag, server.cut = '"one"', 400_000
    server.ranges = False
    assert "broke off at 0.4 MB" in (said := complaint(server, part))
    assert "run again to go on from there" in said
    assert part.stat().st_size == 400_000
    server.ranges, server.cut, server.requests = True, None, []
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert asked_for(server) == ["bytes=400000-"]
    assert server.requests[0]["If-Range"] == '"one"'


def test_another_version(server, part):
    """What is here of an older version is thrown away."""
    part.write_bytes(b"old" * 1000)
    part.with_suffix(".etag").write_text('"old"')
    server.tag = '"new"'
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_ranges_ignored(server, part):
    part.write_bytes(b"what an earlier call left")
    server.ranges = False
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_another_range(server, part):
    """A part that begins elsewhere than asked for can't be put after what is here."""
    part.write_bytes(CONTENT[:1000])
    server.wrong = 10
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert asked_for(server) == ["bytes=1000-", None]


def test_everything_is_here(server, part):
    part.write_bytes(CONTENT)
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_length_too_large(server, part):
    """A server that promises more than it has is asked for the rest once, and has none."""
    server.length = len(CONTENT) + 5000
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert asked_for(server) == [None, "bytes=1000000-"]


def test_cut_off_for_good(server, part, monkeypatch):
    pauses = []
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    server.cut, server.ranges = 700_000, False
    assert "broke off at 0.7 MB (the connection was cut)" in complaint(server, part)
    assert part.read_bytes() == CONTENT[:700_000]
    assert len(server.requests) == 1 + module.TRIES
    assert [pause / module.PAUSE for pause in pauses] == [0, 1, 2, 4]


def test_stalled(server, part, monkeypatch):
    monkeypatch.setattr(module, "STALL", 0.1)
    server.cut, server.stall, server.ranges = 300_000, True, False
    assert "broke off at 0.3 MB (timed out)" in complaint(server, part)
    server.over.set()
    assert part.read_bytes() == CONTENT[:300_000]


def test_stalled_and_resumed(server, part, monkeypatch):
    monkeypatch.setattr(module, "STALL", 0.1)
    server.cut, server.stall = 300_000, True
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_nothing_ever_comes(server, part):
    server.cut = 0
    assert "can't be had (the connection was cut)" in complaint(server, part)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_refused(server, part, status):
    server.status = status
    assert f"HTTP {status}" in complaint(server, part)
    assert len(server.requests) == 1
    assert not part.exists()


def test_refused_while_resuming(server, part):
    part.write_bytes(CONTENT[:1000])
    server.status = 404
    assert "HTTP 404" in complaint(server, part)
    assert part.read_bytes() == CONTENT[:1000]


def test_server_error(server, part):
    server.status = 503
    assert "HTTP 503" in complaint(server, part)
    assert len(server.requests) == module.TRIES


def test_unreachable(part, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
        with pytest.raises(EncoderError, match=r"can't be had \(Connection refused\); do without it"):
            download(url, part, "do without it")
        part.write_bytes(CONTENT[:200_000])
        with pytest.raises(EncoderError, match=r"broke off at 0.2 MB \(Connection refused\), which are kept"):
            download(url, part, "do without it")


@pytest.mark.parametrize("url", ["nonsense", "nonsense://host/file", "http://[/file"])
def test_no_address(part, url):
    with pytest.raises(EncoderError, match="do without it") as caught:
        download(url, part, "do without it")
    assert len(str(caught.value).splitlines()) == 1


def test_interrupted(server, part):
    def interrupt(done, total):
        if done > 500_000:
            raise KeyboardInterrupt

    server.tag = '"one"'
    with pytest.raises(KeyboardInterrupt):
        fetch(server, part, interrupt)
    kept = part.stat().st_size
    assert 500_000 < kept < 1_000_000
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert asked_for(server) == [None, f"bytes={kept}-"]
