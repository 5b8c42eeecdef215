"""Explore, Edit, Teach and Gallery: by requests, and in a real browser."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studio_access import faults, walked
from studio_browser import LONG, Tab
from studio_client import Answer, Client, let_in, serving

from lookalike import api
from lookalike.editing.explore.picture_map import MapPlan
from lookalike.studio.drawing import explore_page
from lookalike.studio.jobs import Job
from lookalike.studio.server.server import Served


@pytest.fixture(scope="module")
def room(edited_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that was edited with once, and its pack."""
    return Path(shutil.copytree(edited_run, tmp_path_factory.mktemp("drawing") / "room"))


@pytest.fixture(scope="module")
def drawing(room: Path) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore_page, "PLAN", MapPlan(real=120, made=48))
        with serving(room) as served:
            yield served


@pytest.fixture(scope="module")
def asker(drawing: Served) -> Client:
    return let_in(drawing)


@pytest.fixture(scope="module")
def run(asker: Client) -> str:
    return asker.ids("run")["run"]


@pytest.fixture
def tab(chromium: Any, drawing: Served) -> Iterator[Tab]:
    tab = Tab(chromium, drawing)
    yield tab
    tab.close()


def pixels(answer: Answer) -> np.ndarray:
    assert answer.status == 200, answer.body
    with Image.open(io.BytesIO(answer.body)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def told(answer: Answer) -> Any:
    return json.loads(answer.headers["x-lookalike-told"])


# ---- explore --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_picture_is_drawn_with_its_nearest_and_moved(asker: Client, run: str) -> None:
    path = f"/api/draw/explore/{run}"
    plain = asker.change(path, {"start": {"seed": 4}, "nearest": True})
    assert told(plain)["nearest"]["row"] >= 0
    moves = [{"name": "1", "amount": 2}]
    moved = asker.change(path, {"start": {"seed": 4}, "moves": moves})
    assert np.abs(pixels(plain) - pixels(moved)).mean() > 2
    again = asker.change(path, {"start": {"seed": 4}})
    assert again.body == plain.body


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"start": {"row": 10**9}},
        {"start": {"row": "../../etc/passwd"}},
        {"start": {"seed": 0}, "moves": [{"name": "none", "amount": 1}]},
        {"start": {"seed": 0, "label": "cat"}},
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(asker: Client, run: str, given: Any) -> None:
    answer = asker.change(f"/api/draw/explore/{run}", given)
    assert answer.status == 400
    assert answer.json["message"].endswith(".")


def test_the_facts_of_a_run_hold_sliders_with_measured_success(asker: Client, run: str) -> None:
    facts = asker.get(f"/api/explore/{run}").json
    assert facts["learned"]
    named = {one["name"]: one for one in facts["sliders"]}
    assert named["disc"]["kind"] == "attribute"
    assert named["disc"]["low"] <= named["disc"]["success"] <= named["disc"]["high"]
    assert named["1"]["kind"] == "axis"


def test_a_set_without_some_pictures_is_a_new_pack(asker: Client, run: str, room: Path) -> None:
    made = asker.change(f"/api/explore/{run}/without", {"rows": [0, 1, 2]}).json
    assert made["count"] == 237
    assert made["id"] == asker.ids("pack")[made["name"]]
    assert len(list((room / "pack").glob("images-*.npy"))) == 1


