"""The bar on terminals of all widths."""

import io

import pytest
from rich.console import Console

from impasto.cli import progress
from impasto.cli.progress import Bar, fitted
from impasto.family import Progress


def step(number, terms=None):
    return Progress(number, 2000, 2, 3, (1024, 683), 1.0, 1.0, {"content": 1.25, "style": 33.5} if terms is None else terms, lambda: None)


@pytest.fixture
def drawn(monkeypatch):
    """What a bar draws last, by the terminal's width."""

    def draw(width, act):
        written = io.StringIO()
        console = Console(file=written, force_terminal=True, width=width, color_system=None)
        monkeypatch.setattr("rich.console.Console", lambda **_: console)
        monkeypatch.setattr(progress, "terminal", lambda _: True)
        with Bar(quiet=False) as bar:
            act(bar)
        lines = [line for line in written.getvalue().replace("\r", "\n").split("\n") if "/" in line]
        assert all(len(line.replace("\x1b[2K", "").replace("\x1b[?25l", "").replace("\x1b[?25h", "")) <= width for line in lines)
        return lines[-1]

    return draw


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_paintings(drawn, width):
    line = drawn(width, lambda bar: [bar.show(step(number)) for number in (1, 500, 1500)])
    assert "1500/2000 " in line
    assert ":" in line.partition("1500/2000 ")[2]
    assert ("level 3/3, 1024 x 683" in line) == (width >= 40)
    assert ("━" in line) == (width >= 80)
    assert ("style 33.5" in line) == (width >= 80)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_pictures(drawn, width):
    line = drawn(width, lambda bar: [bar.pictures(3, 12), bar.pictures(4, 12, "photo.jpg", step(1000))])
    assert "4/12 " in line
    assert ":" in line
    assert ("pictures" in line) == (width >= 20)
    assert ("photo.jpg 1000/2000" in line) == (width >= 80)


def test_other_bars(drawn):
    assert "1.0/? MB" in drawn(40, lambda bar: bar.fetching(1_000_000, None))
    assert "training" in (line := drawn(50, lambda bar: bar.trained(3, 10, {"style": 2.0}, 4.0)))
    assert "3/10" in line
    assert "style" not in line
    assert "paintings" in drawn(40, lambda bar: bar.counted("paintings", 3, 10))


def test_extras_give_way():
    assert fitted(9, "1/2", "0:10", ["name"], "--", ["loss"]) == [("1/2", "green"), ("0:10", "cyan")]
    texts = [text for text, _ in fitted(30, "1/2", "0:10", ["name", "much longer than that is"], "--", ["loss", "two"])]
    assert texts == ["name", "--", "1/2", "0:10", "loss", "two"]


def test_terminals_that_are_gone(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=Gone(), force_terminal=True, width=80))
    monkeypatch.setattr(progress, "terminal", lambda _: True)
    with Bar(quiet=False) as bar:
        bar.counted("paintings", 1, 2)
        bar.counted("paintings", 2, 2)
    assert bar.quiet
