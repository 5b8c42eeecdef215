"""The page in one file, opened from file:// in a browser without a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lookalike import images, recipe
from lookalike.engine.load import OpenedPlayers, open_players
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.parts.latents.flow import Flow, Velocity
from lookalike.parts.networks.base import Frame, Networks
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.sharing import ShareSettings
from lookalike.share.model import SharedModel, draw_bank, main_axes, page_graphs
from lookalike.share.one_file import one_file
from lookalike.stages.share import share

pytestmark = pytest.mark.slow  # what all of them look at takes seconds to make

TITLE = "<script>document.title = 'taken'</script> & faces"
CPU = Device(device="cpu", precision="fp32", threads=1).place()


@dataclass
class Opened:
    """A page that is ready, with what it said of errors and asked of the network."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def pixels(self, canvas: str) -> bytes:
        script = (
            f"[...document.querySelector('{canvas}').getContext('2d').getImageData(0,0,32,32).data]"
        )
        return bytes(self.page.evaluate(script))

    def until(self, canvas: str, wanted: Callable[[bytes], bool]) -> bytes:
        """The pixels of a canvas as soon as they are as wanted."""
        for _ in range(100):
            if wanted(found := self.pixels(canvas)):
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{canvas} did not become what was wanted")


@pytest.fixture(scope="module")
def file(swift_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("page") / "faces.html"
    share(swift_run, to, ShareSettings(title=TITLE, data_license="CC0 <b>of mine</b>"), CPU)
    return to


@pytest.fixture
def opened(file: Path, chromium: Any) -> Iterator[Opened]:
    context = chromium.new_context(offline=True)
    page = context.new_page()
    found = Opened(page)
    page.on("console", lambda line: found.said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda problem: found.said.append(str(problem)))
    page.on("dialog", lambda dialog: found.said.append("a dialog"))
    page.on("request", lambda request: found.asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    yield found
    assert found.said == []
    foreign = [url for url in found.asked if not re.match("file:|data:|blob:", url)]
    assert foreign == []
    context.close()


def test_texts_of_people_are_shown_as_text(opened: Opened) -> None:
    assert opened.page.title() == TITLE
    assert opened.page.inner_text("h1") == TITLE
    assert "CC0 <b>of mine</b>" in opened.page.inner_text("footer")
    assert "<script>alert(1)</script>" in opened.page.inner_text("#sliders")
    assert opened.page.locator("script").count() == 4


def drawn_by_torch(players: OpenedPlayers, noise: Tensor, labels: Tensor) -> images.Pixels:
    with torch.no_grad():
        codes = players.recipe.prior.transform(noise, labels, players.learned)
        return images.to_pixels(players.networks["G"](codes, labels))


def test_the_same_noise_gives_the_picture_that_torch_draws(opened: Opened, swift_run: Run) -> None:
    players = open_players(swift_run, CPU)
    noise = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.eye(2)[[0, 1, 0]]
    wanted = drawn_by_torch(players, noise, labels).astype(int)
    script = """async ([noise, labels]) => {
      const [code] = await machine.run("prior", withLabels(noise, labels));
      return Array.from(pixels(await picture({ code: Array.from(code.data), labels })).data);
    }"""
    for row in range(3):
        given = opened.page.evaluate(script, [noise[row].tolist(), labels[row].tolist()])
        away = np.abs(np.array(given).reshape(32, 32, 4)[..., :3] - wanted[row])
        assert away.mean() <= 2
        assert away.max() <= 8


def test_a_seed_gives_the_same_pictures_again(opened: Opened) -> None:
    first = opened.pixels("#grid canvas")
    opened.page.click("#new")
    opened.until("#large", lambda now: now != first)
    assert opened.page.url.endswith("#seed=1")
    opened.page.wait_for_selector("#grid[aria-busy=false]")
    opened.page.fill("#seed", "0")
    opened.page.keyboard.press("Enter")
    assert opened.until("#grid canvas", lambda now: now == first) == first


def test_a_slider_a_choice_and_undo_change_the_picture_and_bring_it_back(opened: Opened) -> None:
    before = opened.pixels("#large")
    opened.page.locator("#sliders input").first.fill("2")
    moved = opened.until("#large", lambda now: now != before)
    opened.page.click("#reset")
    opened.until("#large", lambda now: now == before)
    options = opened.page.locator("#sliders option:not(:checked)")
    opened.page.locator("#sliders select").select_option(options.first.get_attribute("value"))
    assert opened.until("#large", lambda now: now != before) != moved


def test_the_page_is_used_by_keyboard_alone(opened: Opened) -> None:
    start = opened.pixels("#large")
    opened.page.focus("#grid button:nth-child(3)")
    opened.page.keyboard.press("Enter")
    third = opened.until("#large", lambda now: now != start)
    assert third == opened.pixels("#grid button:nth-child(3) canvas")
    opened.page.focus("#map-box")
    opened.page.keyboard.press("ArrowRight")
    there = opened.until("#large", lambda now: now != third)
    assert opened.page.is_visible("#ring")
    opened.page.focus("#sliders input")
    for _ in range(5):
        opened.page.keyboard.press("ArrowRight")
    opened.until("#large", lambda now: now != there)


def test_the_way_between_two_pictures_begins_at_one_and_ends_at_the_other(opened: Opened) -> None:
    first = opened.pixels("#large")
    opened.page.click("#set-a")
    opened.page.click("#grid button:nth-child(2)")
    second = opened.until("#large", lambda now: now != first)
    opened.page.click("#set-b")
    opened.page.fill("#between", "1")
    opened.until("#large", lambda now: now == second)
    opened.page.fill("#between", "0")
    opened.until("#large", lambda now: now == first)


def test_a_photo_is_opened_and_changed_and_words_refuse_what_is_none(
    opened: Opened, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "me.png")
    opened.page.set_input_files("#file", tmp_path / "me.png")
    opened.page.wait_for_selector("#photo-pair", state="visible")
    before = opened.pixels("#photo-before")
    opened.page.locator("#sliders input").first.fill("2")
    opened.until("#photo-after", lambda now: now != before)
    assert opened.pixels("#photo-before") == before
    (tmp_path / "words.png").write_text("no picture")
    opened.page.set_input_files("#file", tmp_path / "words.png")
    opened.page.get_by_text("words.png is not a picture").wait_for()


def test_a_picture_is_saved_as_png(opened: Opened, tmp_path: Path) -> None:
    shown = opened.pixels("#large")
    with opened.page.expect_download() as download:
        opened.page.click("#save")
    download.value.save_as(tmp_path / "saved.png")
    saved = Image.open(tmp_path / "saved.png").convert("RGBA")
    assert saved.tobytes() == shown


def test_another_thread_is_no_need_of_the_page(file: Path, chromium: Any) -> None:
    context = chromium.new_context(offline=True)
    context.add_init_script("delete window.Worker")
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    context.close()


def test_the_file_holds_no_path_and_its_policy_forbids_every_request(
    file: Path, swift_run: Run
) -> None:
    text = file.read_text("utf-8")
    assert str(swift_run.path.parent) not in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", text)


def at_full_width(labels: int) -> SharedModel:
    """Swift of 64 px at its default widths with random weights, which compress the worst."""
    torch.manual_seed(0)
    chosen = recipe.make(
        recipe.find("swift"), {"warm": "none"}, {"size": 64, "channels": 3, "labels": labels}
    )
    prior = chosen.prior
    assert isinstance(prior, Flow)
    network = Velocity(prior.dims, labels, width=prior.breadth, blocks=prior.blocks)
    learned = {f"flow/{name}": weight for name, weight in network.state_dict().items()}
    learned |= {"flow_scale": torch.ones(prior.dims), "flow_center": torch.zeros(prior.dims)}
    rows = torch.eye(labels)[torch.arange(300) % labels] if labels else None
    if rows is not None:
        learned["labels"] = rows
    plans = {name: chosen.networks[name] for name in ("G", "E")}
    networks = Networks.build(plans, Frame(64, 3, labels)).eval()
    sampler = Sampler(networks["G"], prior, learned, rows, "cpu")
    bank = draw_bank(sampler, networks["G"])
    return SharedModel(
        name="faces",
        size=64,
        channels=3,
        labels=tuple(f"class={i}" for i in range(labels)),
        noise="normal",
        width=prior.width,
        graphs=page_graphs(dict(networks), sampler, (64, 3), encoder=True),
        bank=bank,
        directions=main_axes(bank.codes),
        facts={},
    )


@pytest.mark.parametrize("labels", [0, 20])
def test_swift_at_64_px_is_at_most_four_megabytes_and_six_with_its_encoder(labels: int) -> None:
    model = at_full_width(labels)
    assert len(one_file(model, ())) <= 6e6
    bare = {name: graph for name, graph in model.graphs.items() if name != "encoder"}
    assert len(one_file(replace(model, graphs=bare), ())) <= 4e6


def test_a_page_of_somebody_else_is_not_written_over_and_ones_own_is(
    swift_run: Run, file: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "thesis.html"
    theirs.write_text("<html>mine</html>")
    with pytest.raises(DataError, match=r"thesis\.html exists and is no page of ours.*--to"):
        share(swift_run, theirs, ShareSettings(), CPU)
    assert theirs.read_text() == "<html>mine</html>"
    theirs.write_bytes(file.read_bytes())
    share(swift_run, theirs, ShareSettings(title="another"), CPU)
    assert "<title>another</title>" in theirs.read_text("utf-8")
