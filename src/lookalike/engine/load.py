"""A trained run, opened: its averaged generator with its prior, and the pack it was trained on.

Scores against pictures that a generator was trained on flatter it. So every verb that judges a run
or adds its pictures to a pack asks :func:`training_pack`, and only the fingerprint decides: it
covers the pictures, their labels and the split, so a moved pack is the same pack, and one that was
split anew is not.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import checkpoints
from lookalike.data.decode.previous_pack import identities_in, known_sides
from lookalike.data.pack.pack import Pack
from lookalike.engine.sampler import Sampler, choosing_by, sampler_over
from lookalike.errors import CheckpointError, LookalikeError, PackError, RecipeError, RunError
from lookalike.parts.latents.priors import Learned
from lookalike.parts.losses.game import Game
from lookalike.parts.networks.base import Frame, Invertible, NetworkPlan, Networks
from lookalike.parts.training.warm_start import difference
from lookalike.place import Place
from lookalike.recipe import Drawing, Recipe, codec
from lookalike.run import Run
from lookalike.settings.options import option_for
from lookalike.sizes import read_size

PRETRAINED = re.compile(r'"part":\s*"(lookalike\.parts\.features:)?Pretrained"')
"""A part with frozen pretrained features in a saved recipe, by its name now or in version 0.1."""


def open_sampler(
    run: Run,
    place: Place,
    which: str = "auto",
    trusted: tuple[str, ...] = (),
    candidates: int | None = None,
) -> tuple[Sampler, Drawing, int]:
    """A sampler over the averaged generator of a run, what it draws, and the images it had seen.

    Players compute in the precision of their training, unless the place asks for one: a file then
    depends on the run, the seed and the index, and not on a measurement of the moment. Each picture
    is the best of this many ``candidates``, or of as many as the run measured at its end to be
    nearest to held-out pictures, or of as many as the recipe's choice says.

    Raises:
        RecipeError: candidates are asked for, and the recipe does not say how to choose.
        CheckpointError: there is no whole state, or it is another recipe's.
    """
    candidates = run.candidates() if candidates is None else candidates
    drawing = run.drawing(trusted, candidates)
    state = run.state(which)
    frame = Frame(drawing.size, drawing.channels, drawing.labels)
    networks = _networks(run, frame, drawing.plans, state)
    for network in networks.values():
        place.settle(network.eval().requires_grad_(False))
    game = Game(networks, {}, autocast=_as_trained(run, place, networks).autocast)
    plain = sampler_over(game, drawing, state["prior"], state["labels"], place.device)
    return choosing_by(drawing.choice, game, plain), drawing, int(state["clock"][0])


def _as_trained(run: Run, place: Place, networks: Networks) -> Place:
    """The place in the precision that each player was trained in, unless it asks for one."""
    if place.wish != "auto":
        return place.decided(dict.fromkeys(networks, place.wish))
    precision = run.env().get("place", {}).get("precision", {})
    return place.decided({name: precision.get(name, "fp32") for name in networks})


@dataclass(frozen=True, eq=False)
class OpenedPlayers:
    """The players of a run with their averaged weights, and what its prior has learned.

    ``which`` is the state that they are of, by the name that ``--checkpoint`` has for it, and
    ``why`` says why it is, where there was a choice.
    """

    recipe: Recipe
    networks: Networks
    learned: Learned
    labels: Tensor | None
    images_seen: int
    which: str = "auto"
    why: str = ""


def open_players(
    run: Run,
    place: Place,
    trusted: tuple[str, ...] = (),
    which: str = "auto",
    *,
    names: bool = False,
) -> OpenedPlayers:
    """The players that a state keeps, to read pictures with as well as to draw, in float32.

    They are those of the state that is drawn from, unless it lacks one that reads pictures or
    chooses them (the best state of a recipe whose D does nothing else): then all are of the newest
    state. With ``names`` its reason says how to take the other.

    Raises:
        CheckpointError: there is no whole state, or it is another recipe's.
    """
    recipe = run.recipe(trusted)
    state, which, why = _chosen(run, recipe, which, names=names)
    drawing = run.shared or "networks" not in state
    players = {"G", *_players(state)} if drawing else set(recipe.networks)
    plans = {name: plan for name, plan in recipe.networks.items() if name in players}
    frame = Frame(recipe.size, recipe.channels, recipe.labels)
    networks = _networks(run, frame, plans, state)
    for network in networks.values():
        place.settle(network.eval().requires_grad_(False))
    seen = int(state["clock"][0])
    return OpenedPlayers(recipe, networks, state["prior"], state["labels"], seen, which, why)


def _chosen(
    run: Run, recipe: Recipe, which: str, *, names: bool
) -> tuple[dict[str, Any], str, str]:
    """A state with all who read and choose, the name of it, and why it is this one."""
    state = run.state(which)
    if which != "auto":
        return state, which, ""
    if not run.takes_best:
        return state, "last", run.why(names=names)
    if "networks" in state:  # the best is damaged, which has been said
        return state, "last", ""
    wanted = {name for name, plan in recipe.networks.items() if isinstance(plan, Invertible)}
    wanted |= set(recipe.choice.players) if recipe.choice else set()
    missing = wanted - _players(state)
    if not missing:
        return state, "best", run.why(names=names)
    why = (
        f"The last state is used: the best one does not keep {', '.join(sorted(missing))}, which "
        "is needed here."
    )
    return run.state("last"), "last", f"{why} The other one: --checkpoint best." if names else why


def _players(state: Mapping[str, Any]) -> set[str]:
    """The players of whom a state keeps weights."""
    return {*state["averages"], *(key.partition(".")[0] for key in state.get("networks", {}))}


def _networks(
    run: Run, frame: Frame, plans: Mapping[str, NetworkPlan], state: Mapping[str, Any]
) -> Networks:
    """The players with the averaged weights of each, or its own where no average is kept."""
    try:
        networks = Networks.build(plans, frame)
        for name, network in networks.items():
            network.load_state_dict(_weights(name, state))
    # What a damaged recipe.json makes of networks can fail in any way that Python knows.
    except Exception as problem:
        raise CheckpointError(
            f"The checkpoint of {run.path} does not fit its recipe.json "
            f"({(str(problem) or type(problem).__name__).splitlines()[0]}). One of them was "
            "changed after the training: put it back, or train anew."
        ) from problem
    if not all(bool(torch.isfinite(weight).all()) for weight in networks.parameters()):
        raise CheckpointError(
            f"The checkpoint of {run.path} holds weights that are infinite or NaN, so nothing can "
            "be drawn from it. Name another one with --checkpoint, or train anew."
        )
    return networks


def _weights(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] | None = state["averages"].get(name)
    if own is not None:
        return own
    start = f"{name}."
    every = state.get("networks", {}).items()
    return {key[len(start) :]: value for key, value in every if key.startswith(start)}


def training_pack(run: Run, pack: Pack | None = None) -> Pack:
    """The pack that a run was trained on: this one, or the one that is found where it should lie.

    It is looked for at the path that the run remembers, in the run, and beside it.

    Raises:
        RunError: the given pack is another one, or the run's own is gone, has changed or is not
            known. The message is a whole sentence.
    """
    data = run.env().get("data", {})
    wanted, path = data.get("fingerprint"), data.get("path")
    if pack is not None:
        if pack.fingerprint == wanted:
            return pack
        raise RunError(
            f"{run.path} was not trained on {pack.path} as it is now, so it may have seen the "
            "held-out pictures. Train on this pack, or name the pack of the run."
        )
    if not path:
        raise RunError(f"{run.path} does not say which pack it was trained on.")
    packs = list(_packs(run, Path(path)))
    for candidate in packs:
        if candidate.fingerprint == wanted:
            return candidate
    if packs:
        raise RunError(
            f"The pack at {packs[0].path} has changed since the training: {run.path} may have seen "
            "the pictures that are held out there now. Name the pack as it was, or train anew."
        )
    lost = "no longer whole" if Path(path).exists() else "no longer"
    raise RunError(f"The pack is {lost} at {path}, nor in or beside {run.path}.")


def pack_if_there(run: Run) -> tuple[Pack | None, str]:
    """The pack that a run was trained on, or None and why it is not there."""
    try:
        return training_pack(run), ""
    except RunError as problem:
        return None, str(problem)


def _packs(run: Run, remembered: Path) -> Iterator[Pack]:
    """Packs that may be the run's, the likeliest first; damaged ones are passed over."""
    home = run.path.resolve()
    places = (remembered, home / "pack", *(up / remembered.name for up in home.parents[:2]))
    for place in dict.fromkeys(places):
        try:
            yield Pack.open(place)
        except PackError:
            continue


