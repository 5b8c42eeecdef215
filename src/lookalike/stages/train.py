"""Train: a pack and a recipe become a run. The same command again continues it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from lookalike import recipe
from lookalike.data.augment.policy import Policy, chains, fitting
from lookalike.data.pack.classes import column_groups
from lookalike.data.pack.pack import Pack
from lookalike.durations import seconds, words
from lookalike.engine import budget, precision
from lookalike.engine.batches import BatchSource, SplitBatches, with_few_labels
from lookalike.engine.load import Beginning, beginning
from lookalike.engine.memory import (
    LEAST,
    DryStep,
    Halved,
    free_memory,
    held_meanwhile,
    shortage,
    within,
)
from lookalike.engine.session import Leg, Planner, Session, SessionResult
from lookalike.engine.state import take_over, training_state
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene, Watcher
from lookalike.errors import DataError, RecipeError, RunError, TrainingError
from lookalike.metrics.features.features import choose
from lookalike.parts.latents.flow import Flow
from lookalike.parts.training.warm_start import WarmStart
from lookalike.place import Place, describe
from lookalike.recipe import Recipe, codec
from lookalike.run import Run
from lookalike.settings.memory import byte_count
from lookalike.settings.options import option_for
from lookalike.settings.training import TrainSettings
from lookalike.sizes import half_of
from lookalike.watch.health import real_stats

LABELS = {"none": 0, "optional": 1, "required": 2}
BENCHMARK, BRIEF = 20.0, 0.025
"""Seconds of the benchmark at the most, and as a share of the time that is asked for."""
LOOKED_AT = 64
"""Samples of a look: as many as a judge sees at a time."""


@dataclass(frozen=True)
class Plan:
    """What will be trained, before the first step."""

    recipe: Recipe
    continues: bool
    notes: tuple[str, ...]
    trusted: tuple[str, ...] = ()
    speed: budget.Speed | None = None
    precision: Mapping[str, str] = field(default_factory=dict)
    time: budget.TimeBudget | None = None
    legs: tuple[Leg, ...] = ()
    beginning: Beginning | None = None
    memory: Mapping[str, int] = field(default_factory=dict)


def plan(pack: Pack, run: Run, settings: TrainSettings, place: Place) -> Plan:
    """Resolve the recipe for this pack and, for a time budget, measure the machine.

    Raises:
        RecipeError: the recipe does not fit the pack or the settings do not fit the recipe.
        DataError: a code of ``augment`` that does not exist or does not fit.
        RunError: the folder holds a run of other settings or other pictures, or none to train
            further.
        TrainingError: it needs more memory than is allowed.
    """
    begun = monotonic()
    refuse_more(run, settings)
    wanted, trusted, notes = _wanted(pack, settings)
    if run.exists:
        _refuse_other_beginning(run, settings)
        same = _continued(pack, run, settings, (wanted, trusted, notes))
        if run.begun_with and not run.saved:  # killed before its first state was written
            same = replace(same, beginning=_beginning(pack, settings, same.recipe))
        same = _within_memory(pack, run, settings, place, same)
        return (
            same
            if settings.more is None
            else _longer(pack, run, (seconds(settings.more), begun), same, place)
        )
    first = _beginning(pack, settings, wanted)
    if first is not None:
        notes = (*notes, first.words)
    elif wanted.warm is not None:
        notes = (*notes, _warm(wanted.warm))
    fresh = Plan(wanted, False, notes, trusted, beginning=first)
    fresh = _within_memory(pack, run, settings, place, fresh)
    if settings.time is not None:
        return _timed(pack, settings, place, fresh, (seconds(settings.time), begun))
    return _repeated(settings, fresh)


def _timed(
    pack: Pack, settings: TrainSettings, place: Place, fresh: Plan, given: tuple[float, float]
) -> Plan:
    """The plan with a budget for so many seconds, given at a moment of the clock."""
    total, begun = given
    wanted, free = fresh.recipe, free_memory(place.device)
    pictures = source(pack, wanted)
    with held_meanwhile(place.device) as held:  # the benchmark is a dry run of all its steps
        place = decided(wanted, pictures, place)
        speed = budget.measure(wanted, pictures, place, seconds=min(BENCHMARK, BRIEF * total))
    if not fresh.memory and (warning := shortage(held.most, free)):
        fresh = replace(fresh, notes=(*fresh.notes, warning))
    time = budget.TimeBudget(total, speed, begun=begun)
    images = speed.images(total - time.elapsed, wanted.batch)
    notes = (
        *fresh.notes,
        f"This machine trains {speed.mean:.0f} images/s with this recipe: {words(total)} are about "
        f"{images:,} images. The number follows what the machine gives while it trains.",
    )
    if "images" in settings.changes:
        notes = (*notes, "The time decides the budget; images= of --set is not used.")
    return replace(
        fresh,
        recipe=replace(wanted, images=images),
        notes=notes,
        speed=speed,
        precision=place.precision,
        time=time,
        legs=(Leg(0, images, threads=speed.threads),),
    )


# ---- memory ----------------------------------------------------------------------------------


def _within_memory(
    pack: Pack, run: Run, settings: TrainSettings, place: Place, chosen: Plan
) -> Plan:
    """The plan with batches in as many parts as --memory asks for, and what it then needs.

    How batches are divided is part of a run, and of a saved recipe: that stays.

    Raises:
        TrainingError: it cannot fit; what would is named.
    """
    if settings.memory is None:
        return chosen
    if place.world > 1:
        raise TrainingError(
            f"--memory is kept by one process, and these are {place.world}. Leave it out, or "
            "start one."
        )
    dry = DryStep(source(pack, chosen.recipe), place, _look(pack, run))
    fixed = chosen.continues or settings.recipe.endswith(".json")
    others = None if fixed else _smaller(pack, settings, dry.source)
    fitted = within(byte_count(settings.memory), chosen.recipe, dry, others)
    notes = (*chosen.notes, fitted.words)
    return replace(chosen, recipe=fitted.recipe, notes=notes, memory=fitted.record)


def _smaller(
    pack: Pack, settings: TrainSettings, whole: BatchSource
) -> Iterator[tuple[str, Recipe, BatchSource]]:
    """Trainings that need less: how to ask for each, its recipe and its pictures."""
    file = recipe.find(settings.recipe)
    made = _wanted(pack, settings)[0]
    if made.batch > LEAST and made.batch % LEAST:
        batch = made.batch // LEAST * LEAST
        yield f"--set batch={batch}", replace(made, batch=batch, micro_batches=1), whole
    width = getattr(made.networks["G"], "width", 0)
    for narrow in filter(None, (width // 2, width // 4)):
        with suppress(RecipeError):
            changes = {**settings.changes, "width": str(narrow)}
            other = _wanted(pack, replace(settings, changes=changes))[0]
            yield f"--set width={narrow}", other, whole
    half = half_of(pack.size)
    with suppress(RecipeError):
        if file.serves(half):
            frame, _ = _frame(pack, file, settings)
            other = _made(pack, settings, {**frame, "size": half})
            yield f"pictures of {half} px (prepare --size {half})", other, Halved(whole)


def _look(pack: Pack, run: Run) -> Callable[[Trainer], None]:
    """What watchers do at a look: real pictures, samples chosen by D, and a judge of these."""
    judge = choose(pack.channels, pack.size)

    def look(trainer: Trainer) -> None:
        real_stats(Scene(trainer, run))
        judge(trainer.sampler(choosing=True).pictures(0, 0, LOOKED_AT))
        if trainer.recipe.prior.learns:
            trainer.encodings(LOOKED_AT)

    return look


def _beginning(pack: Pack, settings: TrainSettings, wanted: Recipe) -> Beginning | None:
    """What is taken over from the run that is to be begun with, if one is named."""
    if settings.begin_with is None:
        return None
    return beginning(Run.open(settings.begin_with), pack, wanted)


def _refuse_other_beginning(run: Run, settings: TrainSettings) -> None:
    """Refuse to continue a run that was begun with something else; the run it names may be gone.

    Raises:
        RunError: saying what it was begun with, or that it needs that run once more.
    """
    known, asked = run.begun_with.get("name"), settings.begin_with
    if asked is None and known and not run.saved:
        raise RunError(
            f"{run.path} was stopped before it had taken over the weights of {known}. Give the "
            "same command again, with --begin-with."
        )
    if asked is not None and asked.resolve().name != known:
        raise RunError(
            f"{run.path} was begun with {f'the weights of {known}' if known else 'no other run'}, "
            f"not with those of {asked}, and it goes on from its own. Leave --begin-with out, or "
            "name another folder with --into."
        )


def _repeated(settings: TrainSettings, fresh: Plan) -> Plan:
    """A saved recipe.json brings the plan that lies beside it: the same legs, the same bits."""
    old = Run(Path(settings.recipe).parent)
    legs = Leg.read(old.plan()) if settings.recipe.endswith(".json") else ()
    if not legs or legs[-1].budget != fresh.recipe.images:
        return fresh
    note = (
        f"The plan of {old.path} is followed: the same budgets and numbers of threads at the same "
        "moments."
    )
    if old.begun_with and fresh.beginning is None:
        note += (
            f" It was begun with the weights of {old.begun_with.get('name')}, which --begin-with "
            "names; without them this becomes another run."
        )
    known = old.env().get("place", {}).get("precision", {})
    return replace(fresh, legs=legs, precision=known, notes=(*fresh.notes, note))


def _wanted(
    pack: Pack, settings: TrainSettings, *, grouped: bool = True
) -> tuple[Recipe, tuple[str, ...], tuple[str, ...]]:
    """The recipe as asked for, without a time budget.

    Without ``grouped`` it is not told which label columns belong together, as once.
    """
    if settings.recipe.endswith(".json"):
        saved = recipe.load(Path(settings.recipe))
        if settings.changes or settings.augment:
            raise RecipeError(
                "A saved recipe.json is taken as it is, so --set and --augment cannot change it. "
                "Name the recipe instead (--recipe swift), or edit a copy of the file."
            )
        _fits(saved, pack)
        return saved, (), ()
    file = recipe.find(settings.recipe)
    frame, notes = _frame(pack, file, settings)
    made = _made(pack, settings, frame, grouped=grouped)
    _fits(made, pack)
    trusted = (file.module,) if file.path.parent != recipe.FOLDER else ()
    return made, trusted, notes


def _made(
    pack: Pack, settings: TrainSettings, frame: Mapping[str, int], *, grouped: bool = True
) -> Recipe:
    """The recipe of a name or a file, with its settings, for a frame."""
    groups = column_groups(pack) if frame["labels"] and grouped else ()
    file = recipe.find(settings.recipe)
    made = recipe.make(file, settings.changes, {**frame, "groups": groups})
    return replace(made, transforms=settings.augment) if settings.augment else made


def _frame(
    pack: Pack, file: recipe.RecipeFile, settings: TrainSettings
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The size, channels, labels and classes that the recipe is asked to serve, and words.

    ``classes`` of the label columns are one choice; the others are attributes of their own.
    """
    only_classes = 0 < len(pack.classes) == len(pack.columns)
    labeled = only_classes if settings.labels is None else settings.labels
    labeled = (labeled or LABELS[file.labels] == 2) and len(pack.columns) > 0
    if not file.serves(pack.size):
        able = [r.name for r in recipe.names() if r.sizes and r.serves(pack.size)]
        instead = f". Recipes that make {pack.size} px: {', '.join(able)}" if able else ""
        raise RecipeError(
            f"The recipe {file.name!r} makes pictures of {_list(file.sizes)} px, but {pack.path} "
            f"holds {pack.size} px. Prepare it again: lookalike prepare SOURCE --to PACK "
            f"--size {min(file.sizes, key=lambda size: abs(size - pack.size))}{instead}"
        )
    if pack.channels not in file.channels:
        able = [r.name for r in recipe.names() if pack.channels in r.channels]
        instead = f", or use one of: {', '.join(able)}" if able else ""
        near = 3 if 3 in file.channels else min(file.channels, default=3)
        raise RecipeError(
            f"The recipe {file.name!r} works with {_list(file.channels)} channels, but {pack.path} "
            f"has {pack.channels}. Prepare it again {option_for(near, pack.channels)}{instead}."
        )
    if LABELS[file.labels] == 2 and not labeled:
        able = [r.name for r in recipe.names() if LABELS[r.labels] < 2]
        raise RecipeError(
            f"The recipe {file.name!r} needs labels, and {pack.path} has none. Put the pictures "
            f"into one sub-folder per class, or use one of: {', '.join(able)}."
        )
    used = len(pack.columns) if labeled and LABELS[file.labels] else 0
    notes: tuple[str, ...] = ()
    if settings.labels is None and not labeled and pack.columns and LABELS[file.labels]:
        notes = (
            f"The pack has {len(pack.columns)} label columns with attributes; this run does not "
            "use them. With --labels the generator can be asked for them.",
        )
    if labeled and not used:
        able = [r.name for r in recipe.names() if LABELS[r.labels]]
        notes = (
            f"The pack has labels, which {file.name!r} does not use. "
            f"Recipes that do: {', '.join(able) or 'none'}.",
        )
    frame = {"size": pack.size, "channels": pack.channels, "labels": used}
    return {**frame, "classes": len(pack.classes) if used else 0}, notes


