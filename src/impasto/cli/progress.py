"""The bar that tells a person at a terminal how far a painting is."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from impasto.cli.shell import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Drawn

    from impasto.family import Progress

BAR = 10  # characters


class Bar:
    """A bar for each thing there is to wait for: silent when asked, or where stderr is no terminal."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet or not terminal(sys.stderr)
        self.drawn: Drawn | None = None
        self.thing = ""  # what the bar that is drawn is about

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, progress: "Progress", name: str = "") -> None:
        """Say level, step, losses and time left.

        Args:
            progress: of a painting.
            name: of that painting, where there are several; each has a bar of its own.
        """
        # Only what is optimised has levels.
        part = f"level {progress.level + 1}/{progress.levels}, " if progress.terms else ""
        level = f"{part}{progress.size[0]} x {progress.size[1]}"
        self._draw(name or "painting", progress.steps, progress.step, before=[name, level], after=_losses(progress.terms))

    def pictures(self, done: int, count: int, name: str = "", progress: "Progress | None" = None) -> None:
        """Say how many pictures are painted.

        Args:
            done: so many.
            count: of all.
            name: of the one at work.
            progress: of that one.
        """
        share = progress.step / progress.steps if progress else 0
        step = f"{name} {progress.step}/{progress.steps}" if progress else name
        self._draw("pictures", count, done + share, before=["pictures"], after=[step], number=f"{done}/{count}")

    def fetching(self, fetched: int, size: int | None) -> None:
        """Say how much of an encoder's weights has come: ``fetched`` of ``size`` bytes, which may not be known."""
        number = f"{fetched / 1e6:.1f}/{'?' if size is None else f'{size / 1e6:.1f}'} MB"
        self._draw("weights", size, fetched, before=["weights"], number=number)

    def trained(self, step: int, steps: int, losses: Mapping[str, float], speed: float, stage: str = "training") -> None:
        """Say how far a ``stage`` of a training is: ``step`` of ``steps``, its ``losses``, and its ``speed`` in pictures per second."""
        self._draw(stage, steps, step, before=[stage], after=[f"{speed:.1f} pictures/s", *_losses(losses)])

    def counted(self, thing: str, done: int, count: int) -> None:
        """Say how many of a ``thing`` are ``done``, of a ``count`` of them."""
        self._draw(thing, count, done, before=[thing])

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.drawn is not None:
            with self._watched():
                self.drawn.stop()
            self.drawn = None

    def _draw(
        self, thing: str, total: int | None, completed: float, *, before: Sequence[str], after: Sequence[str] = (), number: str = ""
    ) -> None:
        if self.quiet:
            return
        with self._watched():
            if self.drawn is None or thing != self.thing:
                self.close()
                self.drawn, self.thing = _bar(), thing
                self.drawn.add_task(thing, total=total, before=before, after=after, number=number)
                self.drawn.start()
            number = number or f"{completed}/{total}"
            self.drawn.update(self.drawn.task_ids[0], completed=completed, before=before, after=after, number=number)

    @contextmanager
    def _watched(self) -> "Iterator[None]":
        """No more of the bar where the terminal is gone."""
        try:
            yield
        except OSError:
            self.quiet = True


def fitted(
    width: int, number: str, left: str, before: Sequence[str] = (), bar: str = "", after: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """As much of a bar's line as there is room for.

    The number and the time always stay. Then what stands before them has its turn, the bar, and what stands after them, no text in part.

    Args:
        width: characters there are.
        number: how much is done, and of how much.
        left: the time left.
        before: what it is about.
        bar: drawn.
        after: losses and other extras, the most important first.

    Returns:
        Texts that have one character between them, each with its style.
    """
    room = width - len(f"{number} {left}")
    kept: list[list[tuple[str, str]]] = []
    for texts, style in ((before, ""), ([bar], "magenta"), (after, "")):
        fitting = []
        for text in filter(None, texts):
            if len(text) + 1 > room:
                break
            room -= len(text) + 1
            fitting.append((text, style))
        kept.append(fitting)
    return [*kept[0], *kept[1], (number, "green"), (left, "cyan"), *kept[2]]


def _bar() -> "Drawn":
    """A line that is as long as the terminal is wide, at most."""
    from rich.console import Console
    from rich.progress import Progress as Drawn
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    console = Console(stderr=True)
    full, empty = ("━", "─") if console.encoding.startswith("utf") else ("#", "-")

    class Line(ProgressColumn):
        def render(self, task: Task) -> Text:
            done = round(BAR * (task.percentage if task.total else 0) / 100)
            fields = task.fields
            texts = fitted(
                # The last column is left free: some terminals begin a line after it.
                console.width - 1,
                fields["number"],
                _clock(task.time_remaining),
                fields["before"],
                full * done + empty * (BAR - done),
                fields["after"],
            )
            return Text(" ").join([Text(text, style) for text, style in texts])

    # What is said on stdout belongs there, unless both are the same terminal.
    return Drawn(Line(), console=console, redirect_stdout=terminal(sys.stdout))


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _losses(terms: Mapping[str, float]) -> list[str]:
    return [f"{term} {value:.3g}" for term, value in terms.items()]
