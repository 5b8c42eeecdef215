"""Recipe: everything that decides a result, as one frozen object; how it is saved and loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import RecipeError
from lookalike.recipe import codec
from lookalike.sizes import read_size

if TYPE_CHECKING:
    from lookalike.parts.latents.candidates import BestOf
    from lookalike.parts.latents.priors import Prior
    from lookalike.parts.losses.base import Objective
    from lookalike.parts.networks.base import NetworkPlan
    from lookalike.parts.training.diffaugment import Augmentation
    from lookalike.parts.training.optimizers import OptimizerPlan
    from lookalike.parts.training.schedules import Value
    from lookalike.parts.training.warm_start import WarmStart


# What a recipe is without saying more. Inside of functions: what only reads recipes needs no torch.


def _prior() -> Prior:
    from lookalike.parts.latents.priors import Normal

    return Normal()


def _objective() -> Objective:
    from lookalike.parts.losses.two_player import TwoPlayer

    return TwoPlayer()


def _optimizers() -> Mapping[str, OptimizerPlan]:
    from lookalike.parts.training.optimizers import Adam
    from lookalike.parts.training.schedules import Constant

    return dict.fromkeys("GD", Adam(rate=Constant(2e-4)))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a result, and nothing else: no paths, no device.

    Left out, the game is that of two players with the non-saturating loss (Goodfellow et al. 2014),
    z has 100 normal columns, and Adam moves both at 2e-4 with beta1 0.5 (Radford et al. 2016).
    ``average`` names the players whose moving average is kept, with the half-life
    ``values["ema"]`` in images; samples are drawn from the averages. ``fits`` are the shares of
    the budget after which a learning prior is fitted anew. ``transforms`` are codes such as
    ``rot_10,blur_1``: each training picture is shown as it is or changed by one of them, drawn by
    its position; held-out pictures never are. ``choice`` says which of several candidates becomes
    a finished picture; sample grids and scores during training show every picture as it is drawn.
    ``warm`` names weights of the package that networks begin with.
    """

    name: str
    size: int
    channels: int = 3
    labels: int = 0
    networks: Mapping[str, NetworkPlan]
    prior: Prior = field(default_factory=_prior)
    objective: Objective = field(default_factory=_objective)
    choice: BestOf | None = None
    warm: WarmStart | None = None
    optimizers: Mapping[str, OptimizerPlan] = field(default_factory=_optimizers)
    values: Mapping[str, Value] = field(default_factory=dict)
    average: tuple[str, ...] = ("G",)
    augment: Augmentation | None = None
    mirror: bool = False
    transforms: tuple[str, ...] = ()
    fits: tuple[float, ...] = ()
    batch: int = 64
    micro_batches: int = 1
    images: int = 2_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "size", read_size(self.size))  # a rectangle is saved as text
        except ValueError as problem:
            raise RecipeError(f"The recipe {self.name!r} is damaged: {problem}.") from None
        limits = {
            "size": (self.size, 4),
            "batch": (self.batch, 1),
            "images": (self.images, 1),
            "micro_batches": (self.micro_batches, 1),
        }
        wrong = [
            f"{name}={value} (at least {least})"
            for name, (value, least) in limits.items()
            if value < least
        ]
        if self.channels not in {1, 3, 4}:
            wrong.append(f"channels={self.channels} (1, 3 or 4)")
        if self.batch % self.micro_batches:
            wrong.append(f"micro_batches={self.micro_batches} (must divide batch={self.batch})")
        if wrong:
            raise RecipeError(
                f"The recipe {self.name!r} has settings out of range: " + "; ".join(wrong) + "."
            )

    def dumps(self) -> str:
        """The whole recipe as JSON text."""
        return json.dumps({"format": 1, "recipe": codec.encode(self)}, indent=1)


def loads(text: str, trusted: tuple[str, ...] = ()) -> Recipe:
    """The recipe that :meth:`Recipe.dumps` wrote. Runs no code of the file's.

    Raises:
        RecipeError: it is not a recipe, or it needs a file that the caller has not trusted.
    """
    try:
        saved = json.loads(text)
        tree = saved["recipe"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RecipeError("This is not a saved recipe (recipe.json of a run).") from None
    made = codec.decode(tree, trusted)
    if not isinstance(made, Recipe):
        raise RecipeError("This JSON does not hold a recipe.")
    return made


@dataclass(frozen=True)
class Drawing:
    """The part of a recipe that generating needs: no losses, no optimizers."""

    name: str
    size: int
    channels: int
    labels: int
    plans: Mapping[str, NetworkPlan]
    prior: Prior
    choice: BestOf | None = None


def load_drawing(
    path: Path, trusted: tuple[str, ...] = (), candidates: int | None = None
) -> Drawing:
    """What generating needs of a saved recipe; the author's own losses need not be opened for it.

    Other players than G are opened only where they choose among candidates: as many as the recipe
    says, or this many.

    Raises:
        RecipeError: it is not a recipe, its generator lives in a file that is not trusted, or it
            does not say how to choose among candidates.
    """
    try:
        tree = json.loads(path.read_text("utf-8"))["recipe"]
        plain = {key: tree[key] for key in ("name", "size", "channels", "labels")}
        plain["size"] = read_size(plain["size"])
        choice = codec.part(tree["choice"], trusted) if tree.get("choice") else None
        if candidates is not None and (candidates > 1 or choice is not None):
            choice = _choosing(choice, candidates, plain["name"])
        players = ("G", *(choice.players if choice else ()))
        plans = {player: codec.part(tree["networks"][player], trusted) for player in players}
        prior = codec.part(tree["prior"], trusted)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise RecipeError(
            f"{path} is not a saved recipe that pictures can be drawn from."
        ) from problem
    return Drawing(**plain, plans=plans, prior=prior, choice=choice)


def _choosing(choice: BestOf | None, candidates: int, name: str) -> BestOf:
    if choice is None:
        raise RecipeError(
            f"The recipe {name!r} does not say how to choose among {candidates} candidates, "
            "so every picture is taken as it is drawn. Leave --candidates out, or train swift."
        )
    return replace(choice, candidates=candidates)


def load(path: Path, trusted: tuple[str, ...] = ()) -> Recipe:
    """Read a saved recipe.json.

    Raises:
        RecipeError: it cannot be read, or is no recipe; the message names the file.
    """
    try:
        return loads(path.read_text("utf-8"), trusted)
    except OSError as problem:
        raise RecipeError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is damaged: it is not text. Copy the folder again.") from None
    except RecipeError as problem:
        raise RecipeError(f"{path}: {problem}") from problem


def fingerprint(recipe: Recipe) -> str:
    """A short name for exactly these settings."""
    return hashlib.sha256(recipe.dumps().encode()).hexdigest()[:16]