def _warm(start: WarmStart) -> str:
    return (
        f"As far as they fit, {', '.join(start.players)} begin with weights that have learned to "
        f"draw ({start.name}), which saves steps; --set warm=none begins with random ones."
    )


def _list(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers))


def _fits(made: Recipe, pack: Pack) -> None:
    fitting(made.transforms, made.size, made.channels)
    if (made.size, made.channels) != (pack.size, pack.channels):
        raise RecipeError(
            f"The recipe is for {made.size} px with {made.channels} channels, but {pack.path} "
            f"holds {pack.size} px with {pack.channels}. Prepare the pictures at that size, or "
            "leave size and channels out: they are taken from the pack."
        )
    if made.labels not in {0, len(pack.columns)}:
        raise RecipeError(
            f"The recipe expects {made.labels} label columns, {pack.path} has {len(pack.columns)}."
        )


def _continued(
    pack: Pack,
    run: Run,
    settings: TrainSettings,
    asked: tuple[Recipe, tuple[str, ...], tuple[str, ...]],
) -> Plan:
    """The recipe in the folder, after checking that it is the one that is asked for."""
    wanted, trusted, notes = asked
    wanted = _divided(run, wanted)
    saved = run.recipe(trusted)
    data = run.env().get("data", {})
    if data and data.get("fingerprint") != pack.fingerprint:
        raise RunError(
            f"{run.path} was trained on other pictures ({data.get('path')}). Name another folder "
            "with --into, or the pack it was begun with."
        )
    counted = settings.time is None and settings.more is None and "images" in settings.changes
    images = wanted.images if counted else saved.images
    grown = replace(saved, images=max(saved.images, images))
    differing = _differing(grown, replace(wanted, images=images))
    for before in _as_before(pack, settings, wanted) if differing else ():
        others = _differing(grown, replace(_divided(run, before), images=images))
        differing = min(differing, others, key=len)
    if differing:
        raise RunError(
            f"{run.path} holds a run with other settings ({'; '.join(differing[:4])}). The same "
            "command continues a run; for another one name another folder with --into."
        )
    if images > saved.images:
        notes = (*notes, _grown(saved.images, images))
    return _kept(run, Plan(grown, True, notes, trusted))


