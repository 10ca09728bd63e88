"""Films: canvases one after another into an MP4 or a GIF, which is either whole or not there."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Dither, Image

from impasto import picture
from impasto.errors import OutputError

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

RATE = 24  # frames a second
END = 2 * RATE  # frames that the last canvas stays
# Longest sides in pixels: what players show without effort, and what a GIF, which compresses hardly, is still sent around at.
LARGEST = {".mp4": 1920, ".gif": 640}


def check_film(path: str | os.PathLike[str]) -> Path:
    """Find out before any work is done whether :class:`Film` will be able to write there.

    Args:
        path: the file, ``.mp4`` or ``.gif``.

    Returns:
        The path, a leading ~ expanded.

    Raises:
        OutputError: another extension, or a place that can't be written to.
    """
    if Path(path).suffix.lower() not in LARGEST:
        raise OutputError(f"{path} is no film we can write; use {' or '.join(LARGEST)}")
    return picture.check_place(path)


class Film:
    """A film of a painting that grows.

    Frames are kept in memory, compressed, until :meth:`save` writes them.

    Args:
        path: the file, from :func:`check_film`.
        size: width and height of the painting in pixels. The film is smaller where that is too large for its format.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self.path = path
        width, height = picture.fit(size, min(max(size), LARGEST[path.suffix.lower()]))
        # H.264 halves the resolution of colours.
        self.size = (max(2, width // 2 * 2), max(2, height // 2 * 2))
        self.reel: _Gif | _Mp4 = _Gif() if path.suffix.lower() == ".gif" else _Mp4(self.size)

    def add(self, canvas: NDArray[np.float32]) -> None:
        """One frame more.

        Args:
            canvas: ``[H, W, 3]`` of any size; values outside [0, 1] are clamped.
        """
        self.reel.add(picture.to_pil(picture.resize(canvas.clip(0, 1), self.size)))

    def save(self, last: NDArray[np.float32]) -> None:
        """Write the film, whole or not at all.

        Args:
            last: the canvas that it ends with, and stays on for two seconds, ``[H, W, 3]``.

        Raises:
            OutputError: it can't be written.
        """
        self.add(last)
        picture.write(self.path, self.reel.finished())


class _Gif:
    def __init__(self) -> None:
        self.frames: list[Image] = []

    def add(self, frame: Image) -> None:
        self.frames.append(frame.quantize(dither=Dither.NONE))

    def finished(self) -> bytes:
        buffer = io.BytesIO()
        # Players of GIFs slow down below a fiftieth of a second; hundredths are all that the format knows.
        lasts = [round(1000 / RATE, -1)] * (len(self.frames) - 1) + [1000 * END / RATE]
        self.frames[0].save(buffer, "GIF", save_all=True, append_images=self.frames[1:], duration=lasts, loop=0)
        return buffer.getvalue()


class _Mp4:
    def __init__(self, size: tuple[int, int]) -> None:
        import av

        self.buffer = io.BytesIO()
        self.container: OutputContainer = av.open(self.buffer, "w", format="mp4")
        self.stream: VideoStream = self.container.add_stream("h264", rate=RATE, options={"crf": "18"})
        self.stream.width, self.stream.height = size
        self.stream.pix_fmt = "yuv420p"  # the one that every player knows
        self.last: Image | None = None

    def add(self, frame: Image) -> None:
        from av import VideoFrame

        self.last = frame
        self.container.mux(self.stream.encode(VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))

    def finished(self) -> bytes:
        assert self.last is not None
        for _ in range(END - 1):
            self.add(self.last)
        self.container.mux(self.stream.encode())
        self.container.close()
        return self.buffer.getvalue()
