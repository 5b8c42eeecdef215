"""A run given away: share, and load what was shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.api.signatures import local
from lookalike.progress import NOBODY, Listener
from lookalike.settings.device import Device
from lookalike.settings.options import AnyPath, filled, path_of
from lookalike.settings.sharing import ShareSettings

if TYPE_CHECKING:
    from lookalike.share.loaded import Model
    from lookalike.stages.share import Shared


@local
def share(
    run: AnyPath,
    to: AnyPath,
    settings: ShareSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Shared:
    """Give a run away: as a page in one file, or as a model folder.

    ``--to faces.html`` writes one page that opens by a double click, without a network: new
    pictures, sliders, a map, a photo of one's own. ``--to faces-model/`` writes weights, settings,
    a card, samples and ONNX files as model hubs have them; generate and evaluate take it in place
    of a run.

    Args:
        run: The folder of a run.
        to: A file that ends in .html, or a folder that is new or empty.

    Raises:
        LookalikeError: the run cannot be drawn from, or the folder is not empty.
    """
    from lookalike.run import Run
    from lookalike.stages import share as stage

    settings = filled(ShareSettings, settings, fields)
    opened, place = Run.open(path_of(run)), Device(device="cpu", precision="fp32").place()
    return stage.share(opened, path_of(to), settings, place, listener.tell)


def load(folder: AnyPath) -> Model:
    """A run or a shared model, opened to draw from in a program; runs no code of the folder's.

    >>> model = lookalike.load("faces-model/")                           # doctest: +SKIP
    >>> pictures = model.generate(16, seed=0)                            # doctest: +SKIP
    """
    from lookalike.run import Run
    from lookalike.share.loaded import Model

    place = Device(device="cpu", precision="fp32").place()
    return Model.of(Run.open(path_of(folder)), place)
