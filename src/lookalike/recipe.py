"""Recipe: everything that decides a result; and how recipes are found, changed, saved and loaded.

A recipe file holds a docstring (its first line is shown in lists), a function ``recipe(size, ...)``
and may declare ``SIZES``, ``CHANNELS`` and ``LABELS`` ("none", "optional" or "required") as plain
literals. Listing recipes reads those without importing anything.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from lookalike import codec
from lookalike.errors import LookalikeError, RecipeError

if TYPE_CHECKING:
    from lookalike.parts.augmentation import Augmentation
    from lookalike.parts.choosing import BestOf
    from lookalike.parts.networks import NetworkPlan
    from lookalike.parts.objectives import Objective
    from lookalike.parts.optimizers import OptimizerPlan
    from lookalike.parts.priors import Prior
    from lookalike.parts.schedules import Value
    from lookalike.parts.warm import WarmStart

GROUP = "lookalike.recipes"
FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a result, and nothing else: no paths, no device.

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
    prior: Prior
    objective: Objective
    choice: BestOf | None = None
    warm: WarmStart | None = None
    optimizers: Mapping[str, OptimizerPlan]
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
        found = {
            "size": (self.size, 4),
            "batch": (self.batch, 1),
            "images": (self.images, 1),
            "micro_batches": (self.micro_batches, 1),
        }
        wrong = [
            f"{name}={value} (at least {least})"
            for name, (value, least) in found.items()
            if value < least
        ]
        if self.channels not in {1, 3}:
            wrong.append(f"channels={self.channels} (1 or 3)")
        if self.batch % self.micro_batches:
            wrong.append(f"micro_batches={self.micro_batches} (must divide batch={self.batch})")
        if wrong:
            raise RecipeError(
                f"The recipe {self.name!r} has settings out of range: " + "; ".join(wrong) + "."
            )

    def dumps(self) -> str:
        """The whole recipe as JSON text."""
        return json.dumps({"format": 1, "recipe": codec.encode(self)}, indent=1)


@dataclass(frozen=True)
class RecipeFile:
    """A recipe that can be asked for: its name, what it declares, and where it is."""

    name: str
    about: str
    path: Path
    sizes: tuple[int, ...] = ()
    channels: tuple[int, ...] = (1, 3)
    labels: str = "none"

    @property
    def module(self) -> str:
        """The module name under which the file is imported."""
        own = self.path.parent == FOLDER
        return f"lookalike.recipes.{self.path.stem}" if own else f"lookalike_own_{self.path.stem}"

    def function(self) -> Callable[..., Recipe]:
        """Import the file and return its function. This runs the file."""
        if self.module in sys.modules and self.path.parent == FOLDER:
            return sys.modules[self.module].recipe  # type: ignore[no-any-return]
        spec = importlib.util.spec_from_file_location(self.module, self.path)
        if spec is None or spec.loader is None:
            raise RecipeError(f"{self.path} cannot be read as a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.module] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[self.module]  # half a module must not be found by the next call
            raise
        if not callable(getattr(module, "recipe", None)):
            raise RecipeError(
                f"{self.path} has no function 'recipe'. A recipe file defines "
                "'def recipe(size: int = 64, ...) -> Recipe'; see docs/add-a-variant.md."
            )
        return module.recipe  # type: ignore[no-any-return]


def names() -> list[RecipeFile]:
    """Every recipe that can be asked for by name, without importing any of them."""
    paths = sorted(p for p in FOLDER.glob("*.py") if not p.stem.startswith("_"))
    for point in entry_points(group=GROUP):
        spec = importlib.util.find_spec(point.module)
        if spec is not None and spec.origin:
            paths.append(Path(spec.origin))
    return [_read(path) for path in paths]


def find(name: str) -> RecipeFile:
    """The recipe of this name, or the recipe file at this path (``my_recipe.py``).

    Raises:
        RecipeError: there is none; the message lists what there is.
    """
    if name.endswith(".py"):
        path = Path(name).resolve()
        if not path.is_file():
            raise RecipeError(f"There is no recipe file {name}.")
        return _read(path)
    known = {recipe.name: recipe for recipe in names()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise RecipeError(
        f"There is no recipe {name!r}.{hint} There are: {', '.join(known)}. "
        "A file of your own is named by its path: --recipe my_recipe.py"
    )


def _read(path: Path) -> RecipeFile:
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except SyntaxError as problem:
        raise RecipeError(f"{path}, line {problem.lineno}: {problem.msg}.") from None
    declared: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in {"SIZES", "CHANNELS", "LABELS"}:
                declared[node.targets[0].id] = _literal(path, node)
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    return RecipeFile(
        name=path.stem.replace("_", "-"),
        about=about,
        path=path,
        sizes=tuple(declared.get("SIZES", ())),
        channels=tuple(declared.get("CHANNELS", (1, 3))),
        labels=str(declared.get("LABELS", "none")),
    )


def _literal(path: Path, node: ast.Assign) -> Any:
    try:
        return ast.literal_eval(node.value)
    except ValueError:
        raise RecipeError(
            f"{path}, line {node.lineno}: SIZES, CHANNELS and LABELS are read without running the "
            "file, so write them out, as in SIZES = (32, 64)."
        ) from None


def make(source: RecipeFile, settings: Mapping[str, Any], frame: Mapping[str, int]) -> Recipe:
    """Build a recipe for a frame (size, channels, labels, classes), with settings on top.

    A setting is first looked for among the parameters of the recipe's function, so that what
    depends on it is derived again; then among the tricks that go with any recipe
    (``parts/tricks.py``); then as a path into the finished recipe (``optimizers.G.eps``).

    Raises:
        RecipeError: naming every setting that does not fit, not only the first.
    """
    function = source.function()
    parameters = inspect.signature(function).parameters
    wanted: dict[str, Any] = {key: value for key, value in frame.items() if key in parameters}
    hints = get_type_hints(function)
    later: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in settings.items():
        try:
            if name in parameters:
                wanted[name] = _as(hints.get(name, Any), value)
            else:
                later[name] = value
        except RecipeError as problem:
            if _is_trick(name):
                later[name] = value  # it may be a form that the trick takes and the function not
            else:
                problems.append(f"{name}: {problem}")
    made: Recipe = function(**{k: v for k, v in wanted.items() if not problems})
    for name, value in later.items():
        try:
            if _is_trick(name):
                made = _tricked(made, name, value, frame)
            else:
                made = _set(made, name.split("."), value, tuple(parameters))
        except RecipeError as problem:
            problems.append(f"{name}: {problem}")
    _refuse(problems)
    return made


def _is_trick(name: str) -> bool:
    from lookalike.parts.tricks import TRICKS

    return name in TRICKS


def _tricked(made: Recipe, name: str, value: Any, frame: Mapping[str, int]) -> Recipe:
    """The recipe with a trick around it, or an error that names the recipes that can have it."""
    from lookalike.parts.tricks import NoSuchTrickError, changes

    try:
        parts = {field.name: getattr(made, field.name) for field in fields(made)}
        return replace(made, **changes(parts, name, value))
    except NoSuchTrickError as problem:
        if made.name in frame:  # asked below whether this one can
            raise
        able = [one.name for one in names() if _takes(one, name, value, frame)]
        raise RecipeError(f"{problem}. Recipes that take it: {', '.join(able)}.") from None


def _takes(source: RecipeFile, name: str, value: Any, frame: Mapping[str, int]) -> bool:
    """Whether a recipe takes a setting, tried at a size of its own."""
    labels = 2 if source.labels == "required" else 0
    tried = {"size": max(source.sizes or (64,)), "labels": labels, source.name: 1}
    try:
        make(source, {name: value}, {**frame, **tried})
    except LookalikeError:
        return False
    return True


def _refuse(problems: list[str]) -> None:
    if problems:
        raise RecipeError("These settings do not fit:\n  " + "\n  ".join(problems))


def _as(hint: Any, value: Any) -> Any:
    """A value given as text, as the type that the hint asks for."""
    from pydantic import TypeAdapter, ValidationError

    try:
        if isinstance(value, str) and hint not in (str, Any):
            try:
                return TypeAdapter(hint).validate_python(json.loads(value))
            except (json.JSONDecodeError, ValidationError):
                pass
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as problem:
        raise RecipeError(f"{value!r} was found; {problem.errors()[0]['msg'].lower()}") from None


def _set(part: Any, path: list[str], value: Any, also: tuple[str, ...] = ()) -> Any:
    """The part with one field, named by its path, replaced."""
    head, rest = path[0], path[1:]
    if isinstance(part, Mapping):
        if head not in part:
            raise RecipeError(f"there is no {head!r} here; there are: {', '.join(part)}")
        new = _set(part[head], rest, value) if rest else _constant(part[head], value)
        return {**part, head: new}
    choices = [f.name for f in fields(part)] if is_dataclass(part) else []
    if head not in choices:
        near = difflib.get_close_matches(head, [*choices, *also], n=1)
        every = ", ".join([*also, *choices])
        hint = f" Did you mean {near[0]!r}?" if near else f" There are: {every}."
        raise RecipeError(f"there is no such setting.{hint}")
    now = getattr(part, head)
    if rest:
        return replace(part, **{head: _set(now, rest, value)})
    if is_dataclass(now):
        return replace(part, **{head: _constant(now, value)})
    return replace(part, **{head: _as(type(now) if now is not None else Any, value)})


def _constant(now: Any, value: Any) -> Any:
    """A number in the place of a schedule means: always this number."""
    from lookalike.parts.schedules import Constant, Value

    if isinstance(now, Value):
        return Constant(float(_as(float, value)))
    raise RecipeError(f"this is a {type(now).__name__}; set one of its fields instead")


def loads(text: str, trusted: tuple[str, ...] = ()) -> Recipe:
    """The recipe that :meth:`Recipe.dumps` wrote. Runs no code of the file's.

    Raises:
        RecipeError: it is not a recipe, or it needs a file that the caller has not trusted.
    """
    try:
        held = json.loads(text)
        tree = held["recipe"]
    except (json.JSONDecodeError, KeyError, TypeError):
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
    path: Path, trusted: tuple[str, ...] = (), players: tuple[str, ...] = ("G",)
) -> Drawing:
    """What generating needs of a saved recipe; the author's own losses need not be opened for it.

    Raises:
        RecipeError: it is not a recipe, or its generator lives in a file that is not trusted.
    """
    try:
        held = json.loads(path.read_text("utf-8"))["recipe"]
        plans = {player: held["networks"][player] for player in players}
        plain = {key: held[key] for key in ("name", "size", "channels", "labels")}
        prior, choice = held["prior"], held.get("choice")
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        raise RecipeError(f"{path} is not a saved recipe with {' and '.join(players)}.") from None
    parts = {"plans": plans, "prior": prior, "choice": choice}
    return Drawing(**plain, **{name: codec.decode(part, trusted) for name, part in parts.items()})


def trust(name: str | None) -> tuple[str, ...]:
    """Run a recipe file that the person named, and return the module that it may be opened with."""
    if name is None or not name.endswith(".py"):
        return ()
    file = find(name)
    file.function()
    return (file.module,)


def load(path: Path, trusted: tuple[str, ...] = ()) -> Recipe:
    """Read a saved recipe.json."""
    try:
        return loads(path.read_text("utf-8"), trusted)
    except OSError as problem:
        raise RecipeError(f"{path} cannot be read: {problem.strerror}.") from None


def fingerprint(recipe: Recipe) -> str:
    """A short name for exactly these settings."""
    return hashlib.sha256(recipe.dumps().encode()).hexdigest()[:16]
