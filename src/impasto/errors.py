"""The errors a user can cause: each is one line that says what to do, and the command line exits with 2."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image


class ImpastoError(Exception):
    """Something the user can mend; the message is one line that says how."""

    def __init__(self, message: str) -> None:
        # What it repeats of the user's may have several.
        super().__init__(" ".join(message.splitlines()))


class PictureError(ImpastoError):
    """A picture that is missing, unreadable or of a kind we can't paint."""


class OptionError(ImpastoError, ValueError):
    """An option with an impossible value or an unknown name."""


class EncoderError(ImpastoError):
    """Encoder weights that are missing, unreadable or of another network."""


class ModelError(ImpastoError):
    """A model file that is missing, damaged or of another kind than asked for."""


class SpaceError(ImpastoError):
    """A painting that needs more memory than there is."""


class OutputError(ImpastoError):
    """A result that can't be written where it was asked for."""


class Interrupted(KeyboardInterrupt):
    """A run that was stopped by Ctrl-C after at least one step; ``picture`` is the best canvas so far, a PIL picture.

    ``saved`` is the file it was written to, if the call named an output.
    """

    def __init__(self, picture: "Image", step: int, saved: "Path | None") -> None:
        super().__init__(f"stopped at step {step}")
        self.picture, self.step, self.saved = picture, step, saved