def _as_before(pack: Pack, settings: TrainSettings, wanted: Recipe) -> Iterator[Recipe]:
    """What was asked for, as it was before generators cut their maps at a ``limit``.

    And as it was before that, when flows crossed no labels, or had no ``early``, or no groups, or
    when classes alone were exchanged, too.
    """
    if settings.recipe.endswith(".json"):
        return
    maker = wanted.networks.get("G")
    for name, plan in (("G", maker), ("G.base", getattr(maker, "base", None))):
        if hasattr(plan, "limit"):
            uncut = {f"networks.{name}.limit": "0"}
            settings = replace(settings, changes={**uncut, **settings.changes})
    yield _wanted(pack, settings)[0]
    later = {"prior.early": "0"} if isinstance(wanted.prior, Flow) else {}
    earlier = replace(settings, changes={**later, **settings.changes})
    eras = [(settings, True), (earlier, True)]
    if wanted.labels:
        eras += [(earlier, False), (settings, False)]
        if recipe.find(settings.recipe).takes("exchange"):
            exchange = {"exchange": "0.1"}
            both = (settings, earlier)
            eras += [(replace(one, changes={**exchange, **one.changes}), True) for one in both]
    for asked, grouped in eras:
        yield _uncrossed(_wanted(pack, asked, grouped=grouped)[0], wanted, settings)