@pytest.mark.slow
def test_the_map_draws_where_one_clicks_and_the_lasso_keeps(tab: Tab, run: str) -> None:
    page = tab.page
    tab.open(f"explore/{run}")
    page.wait_for_selector(".map[data-ready=true]", timeout=LONG)
    page.wait_for_selector(".big img[data-drawn]", timeout=LONG)
    before = page.get_attribute(".big img", "src")
    box = page.locator(".map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.until(f"document.querySelector('.big img').src !== {json.dumps(before)}")
    page.get_by_role("button", name="Lasso").click()
    x, y, wide, high = (box[key] for key in ("x", "y", "width", "height"))
    page.mouse.move(x + 5, y + 5)
    page.mouse.down()
    for right, down in ((1, 0), (1, 1), (0, 1)):
        page.mouse.move(x + 5 + right * (wide - 10), y + 5 + down * (high - 10), steps=4)
    page.mouse.up()
    chosen = page.locator(".selection strong").inner_text()
    assert re.fullmatch(r"[\d,]+ new, [\d,]+ of yours chosen", chosen)
    page.get_by_role("button", name="Show only these").click()
    page.keyboard.press("k")
    page.locator("#toasts").get_by_text("Kept in the gallery.").wait_for()


@pytest.mark.slow
def test_what_is_under_the_pointer_shows_its_nearest_training_picture(
    tab: Tab, asker: Client, run: str
) -> None:
    page = tab.page
    tab.open(f"explore/{run}")
    page.wait_for_selector(".map[data-ready=true]", timeout=LONG)
    page.get_by_label("yours").uncheck()
    found = asker.get(f"/api/explore/{run}/map").json
    places = np.array(found["places"]).reshape(-1, 2) / 65535
    box = page.locator(".map").bounding_box()
    size = np.array([box["width"], box["height"]])
    low, high = places.min(0), places.max(0)
    scale = ((size - 50) / (high - low)).min()
    made = places[found["kinds"].index(1)]
    x, y = (made - (low + high) / 2) * scale + size / 2
    page.mouse.move(box["x"] + x, box["y"] + y)
    card = page.locator(".hover:not([hidden])")
    card.get_by_text(re.compile("new, and the nearest of yours|nearly a copy")).wait_for()
    assert card.get_by_alt_text("the nearest of yours").count() == 1


@pytest.mark.slow
def test_the_map_is_walked_by_keyboard(tab: Tab, run: str) -> None:
    page = tab.page
    tab.open(f"explore/{run}")
    page.wait_for_selector(".map[data-ready=true]", timeout=LONG)
    page.wait_for_selector(".big img[data-drawn]", timeout=LONG)
    drawn = int(page.get_attribute(".big img", "data-drawn"))
    page.locator(".map").focus()
    for key in ("ArrowRight", "ArrowDown", "+", "Enter"):
        page.keyboard.press(key)
    tab.until(f"document.querySelector('.big img').dataset.drawn > {drawn}")


@pytest.mark.slow
def test_seeds_a_path_a_slider_and_undo(tab: Tab, run: str) -> None:
    page = tab.page
    tab.open(f"explore/{run}")
    page.wait_for_selector(".big img[data-drawn]", timeout=LONG)
    page.get_by_role("tab", name="New pictures").click()
    page.wait_for_selector(".seeds[data-drawn='24']", timeout=LONG)
    page.locator(".seeds button").nth(3).click()
    tab.until("document.querySelector('.what').textContent === 'seed 0, picture 3'")
    page.get_by_role("button", name="Path from here").click()
    page.locator(".seeds button").nth(7).click()
    tab.until("document.querySelector('.what').textContent.startsWith('50 % of the way')")
    page.keyboard.press("z")
    tab.until("document.querySelector('.what').textContent === 'seed 0, picture 3'")
    page.locator(".sliders select").first.select_option(index=1)
    tab.until("document.querySelector('.what').textContent.includes(', ')")
    page.get_by_role("button", name="Reset").click()
    tab.until("document.querySelector('.what').textContent === 'seed 0, picture 3'")


@pytest.mark.slow
def test_undo_is_the_page_s_but_in_a_field_the_field_s(tab: Tab, run: str) -> None:
    page = tab.page
    tab.open(f"explore/{run}")
    page.wait_for_selector(".big img[data-drawn]", timeout=LONG)
    page.get_by_role("tab", name="New pictures").click()
    page.wait_for_selector(".seeds[data-drawn='24']", timeout=LONG)
    for place in (3, 5):
        page.locator(".seeds button").nth(place).click()
        tab.until(f"document.querySelector('.what').textContent === 'seed 0, picture {place}'")
    page.get_by_label("Seed", exact=True).focus()
    page.keyboard.type("1")
    page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    assert page.locator(".what").inner_text() == "seed 0, picture 5"
    page.locator("#content").focus()
    page.keyboard.press("Control+z")
    tab.until("document.querySelector('.what').textContent === 'seed 0, picture 3'")


@pytest.mark.slow
def test_a_page_that_is_left_before_it_opens_never_begins(tab: Tab, run: str) -> None:
    page = tab.page
    held: list[Any] = []
    page.route(f"**/api/explore/{run}", lambda route: held.append(route))
    for place in ("explore", "edit"):
        with page.expect_request(f"**/api/explore/{run}"):
            tab.open(f"{place}/{run}")
    tab.open("judge")
    page.get_by_role("heading", name="How good are they?").wait_for()
    for route in held:
        route.continue_()
    page.wait_for_timeout(1000)
    assert len(held) == 2
    assert not [url for url in tab.asked if url.endswith("/map") or "/api/draw/" in url]


# ---- edit -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_photo_is_changed_before_and_after_and_saved_at_full_size(
    tab: Tab, asker: Client, run: str, room: Path
) -> None:
    page = tab.page
    tab.open(f"edit/{run}")
    page.wait_for_selector(".page-edit .drop button:not([disabled])", timeout=LONG)
    page.set_input_files(".page-edit input[type=file]", str(room / "photo.png"))
    page.wait_for_selector(".work:not([hidden])", timeout=LONG)
    page.locator(".sliders select").first.select_option(index=1)
    page.locator(".sliders select").last.select_option(index=1)
    page.wait_for_selector("img[data-drawn]", timeout=LONG)
    masks: list[Any] = []
    page.route("**/api/draw/mask", lambda route: masks.append(route))
    page.get_by_role("button", name="Change only here").click()
    box = page.locator(".brush").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 90, steps=5)
    page.mouse.up()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_timeout(300)
        masks[0].continue_()  # what was painted is on its way while it is asked to be saved
    with Image.open(download.value.path()) as saved:
        assert saved.size == (200, 160)
        assert saved.text["lookalike:painted"] == "True"
        assert saved.text["lookalike:photo"] == "photo.png"
        found = np.asarray(saved.convert("RGB"))
    with Image.open(room / "photo.png") as photo:
        whole = np.asarray(photo.convert("RGB"))
    assert (found[120:, 150:] == whole[120:, 150:]).all()


