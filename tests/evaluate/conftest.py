"""A stand-in for painting, which shows at once what a sheet asks for."""

import importlib

import pytest
import torch
from PIL import Image

from impasto.errors import Interrupted, OptionError
from impasto.evaluate import sheet
from impasto.family import Progress


class Asked(list):
    """What ``stylize`` was asked for, in order. It fails for the methods in ``fail``, and is interrupted at index ``stop``."""

    def __init__(self):
        super().__init__()
        self.fail, self.stop, self.before_a_step = {}, None, False

    def stylize(self, *, callback, **wish):
        self.append(wish)
        index = len(self) - 1
        if index == self.stop and self.before_a_step:
            raise KeyboardInterrupt
        if wish["method"] in self.fail:
            raise OptionError(self.fail[wish["method"]])
        for step in (1, 2):
            losses = {"content": 1.5 * step, "style": 20000.0, "tv": 0.0}
            callback(Progress(step, 9, 0, 1, (240, 180), 0.5 * step, 3.0, losses, lambda: torch.zeros(1, 3, 180, 240)))
        picture = Image.new("RGB", (240, 180), (index, 0, 99))
        if index == self.stop:
            raise Interrupted(picture, 2, None)
        return picture


@pytest.fixture
def asked(monkeypatch):
    asked = Asked()
    monkeypatch.setattr("impasto.evaluate.series.stylize", asked.stylize)
    return asked


@pytest.fixture
def drawn(monkeypatch):
    """Every sheet: its rows of cells, its title and its lines."""
    sheets = []

    def keep(rows, title="", lines=()):
        sheets.append((rows, title, lines))
        return sheet(rows, title, lines)

    for name in ("compare", "figures"):
        monkeypatch.setattr(importlib.import_module(f"impasto.evaluate.{name}"), "sheet", keep)
    return sheets
