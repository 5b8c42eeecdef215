"""What a judge has to know of a run: which pack it was trained on, and with which networks.

Scores against pictures that a generator was trained on flatter it. So every verb that judges a run
or adds its pictures to a pack asks here, and only the fingerprint decides: it covers the pictures,
their labels and the split, so a moved pack is the same pack, and one that was split anew is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lookalike.data.pack.pack import Pack
from lookalike.errors import PackError, RunError
from lookalike.run import Run

PRETRAINED = re.compile(r'"part":\s*"(lookalike\.parts\.features:)?Pretrained"')
"""A part with frozen pretrained features in a saved recipe, by its name now or in version 0.1."""


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
    found = list(_packs(run, Path(path)))
    for candidate in found:
        if candidate.fingerprint == wanted:
            return candidate
    if found:
        raise RunError(
            f"The pack at {found[0].path} has changed since the training: {run.path} may have seen "
            "the pictures that are held out there now. Name the pack as it was, or train anew."
        )
    lost = "no longer whole" if Path(path).exists() else "no longer"
    raise RunError(f"The pack is {lost} at {path}, nor in or beside {run.path}.")


def _packs(run: Run, remembered: Path) -> Iterator[Pack]:
    """Packs that may be the run's, the likeliest first; damaged ones are passed over."""
    home = run.path.resolve()
    places = (remembered, home / "pack", *(up / remembered.name for up in home.parents[:2]))
    for place in dict.fromkeys(places):
        try:
            yield Pack.open(place)
        except PackError:
            continue


def pretrained_families(run: Run) -> tuple[str, ...]:
    """The families of pretrained networks that a run was trained with, as judges name theirs."""
    path = run.path / "recipe.json"
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    return ("imagenet", "efficientnet", "efficientnet-lite0") if PRETRAINED.search(text) else ()