@pytest.mark.slow
def test_a_generated_picture_is_edited_and_each_change_undone(tab: Tab, run: str) -> None:
    page = tab.page
    tab.open(f"edit/{run}")
    page.get_by_role("button", name="Take a generated picture").click()
    page.wait_for_selector(".work:not([hidden])", timeout=LONG)
    chooser = page.locator(".sliders select").first
    chooser.select_option(index=1)
    tab.until("document.querySelector('.verdict').textContent.includes('sure')")
    page.get_by_role("button", name="Change only here").click()
    page.locator(".brush").click(position={"x": 40, "y": 40})
    tab.until("document.querySelector('img[data-drawn]').dataset.drawn > 1")
    page.locator("#content").focus()
    page.keyboard.press("z")
    page.keyboard.press("z")
    tab.until("document.querySelector('.pair').textContent.includes('nothing changed yet')")
    assert chooser.input_value() == ""


def test_an_edited_picture_is_kept_with_the_moves_that_it_began_with(
    asker: Client, run: str
) -> None:
    start, begun = {"seed": 3}, [{"name": "1", "amount": 2.5}]
    made = asker.change(f"/api/draw/edit/{run}/picture", {"start": start, "moves": begun}).json
    given = {"photo": made["photo"], "start": start, "start_moves": begun}
    given["moves"] = [{"name": "2", "amount": 1}]
    saved = asker.change(f"/api/edit/{run}/save", given).json["id"]
    (kept,) = (p for p in asker.get("/api/gallery").json["pictures"] if p["id"] == saved)
    drawing = f"/api/draw/explore/{run}"
    back = asker.change(drawing, {"start": kept["start"]})
    moved = asker.change(drawing, {"start": start, "moves": begun})
    assert np.abs(pixels(back) - pixels(moved)).max() <= 2


