"""Does it help? The verb utility, with a run of one's own or generators trained for the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.api.making import train
from lookalike.api.results import HERE, Listener, Where
from lookalike.errors import LookalikeError
from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    from lookalike.data.pack.pack import Pack
    from lookalike.run import Run
    from lookalike.stages.utility import Labeled, Opened, Utility, UtilitySettings


def utility(
    pack: Path,
    run: Path | None = None,
    settings: UtilitySettings | None = None,
    where: Where = HERE,
    tell: Tell = silent,
    *,
    recipe: str = "swift",
    seconds: float = 60.0,
) -> Utility:
    """Whether adding synthetic pictures makes a classifier better on real held-out pictures.

    With a run, its pictures are judged. Without one, or for several numbers of pictures per class,
    a generator of the recipe is trained for ``seconds`` on each part's training pictures only.

    Raises:
        LookalikeError: the run was trained on other pictures, or there is no folder to keep a
            generator in.
    """
    from lookalike.data.pack.pack import Pack
    from lookalike.stages import utility as stage

    settings = settings or stage.UtilitySettings()
    opened = Pack.open(pack)
    settings = replace(
        settings, workers=settings.workers if settings.workers > 1 else _cores(where)
    )
    if run is None:
        if settings.folder is None:
            raise LookalikeError(
                "without a run a generator is trained for each number of pictures per class, and "
                "needs a folder to be kept in; name one with --to."
            )
        made = Trained(opened, settings.folder, recipe, seconds, where, tell)
        return stage.utility(opened, made, settings, tell)
    if settings.per_class:
        raise LookalikeError(
            f"{run} has seen all training pictures, so it says nothing of fewer per class. Leave "
            "--run out: with --per-class a generator is trained for each number."
        )
    return stage.utility(opened, _Given(opened, run, settings, where), settings, tell)


def _cores(where: Where) -> int:
    from lookalike.data.decode.worker_pool import cores

    return where.threads or cores()


@dataclass(frozen=True)
class _Given:
    """A run of one's own, after checking that it was trained on this pack."""

    pack: Pack
    run: Path
    settings: UtilitySettings
    where: Where

    def __call__(self, data: Labeled, each: int | None) -> Opened:
        from lookalike.engine.load import training_pack
        from lookalike.run import Run

        run = Run.open(self.run)
        training_pack(run, self.pack)
        return _open(run, data.columns, self.where)


@dataclass(frozen=True)
class Trained:
    """A generator for each part, trained on its training pictures only, kept in the folder.

    ``changes`` are settings of the recipe; with ``images`` among them, ``seconds`` may be None.
    """

    pack: Pack
    folder: Path
    recipe: str
    seconds: float | None
    where: Where
    tell: Tell
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, data: Labeled, each: int | None) -> Opened:
        """Train it, or open it where it was trained before."""
        from lookalike.metrics.utility.trials import address
        from lookalike.run import Run
        from lookalike.stages.train import TrainSettings
        from lookalike.stages.utility import columns_of, write_part

        # Another seed, pack, recipe or time is another generator, not the one that lies here.
        asked = (self.pack.fingerprint, data.rows.tolist(), data.names, self.recipe, self.seconds)
        asked += (dict(self.changes),) if self.changes else ()
        home = self.folder / f"{each or 'all'}-{address(asked)[:8]}"
        part = write_part(self.pack, data, home / "pack")
        wanted = TrainSettings(
            recipe=self.recipe, seconds=self.seconds, settings=self.changes, labeled=True
        )
        done = home / "trained"
        if not done.exists():
            trained = train(part.path, home / "run", wanted, self.where, Listener(self.tell))
            if not trained.finished:
                raise LookalikeError(
                    "the training of a generator was stopped and is saved; the same command "
                    "continues it."
                )
            done.touch()
        # Nothing of a part is held out, so "the best state" would be one that chance chose.
        return _open(Run.open(home / "run"), columns_of(part, data.names), self.where, "last")


def _open(run: Run, columns: tuple[int, ...], where: Where, which: str = "auto") -> Opened:
    from lookalike.engine.load import open_sampler
    from lookalike.metrics.utility.synthesis import GeneratorHandle
    from lookalike.stages.utility import Opened

    sampler, _, seen = open_sampler(run, where.place(), which)
    data = run.env().get("data", {})
    return Opened(
        f"{data.get('fingerprint')}/{run.path.resolve()}/{seen}", GeneratorHandle(sampler, columns)
    )
