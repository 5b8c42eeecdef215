"""The studio: seconds to its first page, milliseconds from slider to picture, frames, slowdown."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.common import CACHE, machine, median, spread, table
from lookalike.studio.library import id_of

FLAGS = ("--no-sandbox", "--disable-background-networking", "--no-first-run")
PAGES, MOVES, PAN_SECONDS = 5, 30, 4
CROWD, ZOOM = 10_000, 800
"""So many thumbnails are dragged, the wheel turned so far that they are pictures and no dots."""
LONG = 600_000
DRAWN = {"explore": ".map[data-ready=true]"}
"""What is waited for before a page is taken as a picture."""
WIDTHS = (1440, 820, 390)

SLIDE = """async (at) => {
  const picture = document.querySelector('.big img');
  const slider = document.querySelector('.sliders input[type=range]:not([disabled])');
  const drawn = picture.dataset.drawn ?? '';
  const begun = performance.now();
  slider.value = String(at);
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  while ((picture.dataset.drawn ?? '') === drawn && performance.now() - begun < 20000)
    await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""
"""From moving a slider to its picture on the page, in milliseconds."""

FRAMES = """async (seconds) => {
  const times = [];
  const begun = performance.now();
  while (performance.now() - begun < 1000 * seconds)
    times.push(await new Promise(requestAnimationFrame));
  return times;
}"""


@contextmanager
def program(folder: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A studio of a folder in a process of its own, and what it said: ``link`` and ``port``."""
    words = [sys.executable, "-m", "lookalike", "studio", str(folder)]
    words += ["--no-open", "--json", "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads("".join(process.stdout.readline() for _ in range(5)))
        finally:
            process.kill()


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("bench studio opens pages in Chromium: apt install chromium")
    with sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def first_pages(browser: Any, link: str) -> tuple[Any, list[float]]:
    """A page that was let in, and seconds until it was ready, each time without a cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("body[data-ready=true]")
    taken = []
    for _ in range(PAGES):
        fresh = browser.new_context(storage_state=context.storage_state()).new_page()
        begun = time.perf_counter()
        fresh.goto(link.partition("?")[0])
        fresh.wait_for_selector("body[data-ready=true]")
        taken.append(time.perf_counter() - begun)
        fresh.context.close()
    return page, taken


def slides(page: Any, link: str, run: str) -> list[float]:
    page.goto(f"{link.partition('?')[0]}#/explore/{run}")
    page.wait_for_selector(".sliders input[type=range], .learn button", timeout=LONG)
    if page.locator(".learn button").count():  # what can be changed is learned once
        page.click(".learn button")
    page.wait_for_selector(".sliders input[type=range]", timeout=LONG)
    page.evaluate(SLIDE, 0.1)
    return [page.evaluate(SLIDE, 0.2 + 0.05 * (move % 20)) for move in range(MOVES)]


def crowded(told: dict[str, Any]) -> dict[str, Any]:
    """A map with its pictures again and again until there are CROWD, each a little aside."""
    if not told["ready"]:
        return told
    count = len(told["rows"])
    each = {name: told[name] for name in ("kinds", "rows", "classes")}
    more = {name: [values[at % count] for at in range(CROWD)] for name, values in each.items()}
    places = [
        min(65_535, told["places"][at % (2 * count)] + 300 * (at // (2 * count)))
        for at in range(2 * CROWD)
    ]
    return {**told, **more, "places": places, "sheets": -(-CROWD // told["sheet"])}


def crowd(page: Any) -> None:
    """Show CROWD thumbnails, as a map of so many would be; every sheet is the first, full one."""
    page.route("**/map", lambda route: route.fulfill(json=crowded(route.fetch().json())))
    first = re.compile(r"\d+$")
    page.route(
        "**/sheet/*",
        lambda route: route.fulfill(response=route.fetch(url=first.sub("0", route.request.url))),
    )
    page.reload()


def pans(page: Any) -> list[float]:
    """Frames per second while the map is dragged, from so near that pictures are shown."""
    page.wait_for_selector(".map[data-ready=true] canvas", timeout=LONG)
    box = page.locator(".map[data-ready=true] canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -ZOOM)
    page.wait_for_timeout(500)
    page.evaluate(f"window.measured = ({FRAMES})({PAN_SECONDS})")
    page.mouse.down()
    end = time.monotonic() + PAN_SECONDS
    while time.monotonic() < end:
        for way in (1, -1):
            page.mouse.move(x + 140 * way, y + 90 * way, steps=20)
    page.mouse.up()
    times = page.evaluate("window.measured")
    return [1000 / (after - before) for before, after in pairwise(times)]


def trained(pack: Path, into: Path, images: int) -> float:
    """Images per second of a training of its own."""
    words = ["train", str(pack), "--into", str(into), "--set", f"images={images}", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", *words], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout)["images_per_second"])


def slowdown(browser: Any, pack: Path, home: Path, images: int, pairs: int) -> list[list[float]]:
    """Images per second without a page and with one that watches the training, in turns."""
    rates: list[list[float]] = [[], []]
    for pair in range(pairs):
        for watched in (False, True) if pair % 2 == 0 else (True, False):
            into = home / "runs" / f"{pair}-{watched}"
            shutil.rmtree(into, ignore_errors=True)
            if not watched:
                rates[0].append(trained(pack, into, images))
                continue
            into.mkdir(parents=True)
            with program(home) as (_, told):
                link = told["link"]
                context = browser.new_context()
                page = context.new_page()
                page.goto(link)
                page.goto(f"{link.partition('?')[0]}#/train/{id_of(into.resolve())}")
                rates[1].append(trained(pack, into, images))
                context.close()
    return rates


def screenshots(seen: Any, link: str, run: str, source: str | None, to: Path) -> None:
    """Every page, wide and narrow, light and dark, by a browser that was let in."""
    to.mkdir(parents=True, exist_ok=True)
    browser, state = seen.context.browser, seen.context.storage_state()
    places = ["start", *([f"start/{source}"] if source else []), "train", f"train/{run}"]
    places += [f"explore/{run}", f"edit/{run}", f"gallery/{run}", "judge", f"judge/{run}"]
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            view = {"width": width, "height": 900}
            own = browser.new_context(storage_state=state, color_scheme=scheme, viewport=view)
            page = own.new_page()
            for place in places:
                page.goto(f"{link.partition('?')[0]}#/{place}")
                page.wait_for_selector(
                    DRAWN.get(place.partition("/")[0], "#content h1"), timeout=LONG
                )
                page.wait_for_timeout(2500)
                name = place.replace("/", "-").replace(run, "run").replace(source or "-", "set")
                file = to / f"{name}-{width}-{scheme}.jpg"
                page.screenshot(path=str(file), type="jpeg", quality=80, full_page=True)
            own.close()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench studio")
    parser.add_argument("folder", type=Path, help="a folder with a finished run in it")
    parser.add_argument("--run", type=Path, help="that run; FOLDER/runs/… otherwise")
    parser.add_argument("--source", type=Path, help="a folder of pictures, for --screenshots")
    parser.add_argument("--pack", type=Path, help="train on this pack with and without the page")
    parser.add_argument("--images", type=int, default=1600)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--screenshots", type=Path, help="write pictures of every page here")
    asked = parser.parse_args(arguments)
    run = asked.run or next(path.parent for path in asked.folder.glob("runs/*/recipe.json"))
    id_ = id_of(run.resolve())
    rows = []
    with chromium() as browser:
        with program(asked.folder) as (_, told):
            link = told["link"]
            page, pages = first_pages(browser, link)
            rows.append(("first page, s", f"{spread(pages)}", "1"))
            if asked.screenshots:
                source = id_of(asked.source.resolve()) if asked.source else None
                screenshots(page, link, id_, source, asked.screenshots)
            if (run / "checkpoints").is_dir():
                taken = slides(page, link, id_)
                rows.append(("slider to picture, ms", spread(taken, 0), "150"))
                crowd(page)
                frames = pans(page)
                rows.append((f"frames a second, panning {CROWD:,}", spread(frames, 0), "60"))
        if asked.pack:
            home = CACHE / "studio"
            without, watched = slowdown(browser, asked.pack, home, asked.images, asked.pairs)
            slower = 100 * (1 - median(watched) / median(without))
            rows.append(("training alone, images/s", spread(without, 1), ""))
            rows.append(("training with its page open, images/s", spread(watched, 1), ""))
            rows.append(("slower by, %", f"{slower:.1f}", "3"))
    print(machine())
    print(table(rows, ("what", "found", "goal")))