def _uncrossed(before: Recipe, wanted: Recipe, settings: TrainSettings) -> Recipe:
    """The recipe with a flow that crosses no labels, or as it is wanted where settings say that."""
    if not (isinstance(before.prior, Flow) and isinstance(wanted.prior, Flow)):
        return before
    asked = any(name.startswith(("crossed", "prior.crossover")) for name in settings.changes)
    crossover = wanted.prior.crossover if asked else None
    return replace(before, prior=replace(before.prior, crossover=crossover))


def _divided(run: Run, wanted: Recipe) -> Recipe:
    """The recipe with its batches in parts, where --memory asked for them when the run began."""
    parts = run.env().get("memory", {}).get("micro_batches")
    if not isinstance(parts, int) or parts < 1 or wanted.batch % parts:
        return wanted
    return replace(wanted, micro_batches=parts)


def _differing(saved: Recipe, wanted: Recipe) -> list[str]:
    """The settings in which two recipes differ, in words."""
    return _differences(codec.encode(saved), codec.encode(wanted))


def _kept(run: Run, same: Plan) -> Plan:
    """The plan that the run follows, and the time that it still has; a grown budget is a new leg.

    Legs behind the newest checkpoint were decided by a process that was killed: they are played
    again as they were, unless the budget has grown since.
    """
    known, done, images = run.plan(), run.progress(), same.recipe.images
    legs = Leg.read(known) or (Leg(0, int(run.recipe_values().get("images", images))),)
    if legs[-1].budget != images:
        legs = tuple(leg for leg in legs if leg.images <= done)
        return replace(same, legs=(*legs, Leg(done, images, threads=legs[-1].threads)))
    return replace(same, legs=legs, time=budget.TimeBudget.read(known))