@pytest.mark.slow
def test_what_was_moved_in_explore_is_told_when_its_edit_is_saved(tab: Tab, run: str) -> None:
    page = tab.page
    moves = [{"name": "1", "amount": 2.5}]
    handed = json.dumps({"run": run, "start": {"seed": 3, "index": 0}, "moves": moves})
    page.evaluate(f"sessionStorage.setItem('lookalike-edit', {json.dumps(handed)})")
    tab.open(f"edit/{run}")
    page.wait_for_selector(".work:not([hidden])", timeout=LONG)
    page.locator(".sliders select").first.select_option(index=1)
    page.wait_for_selector("img[data-drawn]", timeout=LONG)
    with page.expect_request("**/save") as asked, page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()
    assert asked.value.post_data_json["start_moves"] == moves


def test_a_forgotten_photo_is_asked_for_again(asker: Client, run: str) -> None:
    given = {"photo": "0" * 16, "moves": []}
    answer = asker.change(f"/api/draw/edit/{run}", given)
    assert answer.status == 404
    assert "again" in answer.json["message"]


@pytest.mark.parametrize("data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b""])
def test_what_is_no_photo_is_refused(asker: Client, run: str, data: bytes) -> None:
    assert asker.put(f"/api/draw/edit/{run}/photo", data).status == 415


@pytest.mark.parametrize("data", [b"", b"\1\0\1\0", b"\xff\xff\xff\xff" + bytes(99)])
def test_what_is_no_mask_is_refused(asker: Client, data: bytes) -> None:
    assert asker.put("/api/draw/mask", data).status == 415


@pytest.mark.slow
def test_a_slider_is_taught_by_clicks(tab: Tab, run: str) -> None:
    page = tab.page
    tab.open(f"edit/{run}")
    # Which pictures are said yes to decides whether any of the others still lacks it.
    page.evaluate("Math.random = () => 0.25")
    page.get_by_role("button", name="Teach a new slider").click()
    page.wait_for_selector(".teach-grid button:nth-child(20)", timeout=LONG)
    teach = page.get_by_role("button", name="Teach", exact=True)
    assert teach.is_disabled()
    page.get_by_label("What the slider is called").fill("odd")
    page.locator(".teach-grid button").first.focus()
    for key in "yn" * 8:
        page.keyboard.press(key)
    teach.click()
    page.locator(".teach").get_by_text("“odd” is a slider now.").wait_for(timeout=3 * LONG)
    page.locator(".sliders .name", has_text="odd").wait_for(state="attached")


def test_too_few_answers_teach_nothing(asker: Client, run: str) -> None:
    one = [{"seed": 0}]
    answer = asker.change(f"/api/teach/{run}", {"name": "few", "yes": one, "no": one})
    assert answer.status == 400
    assert "better 20" in answer.json["message"]


# ---- gallery --------------------------------------------------------------------------------


@pytest.mark.slow
def test_pictures_are_made_kept_rejected_undone_and_given_away(
    tab: Tab, asker: Client, run: str, room: Path
) -> None:
    page = tab.page
    tab.open("gallery")
    page.wait_for_selector(".gallery-grid > div, .empty:not([hidden])")
    page.keyboard.press("m")
    page.get_by_label("How many").fill("6")
    page.get_by_role("button", name="Make them").click()
    page.wait_for_selector(".gallery-grid > div:nth-child(6)", timeout=LONG)
    page.locator(".gallery-grid > div").first.click()
    for key in "kkx":
        page.keyboard.press(key)
    page.keyboard.press("z")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("x")
    page.get_by_role("button", name=re.compile("^Kept")).click()
    tab.until("document.querySelectorAll('.gallery-grid > div').length >= 2")
    kept = page.locator(".gallery-grid > div").count()
    with page.expect_download() as download:
        page.get_by_role("button", name="Zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == kept
    page.get_by_role("button", name="Save as a folder").click()
    page.get_by_label("Name", exact=True).fill("../best of")
    page.locator("dialog[open] button.main").click()
    page.locator("#toasts").get_by_text("are in the folder").wait_for()
    (folder,) = [path for path in room.iterdir() if "best" in path.name]
    assert len(list(folder.rglob("*.png"))) == kept
    marks = [one["mark"] for one in asker.get("/api/gallery").json["pictures"]]
    assert marks.count("reject") == 2


@pytest.mark.slow
def test_pictures_of_a_kind_are_shown_alone_with_the_nearest_beside(
    tab: Tab, asker: Client, run: str
) -> None:
    page = tab.page
    for seed in (31, 32):
        asker.change("/api/gallery/keep", {"run": run, "start": {"seed": seed}})
    rows = asker.get("/api/gallery").json
    for place, row in enumerate(rows["pictures"]):
        row["label"] = "tabby_cat" if place == 0 else "dog"
    page.route("**/api/gallery", lambda route: route.fulfill(json=rows))
    tab.open("gallery")
    page.get_by_label("Of which kind").select_option("tabby_cat")
    page.wait_for_selector(".gallery-grid > div:only-child")
    assert page.locator(".gallery-grid > div").get_attribute("data-id") == rows["pictures"][0]["id"]
    page.locator(".detail .near img").wait_for()
    assert "of yours" in page.inner_text(".detail .near")


@pytest.mark.slow
def test_what_is_chosen_goes_through_the_checks_of_expand_into_a_new_set(
    tab: Tab, asker: Client, run: str, room: Path
) -> None:
    page = tab.page
    starts = [{"seed": 900, "index": place} for place in range(6)]
    asker.change("/api/gallery/keep-many", {"run": run, "starts": starts})
    tab.open("gallery")
    page.get_by_role("button", name=re.compile("^Kept")).click()
    page.get_by_role("button", name="Add to the set").click()
    page.get_by_label("Name of the new set").fill("more of them")
    page.locator("dialog[open] button.main").click()
    said = page.locator("#content").get_by_text("A new set is ready")
    said.wait_for(timeout=3 * LONG)
    assert re.search(r"were added to \d+ of yours", said.inner_text())
    assert (room / "packs" / "more of them" / "pack.json").is_file()


@pytest.mark.slow
def test_a_png_of_ours_says_how_it_was_made_and_comes_back(
    tab: Tab, asker: Client, run: str, room: Path, tmp_path: Path
) -> None:
    api.generate(room / "run", tmp_path / "out", count=3, seed=21)
    page = tab.page
    tab.open("gallery")
    page.wait_for_selector(".page-gallery h1")
    tab.drop(".page-gallery", "made.png", (tmp_path / "out" / "000002.png").read_bytes())
    page.get_by_role("heading", name="How this picture was made").wait_for()
    page.get_by_role("button", name="Bring it back").click()
    page.wait_for_selector(".big img[data-drawn]", timeout=LONG)
    tab.until("document.querySelector('.what').textContent === 'seed 21, picture 2'")


def test_what_was_kept_from_the_map_comes_back_without_it(asker: Client, run: str) -> None:
    start = {"path": [{"seed": 1}, {"seed": 2}], "share": 0.4}
    moves = [{"name": "2", "amount": 1.5}]
    kept = asker.change("/api/gallery/keep", {"run": run, "start": start, "moves": moves}).json
    png = asker.get(f"/picture/gallery/{kept['id']}/file")
    said = asker.put("/api/draw/gallery/inspect", png.body).json
    assert said["run"] == run
    assert "latent" in said["start"]
    one = asker.change(f"/api/draw/explore/{run}", {"start": start, "moves": moves})
    two = asker.change(f"/api/draw/explore/{run}", {"start": said["start"], "moves": said["moves"]})
    assert np.abs(pixels(one) - pixels(two)).max() <= 2


def test_a_strange_png_says_nothing_of_itself(asker: Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    assert asker.put("/api/draw/gallery/inspect", buffer.getvalue()).status == 400
    assert asker.put("/api/draw/gallery/inspect", b"GIF89a").status == 415


@pytest.mark.parametrize("id_", ["../../pack/pack.json", "0" * 16, "x", "..%2f", "0" * 15 + "G"])
def test_no_id_leads_out_of_the_gallery(asker: Client, id_: str) -> None:
    assert asker.get(f"/picture/gallery/{id_}/file").status in (400, 404)
    assert asker.change("/api/gallery/mark", {"ids": [id_], "mark": "keep"}).status in (200, 400)
    assert id_ not in {one["id"] for one in asker.get("/api/gallery").json["pictures"]}


@pytest.mark.slow
def test_a_gallery_is_there_again_when_the_studio_is(room: Path, asker: Client, run: str) -> None:
    asker.change("/api/gallery/keep", {"run": run, "start": {"seed": 9}})
    before = asker.get("/api/gallery").json["pictures"]
    lines = room / ".lookalike-studio" / "gallery" / "pictures.jsonl"
    with lines.open("a") as file:
        file.write('{"id": "cut off')
    with serving(room, read_only=True) as served:
        reader = let_in(served)
        assert reader.get("/api/gallery").json["pictures"] == before
        kept = reader.change("/api/gallery/keep", {"run": run, "start": {"seed": 9}})
        assert kept.status == 403
        drawn = reader.change(f"/api/draw/explore/{run}", {"start": {"seed": 9}})
        assert drawn.status == 200
    lines.write_text(lines.read_text().replace('{"id": "cut off', ""))


def test_a_deleted_picture_leaves_no_mark(asker: Client, run: str, room: Path) -> None:
    kept = asker.change("/api/gallery/keep", {"run": run, "start": {"seed": 77}}).json["id"]
    marks = room / ".lookalike-studio" / "gallery" / "marks.json"
    assert json.loads(marks.read_text())[kept] == "keep"
    assert asker.change("/api/gallery/delete", {"ids": [kept]}).json["count"] == 1
    assert kept not in json.loads(marks.read_text())


@pytest.mark.slow
def test_many_that_are_kept_are_all_marked(asker: Client, run: str) -> None:
    starts = [{"seed": 5000 + place % 2, "index": place} for place in range(24)]
    made = asker.change("/api/gallery/keep-many", {"run": run, "starts": starts})
    assert made.json == {"count": 24}
    rows = asker.get("/api/gallery").json["pictures"]
    kept = [one for one in rows if (one["start"] or {}).get("seed") in (5000, 5001)]
    assert [one["mark"] for one in kept] == ["keep"] * 24


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_that_draw_fit_the_screen_and_everything_has_a_name(
    chromium: Any, drawing: Served, run: str, width: int
) -> None:
    tab = Tab(chromium, drawing, viewport={"width": width, "height": 844})
    for first, place in ((True, f"explore/{run}"), (False, f"edit/{run}"), (False, "gallery")):
        tab.open(place)
        own = f".page-{place.partition('/')[0]} .side"
        tab.page.wait_for_selector(own, timeout=LONG, state="attached")
        if not first:  # whoever goes on to another page is taken to where it begins
            tab.until("document.activeElement.id === 'content'")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert faults(tab.page) == [], place
    tab.close()


@pytest.mark.slow
def test_every_place_of_the_pages_that_draw_is_reached_by_tab(
    chromium: Any, drawing: Served, run: str
) -> None:
    tab = Tab(chromium, drawing, color_scheme="dark")
    for first, place in ((True, f"explore/{run}"), (False, f"edit/{run}"), (False, "gallery")):
        tab.open(place)
        own = f".page-{place.partition('/')[0]} .side"
        tab.page.wait_for_selector(own, timeout=LONG, state="attached")
        if not first:  # whoever goes on to another page is taken to where it begins
            tab.until("document.activeElement.id === 'content'")
        assert faults(tab.page) == [], place
        count, wrong = walked(tab.page)
        assert wrong == [], place
        assert count > 8, place
    tab.close()


# ---- judge ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_is_measured_on_its_page_and_says_so_in_sentences(
    tab: Tab, drawing: Served, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = drawing.studio.jobs
    begin = jobs.begin

    def few(verb: str, arguments: dict[str, Any], **about: Any) -> Job:
        return begin(verb, {**arguments, "count": 200, "judge": "pixels"}, **about)

    monkeypatch.setattr(jobs, "begin", few)
    page = tab.page
    tab.open(f"judge/{run}")
    page.get_by_role("button", name="Measure it").click()
    page.get_by_role("button", name="Measure it again").wait_for(timeout=3 * LONG)
    card = page.locator(".judgment").first
    assert card.locator(".sentences li").count() > 0
    card.locator("summary").click()
    assert "your pictures is reached" in card.inner_text()
