"""Many photographs in one style: what is painted already is skipped, what fails is said, and the others go on."""

import os
import signal
import time
import warnings
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.outputs import PIPE, Outcome, apart
from impasto.cli.photographs import Photograph, found
from impasto.cli.progress import Bar
from impasto.cli.shell import STOPPED, say, warn
from impasto.errors import ImpastoError, Interrupted, OptionError, OutputError, PictureError
from impasto.options import DECLARED, Each, Kept, Pictures
from impasto.options import Path as PathOption

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

    from impasto.family import Progress
    from impasto.painting import Painter
    from impasto.plan import Plan

CHANGEABLE = ("threads", "versions", "device", "stopped")
"""Settings that may be others in a painting that is done."""


@dataclass(frozen=True)
class Job:
    """A photograph's ``place``, and the ``target`` that its painting goes to."""

    place: str
    target: Path


def paint(
    places: Sequence[str], styles: Sequence[str], plan: "Plan", kept: Kept, each: Each, *,
    folder: str | None, overwrite: bool, workers: int, as_json: bool, bar: Bar,
) -> None:  # fmt: skip
    """Paint the photographs at some places.

    Args:
        places: files, folders, patterns and names of examples.
        styles: in whose manner.
        plan: what is asked for.
        kept: the painter's options.
        each: those of every painting.
        folder: where the paintings go; None is the present one.
        overwrite: replace what is there and was painted otherwise.
        workers: processes that paint.
        as_json: print objects.
        bar: says how many are done.

    Raises:
        ImpastoError: what is wrong for all of them.
        Exit: some couldn't be painted, or the work was stopped.
    """
    from impasto.painting import Painter

    _refuse(places, styles, each)
    photographs, root = found(places), _root(folder)
    photographs, ending = _sources(photographs, root), kept.get("format") or "png"
    targets = apart([(one.place, root / one.folder) for one in photographs], styles, plan.page.name, ending)
    own = {os.path.realpath(target) for target in targets}
    # A shell that expands *.png names what an earlier run left there, too.
    jobs = [Job(one.place, target) for one, target in zip(photographs, targets, strict=True) if os.path.realpath(one.place) not in own]
    painter = Painter(list(styles) or None, fetching=bar.fetching, **kept)
    done, failed, stopped = 0, [], False
    todo: list[Job] = []
    try:
        for job in jobs:
            outcome = _there(job, painter, overwrite=overwrite)
            if outcome is None:
                todo.append(job)
                continue
            outcome.tell(as_json=as_json)
            failed += [job.place] if outcome.error else []
        skipped = len(jobs) - len(todo) - len(failed)
        if skipped and not as_json:
            say(f"{skipped} of {len(jobs)} are painted already", error=True)
        bar.pictures(0, len(todo))
        several = min(workers, len(todo))
        outcomes = _shared(todo, styles, kept, each, several) if several > 1 else _alone(todo, painter, each, bar)
        with closing(outcomes):
            for outcome in outcomes:
                outcome.tell(as_json=as_json)
                failed += [outcome.input or ""] if outcome.error else []
                done += not outcome.error
                bar.pictures(done + len(failed), len(todo) + len(failed))
    except KeyboardInterrupt:
        stopped = True
    bar.close()
    if failed:
        say(f"impasto: {len(failed)} of {len(jobs)} were not painted: {', '.join(failed)}", error=True)
    if stopped:
        ready = len(jobs) - len(todo) - len(failed) + done
        say(f"Stopped after {max(ready, done)} of {len(jobs)} paintings; the same command goes on from there", error=True)
        raise click.exceptions.Exit(STOPPED)
    if failed:
        raise click.exceptions.Exit(1)


def _refuse(places: Sequence[str], styles: Sequence[str], each: Each) -> None:
    """Refuse what makes sense for one painting only."""
    for name in each:
        if isinstance(DECLARED[name], PathOption | Pictures):
            raise OptionError(f"--{name} is for one painting; leave it out, or name one photograph")
    if PIPE in places:
        raise OptionError("- is one photograph, from standard input; name it alone")


def _root(folder: str | None) -> Path:
    """The folder for the paintings."""
    if folder == PIPE:
        raise OutputError("many paintings don't go to standard output; name a folder with -o")
    root = Path(folder or "")
    if root.exists() and not root.is_dir():
        raise OutputError(f"{folder} is a file; name a folder for several paintings with -o")
    if not root.exists() and root.suffix.lower().lstrip(".") in DECLARED["format"].schema()["enum"]:
        raise OutputError(f"{folder} is the name of one picture; name a folder for several paintings with -o")
    return root