def refuse_more(run: Run, settings: TrainSettings) -> None:
    """Refuse more time for a run that is not there.

    Raises:
        RunError: naming the option to use instead.
    """
    if settings.more is not None and not run.exists:
        raise RunError(
            f"There is no run in {run.path} to train further. Give its budget with --for instead "
            "of --more, or name the folder of a run with --into."
        )


def _longer(pack: Pack, run: Run, given: tuple[float, float], same: Plan, place: Place) -> Plan:
    """The plan of a finished run with more seconds on top, given at a moment of the clock.

    An unfinished run is as it was.
    """
    more, begun = given
    chosen, done = same.recipe, run.progress()
    if done < chosen.images:
        first = (
            f"{run.path} is not finished ({done:,} of {chosen.images:,} images), so it goes on to "
            "the end of its budget; --more then trains it further."
        )
        return replace(same, notes=(*same.notes, first))
    pictures = source(pack, chosen)
    place = decided(chosen, pictures, _as_begun(run, place))
    brief = min(BENCHMARK, BRIEF * more)
    speed = budget.measure(chosen, pictures, place, seconds=brief, shares=budget.LATE)
    time = budget.TimeBudget(more, speed, begun=begun)
    images = done + speed.images(more - time.elapsed, chosen.batch)
    return replace(
        same,
        recipe=replace(chosen, images=images),
        notes=(*same.notes, _grown(chosen.images, images)),
        speed=speed,
        time=time,
        legs=(*same.legs, Leg(done, images, threads=speed.threads)),
    )


def _grown(before: int, images: int) -> str:
    return (
        f"The budget grows from {before:,} to {images:,} images. Schedules run over the whole of "
        "it, so learning rates rise again before they fall."
    )


def _differences(saved: Any, wanted: Any, path: str = "") -> list[str]:
    if isinstance(saved, dict) and isinstance(wanted, dict):
        keys = [*saved, *(k for k in wanted if k not in saved)]
        return [d for k in keys for d in _differences(saved.get(k), wanted.get(k), f"{path}.{k}")]
    return [] if saved == wanted else [f"{path.strip('.')}: {saved} there, {wanted} now"]


