"""``Painter`` and ``stylize``: read the pictures, ask the method's family, and finish the painting."""

import json
import platform
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Unpack, cast

from PIL import Image

from impasto import packaged, picture
from impasto.errors import OptionError
from impasto.family import Begin, Commission, Fetching, Floats, Listener, Order, Size, shares
from impasto.methods import ALL, family, room, uses
from impasto.options import DECLARED, EACH, Each, Kept, Options
from impasto.picture import Opened, Source
from impasto.plan import Plan, sides
from impasto.sitting import Output, Sitting


def stylize(
    content: Source | None,
    style: Source | Sequence[Source] | None = None,
    output: Output = None,
    *,
    callback: Listener | None = None,
    fetching: Fetching | None = None,
    **options: Unpack[Options],
) -> Image.Image:
    """Paint ``content`` in the manner of ``style``.

    The same pictures, options, device, thread count and versions give the same bytes. An option that is None or left out takes its
    value from ``like``, and without that its default, where one is named, or the method's own. :class:`Painter` paints many pictures.

    Args:
        content: the photograph: a path or the name of an example, a PIL picture, a numpy array ``[H, W, 3]`` or a tensor
            ``[1, 3, H, W]``, both in [0, 1] or uint8; see :func:`impasto.picture.read`. None for a method without one,
            such as texture synthesis.
        style: the painting, likewise, or the name of a packaged style; or a list of several, to paint between them. None
            for a method without one. With a model of one's own, the name of a style that it was trained for.
        output: also save the painting here, whole or not at all, with an alpha channel if the content has one, what its file says of it
            and the full settings; or into a binary stream. A painting of strokes may be saved as SVG. What can't be written in the end is
            kept beside it or among temporary files, and the error says where.
        callback: called after every step with :class:`impasto.family.Progress`. A painting in one pass takes its tiles for
            steps, and has no losses; nor has one without a network.
        fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.
        options: those of :class:`impasto.options.Options`, which ``docs/options.md`` explains.

    Returns:
        The painting, RGB, or RGBA where the content has an alpha; ``info["impasto"]`` holds the settings as JSON.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: an unknown name or impossible value.
        EncoderError: weights that can't be used or fetched.
        ModelError: a model that can't be used.
        OutputError: an output, log or film that can't be written.
        Interrupted: Ctrl-C; it carries the best canvas so far, which is also saved to ``output``.
    """
    each = cast(Each, {name: value for name, value in options.items() if name in EACH})
    kept = cast(Kept, {name: value for name, value in options.items() if name not in EACH})
    # What is wrong is said before anything is loaded.
    plan = Plan.of(kept)
    plan.targets(output, each, _inputs(plan, content, _listed(style)))
    with plan.memory():
        photograph = None if content is None else picture.read(packaged.photograph(content))
    return Painter(style, fetching=fetching, **kept)(photograph, output, callback=callback, **each)