# ---- to begin another run with ----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a training takes over from another run.

    ``state`` is that run's newest, of which it takes the networks of ``players`` and the prior.
    ``seen`` are identities of all that was trained on, ``record`` is what the new run remembers.
    """

    state: Mapping[str, Any]
    players: tuple[str, ...]
    seen: NDArray[np.int64]
    record: Mapping[str, Any]
    words: str


def beginning(run: Run, pack: Pack, chosen: Recipe) -> Beginning:
    """What a training of this recipe on this pack takes over from a run; no code of it is run.

    Raises:
        RecipeError: its networks are others.
        RunError: it was trained on pictures that are held out now, or it is not known what on.
        CheckpointError: it keeps no state to train on.
    """
    _refuse_others(run, pack, chosen)
    state = run.state("last")
    networks = Networks.build(chosen.networks, Frame(chosen.size, chosen.channels, chosen.labels))
    others = {
        name: difference(state["networks"], network, f"{name}.")
        for name, network in networks.items()
        if network.state_dict()
    }
    if others.get("G"):
        raise RecipeError(
            f"The generator of {run.path} is another network ({others['G']}). Give the same "
            "settings that it was made with (--set), or leave --begin-with out."
        )
    seen, record = _refuse_seen(run, pack), _record(run, state, others)
    words = f"{record['sentence'].removesuffix('.')}; optimizers, schedules and budget begin anew."
    words += "".join(f" {name} begins anew ({others[name]})." for name in record["anew"])
    if run.takes_best:
        words += " These are its newest weights: its best state keeps none to train on."
    if len(pack.holdout):
        words += f" None of the {len(pack.holdout):,} pictures held out here was trained on there."
    prior = json.loads(json.dumps(codec.encode(chosen.prior)))
    state = {**state, "prior": state["prior"] if prior == run.recipe_values().get("prior") else {}}
    return Beginning(state, tuple(record["players"]), seen, record, words)


def _record(run: Run, state: Mapping[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    """What a run remembers of the one that it began with; ``others`` says which players differ."""
    data = run.env().get("data", {})
    name, images = run.path.resolve().name, int(state["clock"][0])
    players = [player for player, other in others.items() if not other]
    return {
        "name": name,
        "images": images,
        "train": data.get("train"),
        "fingerprint": data.get("fingerprint"),
        "digest": checkpoints.digest_of(state),
        "players": players,
        "anew": [player for player, other in others.items() if other],
        "sentence": f"{', '.join(players)} began with the weights of {name} ({images:,} images "
        f"shown, {data.get('train', 0):,} pictures trained on).",
    }


def _refuse_others(run: Run, pack: Pack, chosen: Recipe) -> None:
    """Refuse a run whose networks cannot be those of this training.

    Raises:
        RecipeError: naming the first thing that differs, and the option that asks for it.
        RunError: it is a shared model.
    """
    _refuse_shared(run)
    values, columns = run.recipe_values(), run.env().get("data", {}).get("columns", [])
    there = {name: values.get(name) for name in ("name", "size", "channels", "labels")}
    there["size"] = read_size(there["size"])
    advice = {
        "name": f"Ask for --recipe {values.get('name')}",
        "size": f"Prepare the pictures with --size {values.get('size')}",
        "channels": f"Prepare the pictures {option_for(there['channels'] or 3, chosen.channels)}",
        "labels": "Train with --labels on a pack with the same labels"
        if there["labels"]
        else "Train without labels (--no-labels)",
    }
    for name, other in there.items():
        own = getattr(chosen, name)
        if other != own:
            what = {"name": "recipe", "labels": "label columns"}.get(name, name)
            raise RecipeError(
                f"{run.path} cannot be begun with: its {what} is {other}, and here it is {own}. "
                f"{advice[name]}, or leave --begin-with out."
            )
    if chosen.labels and list(pack.columns) != columns:
        names = sorted(set(columns) ^ set(pack.columns))[:4]
        raise RecipeError(
            f"{run.path} cannot be begun with: it learned other labels than {pack.path} has "
            f"({', '.join(names) or 'in another order'}). Train both without labels "
            "(--no-labels), or leave --begin-with out."
        )


def _refuse_shared(run: Run) -> None:
    """Refuse a model that somebody shared.

    Raises:
        RunError: it is one.
    """
    if run.shared:
        raise RunError(
            f"{run.path} is a shared model: it draws pictures and holds nothing to train with. "
            "Name the run that it was made of with --begin-with."
        )


def sides_seen(run: Run) -> dict[int, str]:
    """The side of each picture that a run has to do with, by its identities.

    What the runs that it was begun with were trained on counts as trained on.

    Raises:
        RunError: its pack is gone or has changed, or it is a shared model.
    """
    _refuse_shared(run)
    try:
        sides = known_sides(training_pack(run))
    except RunError as problem:
        raise RunError(
            f"{problem} So it is not known which pictures {run.path} was trained on, and scores "
            "against some of them would be too kind. Put its pack back to begin with it."
        ) from None
    return {**sides, **dict.fromkeys(run.seen().tolist(), "train")}


def _refuse_seen(run: Run, pack: Pack) -> NDArray[np.int64]:
    """Identities of all that a run was trained on, after checking what this pack holds out.

    Raises:
        RunError: it was trained on some of that.
    """
    seen = {key for key, side in sides_seen(run).items() if side == "train"}
    count = sum(not seen.isdisjoint(keys) for keys in identities_in(pack.holdout))
    if count:
        source = shlex.quote(str(pack.info.get("source") or "SOURCE"))
        raise RunError(
            f"{run.path} was trained on {count:,} of the {len(pack.holdout):,} pictures that "
            f"{pack.path} holds out, so scores would be too kind. A pack in which they stay to "
            f"train on: lookalike start {source} --into NEW "
            f"--begin-with {shlex.quote(str(run.path))}"
        )
    return np.array(sorted(seen), np.int64)


def pretrained_families(run: Run) -> tuple[str, ...]:
    """The families of pretrained networks that a run was trained with, as judges name theirs."""
    path = run.path / "recipe.json"
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    return ("imagenet", "efficientnet", "efficientnet-lite0") if PRETRAINED.search(text) else ()


# ---- labels by name --------------------------------------------------------------------------


def label_vector(run: Run, chosen: Drawing, wanted: str | None) -> Tensor | None:
    """The label vector for a class or attributes by name ("class=cat", "cat", "hair=long,age=0.3").

    Raises:
        LookalikeError: the run has no labels, or none of that name.
    """
    if wanted is None:
        return None
    columns: list[str] = run.env().get("data", {}).get("columns", [])
    if not chosen.labels:
        raise LookalikeError(
            f"{run.path} was trained without labels, so it cannot make {wanted!r} on request. "
            "Train on a pack with classes and a recipe that uses them (lookalike recipes)."
        )
    if len(columns) != chosen.labels:
        raise RunError(f"{run.path}/env.json does not name the {chosen.labels} label columns.")
    vector = torch.zeros(chosen.labels)
    for name, value in _labels(wanted, columns):
        vector[columns.index(name)] = value
    return vector


def _labels(text: str, columns: list[str]) -> list[tuple[str, float]]:
    """Labels with commas between; a name may hold commas, equals signs and quotes itself.

    Raises:
        LookalikeError: a part names no label.
    """
    pieces, found = text.split(","), []
    while pieces:
        # The longest name that begins here: "tench, Tinca tinca" before "tench".
        tries = range(len(pieces), 0, -1)
        names = ((count, _label_of(",".join(pieces[:count]), columns)) for count in tries)
        match = next(((count, label) for count, label in names if label is not None), None)
        if match is None:
            there = ", ".join(shlex.quote(name.removeprefix("class=")) for name in columns[:40])
            raise LookalikeError(
                f"There is no label {','.join(pieces).strip()!r}. There are: {there}."
            )
        count, label = match
        found.append(label)
        pieces = pieces[count:]
    return found


def _label_of(text: str, columns: list[str]) -> tuple[str, float] | None:
    """The column and the value that a text stands for: a name, a class, or name=value."""
    stripped = text.strip()
    bare = (
        stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] in "'\"" else stripped
    )
    for name in dict.fromkeys((text, stripped, bare)):
        for column in (name, f"class={name}"):
            if column in columns:
                return column, 1.0
    column, _, value = stripped.rpartition("=")
    try:
        return (column, float(value)) if column in columns else None
    except ValueError:
        return None
