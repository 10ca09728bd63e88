"""How a painting that takes its time tells how far it is."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Look = Callable[[], NDArray[np.float32]]
"""Gives the canvas so far, ``[h, w, 3]`` in [0, 1], of any size; to be asked while the callback runs."""

Callback = Callable[[int, int, Look], None]
"""Called with what is done, what there is to do, and a look."""