def _sources(photographs: Sequence[Photograph], output: Path) -> list[Photograph]:
    """The photographs without the paintings of earlier runs among them, which lie in the ``output`` folder."""
    from impasto import picture

    output = output.resolve()

    def painted(one: Photograph) -> bool:
        if one.root is None or not Path(one.place).resolve().is_relative_to(output):
            return False
        if output != one.root.resolve() and output.is_relative_to(one.root.resolve()):
            return True
        try:
            return "style_sha256" in picture.read_settings(one.place)
        except PictureError:
            return False

    return [one for one in photographs if not painted(one)]


def _there(job: Job, painter: "Painter", *, overwrite: bool) -> Outcome | None:
    """What came of a job already: it is painted, or something else is in its place; None where it is still to do."""
    from impasto import picture

    if not job.target.exists():
        return None
    try:
        wanted = painter.settings_for(job.place)
    except ImpastoError as error:
        return _failed(job, error)
    try:
        settings = picture.read_settings(job.target)
    except PictureError:
        settings = {}
    if _same(settings, wanted) and "stopped" not in settings:
        return Outcome(job.place, os.fspath(job.target), settings=settings, skipped=True)
    if overwrite or _same(settings, wanted):
        return None
    said = f"{job.target} is there already and was painted otherwise; add --overwrite, or name another folder with -o"
    return Outcome(job.place, os.fspath(job.target), error=said)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in {*one, *other}.difference(CHANGEABLE))


def _alone(jobs: Sequence[Job], painter: "Painter", each: Each, bar: Bar) -> Generator[Outcome]:
    """Paint one after another in this process."""
    for index, job in enumerate(jobs):

        def show(progress: "Progress", index: int = index, job: Job = job) -> None:
            bar.pictures(index, len(jobs), Path(job.place).name, progress)

        yield _painted(job, painter, each, show)


def _shared(jobs: Sequence[Job], styles: Sequence[str], kept: Kept, each: Each, workers: int) -> Generator[Outcome]:
    """Paint in several processes; what they are at when this one is interrupted, they give up."""
    context = get_context("spawn")  # torch's threads don't survive a fork
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, _begin, (styles, kept, max(1, _cores() // workers), stop))
    try:
        for future in as_completed([pool.submit(_work, job, each) for job in jobs]):
            outcome = future.result()
            if outcome is not None:
                yield outcome
    except BrokenProcessPool as error:
        raise OptionError("the system ended a worker, which happens where memory is short; choose fewer --workers") from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


_worker: "tuple[Painter, Event]"


def _begin(styles: Sequence[str], kept: Kept, threads: int, stop: "Event") -> None:
    """Get a worker ready."""
    global _worker
    # These are read when the libraries are imported.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    # The process that began it hears Ctrl-C, too, and says when to stop.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    warnings.showwarning = warn
    from impasto.painting import Painter

    _worker = Painter(list(styles) or None, **kept), stop


def _work(job: Job, each: Each) -> Outcome | None:
    """Paint in a worker; None where it was told to stop."""
    painter, stop = _worker

    def listen(progress: "Progress") -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    try:
        return None if stop.is_set() else _painted(job, painter, each, listen)
    except KeyboardInterrupt:
        return None


def _painted(job: Job, painter: "Painter", each: Each, callback: Any) -> Outcome:
    """Do a job.

    Raises:
        KeyboardInterrupt: it was stopped; what was there before is as it was.
    """
    import json

    from impasto import picture

    begun = time.perf_counter()
    before = job.target.read_bytes() if job.target.exists() else None
    try:
        image = painter(job.place, job.target, callback=callback, **each)
    except Interrupted:
        if before is None:
            job.target.unlink(missing_ok=True)
        else:
            picture.write(job.target, before)
        raise
    except ImpastoError as error:
        return _failed(job, error)
    settings = json.loads(image.info["impasto"])
    return Outcome(job.place, os.fspath(job.target), image.size, settings, time.perf_counter() - begun)


def _failed(job: Job, error: ImpastoError) -> Outcome:
    said = str(error)
    return Outcome(job.place, os.fspath(job.target), error=said if job.place in said else f"{job.place}: {said}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
