"""lookalike studio: the page, served until Ctrl-C."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from lookalike.cli import output
from lookalike.errors import need
from lookalike.settings.studio import LOOPBACK, StudioSettings

app = App(
    name="studio",
    help="Start, watch, explore, edit, keep and judge on a page in your browser.",
    help_epilogue="It prints one link with a token, which lets one browser in. Trainings go on "
    "when the page or this command ends. On another machine: ssh -L 8420:localhost:8420 THERE, "
    "and lookalike studio --no-open there.",
    help_format="plaintext",
    result_action="return_value",
)


@app.default
def studio(
    folder: Path = Path("."),
    /,
    *,
    settings: StudioSettings | None = None,
    json: output.Json = False,
) -> None:
    """Serve the page.

    Parameters
    ----------
    folder
        The folder with your pictures and runs; nothing outside of it is shown.
    """
    for package in ("starlette", "uvicorn"):
        need(package, "studio", "The studio")
    from lookalike.studio.server.server import Served, serve

    settings = settings or StudioSettings()

    def say(served: Served, link: str) -> None:
        if json:
            told = {"link": link, "port": served.port, "folder": served.studio.library.root}
            output.result(told, as_json=True)
            return
        output.out(f"The studio is open: {link}")
        if settings.host not in LOOPBACK:
            output.say(f"Careful: {settings.host} is reached from your network.")
        output.say("Ctrl-C ends it; a training goes on.")

    serve(folder.expanduser(), settings, say)