class Painter:
    """A style and options, ready to paint as many pictures as there are.

    ``Painter("starry", size=800)("photo.jpg")`` is what ``stylize("photo.jpg", "starry", size=800)`` is, to the byte. But the styles are
    read, the networks loaded, and what doesn't depend on a content is computed, once. Threads may share a painter, which paints for one
    after another.
    """

    def __init__(
        self, style: Source | Sequence[Source] | None = None, *, fetching: Fetching | None = None, **options: Unpack[Kept]
    ) -> None:
        """Get ready.

        Args:
            style: as for :func:`stylize`.
            fetching: likewise.
            options: those of :class:`impasto.options.Kept`.

        Raises:
            ImpastoError: as for :func:`stylize`.
        """
        self._plan = plan = Plan.of(options)
        self._styles, page, asked = _listed(style), plan.page, plan.options
        if not page.named:
            plan.refuse("style", bool(self._styles))
        if len(self._styles) > 1 and "blend" not in uses(page.name).options:
            raise OptionError(f"{page.name} takes one style; {len(self._styles)} are given")
        with plan.memory():
            self._opened = [] if page.named else [plan.cut(picture.read(packaged.style(one))) for one in self._styles]
            self._pair = None
            if asked.get("pair") is not None:
                first, second = _alike("pictures of a pair", *(picture.read(packaged.photograph(one)) for one in asked["pair"]))
                self._pair = plan.cut(first), plan.cut(second)
            order = Order(
                page=page,
                options=asked,
                styles=list(zip(shares(len(self._opened), asked["blend"]), self._opened, strict=True)) if self._opened else (),
                names=self._styles if page.named else (),
                pair=self._pair,
                start=self._start(asked["start"] or page.start),
                fetching=fetching,
            )
            self._prepared = room(family(page.name)).prepare(order)
        self._settings = self._described()
        self._alone, self._busy = threading.RLock(), False

    def __call__(
        self, content: Source | None = None, output: Output = None, *, callback: Listener | None = None, **each: Unpack[Each]
    ) -> Image.Image:
        """Paint.

        Args:
            content: as for :func:`stylize`.
            output: likewise.
            callback: likewise.
            each: options of this painting, those of :class:`impasto.options.Each`.

        Returns:
            As :func:`stylize`.

        Raises:
            OptionError: a callback asks the painter that it is called by.
            Interrupted: as for :func:`stylize`.
        """
        plan = self._plan
        targets = plan.targets(output, each, _inputs(plan, content, self._styles))
        plan.refuse("content", content is not None)
        with self._turn(), plan.memory():
            photograph = None if content is None else picture.read(packaged.photograph(content))
            mask = each.get("focus")
            focus = None if mask is None else picture.read(mask)
            if photograph is not None and focus is not None:
                focus = plan.cut(_alike("focus and the content", focus, photograph)[0])
            photograph = None if photograph is None else plan.cut(photograph)
            size = self._size(photograph)
            settings = {**self._settings, "content_sha256": photograph.checksum if photograph else None}
            sitting = Sitting(targets, size, photograph, settings, callback)
            commission = Commission(size=size, content=photograph, focus=focus, frames=sitting.frames, tell=sitting.tell)
            return sitting.finish(self._prepared.paint(commission))

    def settings_for(self, content: Source | None = None) -> dict[str, Any]:
        """The settings that a painting of ``content`` would carry, as JSON keeps them. A file isn't decoded for that.

        Raises:
            OptionError: neither a file nor the name of an example.
            PictureError: it can't be read.
        """
        checksum = None if content is None else picture.checksum(packaged.photograph(content))
        return cast(dict[str, Any], json.loads(json.dumps({**self._settings, "content_sha256": checksum}, default=str)))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One painting at a time."""
        with self._alone:
            if self._busy:
                raise OptionError("this painter is at work; a callback that wants to paint needs a painter of its own")
            self._busy = True
            try:
                yield
            finally:
                self._busy = False

    def _size(self, photograph: Opened | None) -> Size:
        """The painting's width and height."""
        size = self._plan.options["size"]
        if isinstance(size, tuple):
            if photograph is not None:
                raise sides(size, self._plan.page.name)
            return size
        return picture.fit((photograph or self._opened[0]).size, size)

    def _start(self, start: str | None) -> Opened | Begin | None:
        """What the canvas begins from, where that is neither the content nor the style nor noise."""
        if start is None:
            return None
        if start not in DECLARED["start"].choices:
            return self._plan.cut(picture.read(start))
        if start in ALL:
            options = {name: self._plan.options[name] for name in ("seed", "device")}
            prepared: dict[Any, Painter] = {}  # for styles of the sizes that it was asked for last

            def begin(content: Floats, styles: Sequence[tuple[float, Floats]]) -> Floats:
                sizes = tuple(one.shape[:2] for _, one in styles)
                if sizes not in prepared:
                    blend = [share for share, _ in styles]
                    prepared.clear()
                    prepared[sizes] = Painter(
                        [one for _, one in styles], method=start, size=0, style_size=max(map(max, sizes)), blend=blend, **options
                    )
                height, width = content.shape[:2]
                commission = Commission(size=(width, height), content=picture.read(content), tell=lambda _: None)
                return prepared[sizes]._prepared.paint(commission).picture

            return begin
        return None

    def _described(self) -> dict[str, Any]:
        """The settings of all paintings, and a warning where they are not those of the one it is to be like."""
        plan = self._plan
        asked = {name: value for name, value in plan.options.items() if DECLARED[name].setting}
        libraries = ("impasto", *room(family(plan.page.name)).LIBRARIES)
        versions = {"python": platform.python_version(), **{name: import_module(name).__version__ for name in libraries}}
        settings = {**asked, **self._prepared.settings, "versions": versions, "style_sha256": [one.checksum for one in self._opened]}
        if self._pair:
            settings["pair_sha256"] = [one.checksum for one in self._pair]
        for weights, option in (("encoder_sha256", "encoder_weights"), ("model_sha256", "model")):
            same = all(plan.before.get(name) == settings[name] for name in ("method", "encoder", option))
            if same and plan.before.get(weights, settings.get(weights)) != settings.get(weights):
                raise OptionError(f"{plan.options['like']} was painted with other weights; name their file with {option}")
        changed = [
            name
            for name in ("device", "precision", "threads", "versions")
            if plan.before.get(name, settings.get(name)) != settings.get(name)
        ]
        if changed:
            warnings.warn(f"{plan.options['like']} was painted with other {', '.join(changed)}; the bytes may differ", stacklevel=3)
        return settings


def _listed(style: Source | Sequence[Source] | None) -> list[Any]:
    return list(style) if isinstance(style, list | tuple) else [style] if style is not None else []


def _inputs(plan: Plan, content: Source | None, styles: Sequence[Source]) -> list[Source]:
    """What is read, names as files."""
    contents = [] if content is None else [packaged.photograph(content)]
    return [*contents, *([] if plan.page.named else map(packaged.style, styles))]


def _alike(what: str, first: Opened, second: Opened) -> tuple[Opened, Opened]:
    """Two pictures of one size."""
    if first.size != second.size:
        sizes = " and ".join("{} x {}".format(*one.size) for one in (first, second))
        raise OptionError(f"the {what} must be of one size, these are {sizes} pixels; scale or crop one of them")
    return first, second
