"""The bar that tells a person at a terminal how far a painting is."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Drawn
    from rich.progress import ProgressColumn

    from impasto.family import Progress


class Bar:
    """A bar for each thing there is to wait for: silent when asked, or where stderr is no terminal."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet or not sys.stderr.isatty()
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
        if self.quiet:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.table import Column

        # On a narrow terminal the losses give way first.
        columns: tuple[ProgressColumn, ...] = (
            TextColumn("{task.fields[level]}", table_column=Column(no_wrap=True, min_width=24)),
            BarColumn(bar_width=10),
            MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=7)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("{task.fields[losses]}", table_column=Column(no_wrap=True)),
        )
        if name:
            columns = (TextColumn("{task.description}", table_column=Column(no_wrap=True, min_width=12)), *columns)
        losses = " ".join(f"{term} {value:.3g}" for term, value in progress.terms.items())
        # Only what is optimised has levels.
        part = f"level {progress.level + 1}/{progress.levels}, " if progress.terms else ""
        level = f"{part}{progress.size[0]} x {progress.size[1]}"
        self._draw(name or "painting", columns, progress.steps, progress.step, level=level, losses=losses)

    def fetching(self, fetched: int, size: int | None) -> None:
        """Say how much of an encoder's weights has come: ``fetched`` of ``size`` bytes, which may not be known."""
        if self.quiet:
            return
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=10), DownloadColumn(), TransferSpeedColumn())
        self._draw("weights", columns, size, fetched)

    def trained(self, step: int, steps: int, losses: Mapping[str, float], speed: float, stage: str = "training") -> None:
        """Say how far a ``stage`` of a training is: ``step`` of ``steps``, its ``losses``, and its ``speed`` in pictures per second."""
        if self.quiet:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.table import Column

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("{task.fields[speed]:.1f} pictures/s", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[losses]}", table_column=Column(no_wrap=True)),
        )
        said = " ".join(f"{name} {value:.3g}" for name, value in losses.items())
        self._draw(stage, columns, steps, step, speed=speed, losses=said)

    def counted(self, thing: str, done: int, count: int) -> None:
        """Say how many of a ``thing`` are ``done``, of a ``count`` of them."""
        if self.quiet:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=10), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
        self._draw(thing, columns, count, done)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.drawn is not None:
            self.drawn.stop()
            self.drawn = None

    def _draw(self, thing: str, columns: "tuple[ProgressColumn, ...]", total: int | None, completed: int, **fields: Any) -> None:
        from rich.console import Console
        from rich.progress import Progress as Drawn

        if self.drawn is None or thing != self.thing:
            self.close()
            self.drawn, self.thing = Drawn(*columns, console=Console(stderr=True)), thing
            self.drawn.add_task(thing, total=total, **fields)
            self.drawn.start()
        self.drawn.update(self.drawn.task_ids[0], completed=completed, **fields)
