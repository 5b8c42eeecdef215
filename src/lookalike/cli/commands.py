"""Verbs as commands: the function of the api says what it takes, its docstring is the help."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, getdoc, signature, unwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import App
from cyclopts import Parameter as Option

from lookalike import api
from lookalike.cli import output
from lookalike.progress import Listener
from lookalike.settings.options import AnyPath
from lookalike.settings.pictures import GenerateSettings

Verb = Callable[..., Any]
DryRun = Annotated[
    bool,
    Option(
        negative="",
        help="Say what would be trained, how large it is and how long it takes; train nothing.",
    ),
]

_PATHS = {AnyPath: Path, AnyPath | Any: Path, AnyPath | None: Path | None}
_DRY_RUN = Parameter("dry_run", Parameter.KEYWORD_ONLY, default=False, annotation=DryRun)
_VERBOSE = Parameter("verbose", Parameter.KEYWORD_ONLY, default=False, annotation=output.Verbose)
_JSON = Parameter("json", Parameter.KEYWORD_ONLY, default=False, annotation=output.Json)


def __getattr__(name: str) -> App:
    """The command of a verb, made when it is first used."""
    verb = _generate if name == "generate" else getattr(api, name, None)
    if verb is None or name not in api.__all__:
        raise AttributeError(f"there is no verb {name!r}")
    more = more_about(verb)
    command = App(name=name.replace("_", "-"), help_epilogue=more, help_format="plaintext")
    command.default(as_command(verb, dry=api.plan if name == "train" else None))
    return command


def _generate(
    run: AnyPath,
    to: AnyPath | None = None,
    settings: GenerateSettings | None = None,
    *,
    listener: Listener,
) -> Any:
    """New pictures from a run. A picture depends on its seed and index only.

    Args:
        run: A run folder.
        to: The folder for the PNG files. Default: RUN/generated-SEED.
    """
    settings = settings or GenerateSettings()
    folder = to or Path(run) / f"generated-{settings.seed}"
    return api.generate(run, folder, settings, listener=listener)


def as_command(verb: Verb, dry: Verb | None = None) -> Callable[..., None]:
    """A verb as a command: it is listened to on the screen, and its result is printed.

    Its first parameter is the argument, the others are options. ``dry`` answers ``--dry-run``.
    """

    def command(
        *arguments: Any,
        json: bool = False,
        dry_run: bool = False,
        verbose: bool = False,
        **options: Any,
    ) -> None:
        asked = dry if dry is not None and dry_run else verb
        with output.screen(verbose) as listener:
            if "listener" in signature(unwrap(asked)).parameters:
                options["listener"] = listener
            answer = asked(*arguments, **options)
        if isinstance(answer, Path) and json:
            answer = {verb.__name__.strip("_"): answer}
        output.result(answer, json)
        if isinstance(answer, Path):
            output.say(f"Next: open {answer} in a browser")
        if getattr(answer, "failed", False):
            sys.exit(1)

    own = [_DRY_RUN, _JSON] if dry is not None else [_JSON]
    if _trains(verb):
        own.append(_VERBOSE)
    taken = Signature([*_parameters(verb), *own])
    command.__name__, command.__doc__ = verb.__name__, verb.__doc__
    command.__signature__ = taken  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in taken.parameters.values()}
    return command


def more_about(verb: Verb) -> str:
    """What the docstring of a verb says between its first line and its arguments, unwrapped."""
    text = (getdoc(verb) or "").replace("``", "").partition("Args:\n")[0]
    paragraphs = text.strip().split("\n\n")[1:]
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _trains(verb: Verb) -> bool:
    """Whether a verb trains something: its settings can be given a time for it."""
    settings = next((one for one in _parameters(verb) if one.name == "settings"), None)
    kinds = get_args(settings.annotation) if settings else ()
    return any(
        field.name == "time" for kind in kinds if is_dataclass(kind) for field in fields(kind)
    )


def _parameters(verb: Verb) -> list[Parameter]:
    """What a person may say to a verb; settings are flattened by their own class."""
    plain = unwrap(verb)
    every = [
        parameter
        for parameter in signature(plain).parameters.values()
        if parameter.name != "listener" and parameter.kind is not Parameter.VAR_KEYWORD
    ]
    words = SimpleNamespace(__annotations__={one.name: one.annotation for one in every})
    hints = get_type_hints(words, vars(sys.modules[plain.__module__]), include_extras=True)
    kinds = [Parameter.POSITIONAL_ONLY] + [Parameter.KEYWORD_ONLY] * len(every)
    return [
        parameter.replace(
            kind=parameter.kind if parameter.kind is Parameter.VAR_POSITIONAL else kind,
            annotation=_PATHS.get(hints[parameter.name], hints[parameter.name]),
        )
        for parameter, kind in zip(every, kinds, strict=False)
    ]