def source(pack: Pack, chosen: Recipe) -> BatchSource:
    """The training pictures in the order that the recipe's seed gives."""
    if len(pack.train) == 0:
        raise DataError(f"{pack.path} has no training pictures. Prepare it again.")
    few = chosen.objective.labeled
    policy = Policy(chains(chosen.transforms), chosen.seed) if chosen.transforms else None
    whole = SplitBatches(
        pack.train, chosen.seed, labeled=chosen.labels > 0, mirror=chosen.mirror, policy=policy
    )
    return with_few_labels(whole, few) if few and chosen.labels else whole


def decided(chosen: Recipe, pictures: BatchSource, place: Place) -> Place:
    """The place with a precision for every player, measured where the person left it open."""
    if place.precision:
        return place
    trainer = Trainer(chosen, pictures, place)
    return place.decided(precision.decide(trainer))


def train(
    pack: Pack,
    run: Run,
    chosen: Plan,
    place: Place,
    watchers: Callable[[Trainer], Sequence[Watcher]] = lambda trainer: (),
    say: Callable[[str], None] = lambda words: None,
) -> SessionResult:
    """Train, or continue, to the end of the budget. Only rank 0 writes.

    Raises:
        RunLockedError, NotFiniteError, RangeError, CheckpointError.
    """
    pictures = source(pack, chosen.recipe)
    place = _as_begun(run, place, chosen.precision)
    trainer = Trainer(chosen.recipe, pictures, place)
    agreed = trainer.group.agree(
        dict(place.precision or precision.decide(trainer)) if place.main else {}
    )
    trainer.place = place.decided(agreed)
    legs = chosen.legs or (Leg(0, chosen.recipe.images, threads=torch.get_num_threads()),)
    time = chosen.time if place.world == 1 else None
    planner = Planner(run, trainer, trainer.group.agree(legs), time, say)
    if not place.main:
        return Session(run, trainer, planner=planner).fit()
    with run.writing():
        env = {"data": _data(pack), "budgets": _budgets(run, chosen.recipe.images)}
        first = chosen.beginning
        if _shared_otherwise(run):
            run.say(SHARED)
        known = dict(first.record) if first else run.begun_with if chosen.continues else {}
        env |= {"begun_with": known} if known else {}
        memory = {**run.env().get("memory", {}), **chosen.memory}
        env |= {"memory": memory} if memory else {}
        if first is not None:  # before the recipe makes it a run, which knows what it begins with
            run.write_env(env)
        run.write_recipe(chosen.recipe)
        run.write_env({**describe(trainer.place), **env})
        if first is not None:
            run.write_seen(first.seen)
            take_over(trainer, first.state, first.players)
            run.save(0, training_state(trainer))
            run.say(first.words)
        planner.save()
        return Session(run, trainer, watchers(trainer), planner=planner).fit()


def _as_begun(run: Run, place: Place, measured: Mapping[str, str] | None = None) -> Place:
    """In the precision that the run began with, or that the benchmark measured: not decided twice.

    What a person asked for comes first.
    """
    known = run.env().get("place", {}).get("precision", {}) or measured
    return place.decided(known) if known and place.wish == "auto" else place


SHARED = (
    "Several processes shared the batches of this run, and each computed batch statistics over its "
    "own rows, with noise of its own. From here on both are of the whole batch, as in one process."
)


def _shared_otherwise(run: Run) -> bool:
    """Whether several ranks of an earlier version, which knew their own rows alone, were last."""
    place = run.env().get("place", {})
    return int(place.get("processes", 1)) > 1 and not place.get("shared_batches")


def _budgets(run: Run, images: int) -> list[int]:
    """Every budget in images that the run has had, in order: it repeats with these in turn."""
    last = run.recipe_values().get("images", images)
    earlier: list[int] = [*run.env().get("budgets", [])[:-1], last]
    if last == images:
        return earlier
    run.say(_grown(earlier[-1], images))
    return [*earlier, images]


def _data(pack: Pack) -> dict[str, Any]:
    return {
        "path": str(pack.path.resolve()),
        "name": pack.path.resolve().parent.name if pack.name == "pack" else pack.name,
        "fingerprint": pack.fingerprint,
        "train": len(pack.train),
        "holdout": len(pack.holdout),
        "classes": list(pack.classes),
        "columns": list(pack.columns),
    }
