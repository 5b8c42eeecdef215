"""Each page in a real browser, from a folder to a judged run; nothing foreign is asked for."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from case_tools import picture
from studio_access import faults, walked
from studio_browser import LONG, Tab
from studio_client import STRANGE, Client, serving

from lookalike.studio.jobs import Job
from lookalike.studio.server.server import Served


@pytest.fixture
def tab(chromium: Any, served: Served) -> Iterator[Tab]:
    tab = Tab(chromium, served)
    yield tab
    tab.close()


@pytest.mark.slow
def test_from_a_folder_to_a_run_that_is_trained_further_and_judged(
    tab: Tab, client: Client
) -> None:
    page = tab.page
    page.get_by_role("link", name="blots 2 folders of pictures").click()
    page.wait_for_selector(".verdict .light", timeout=LONG)
    assert "48 usable pictures" in page.inner_text(".verdict")
    page.wait_for_selector(".expected b", timeout=LONG)
    page.get_by_label("Recipe").select_option("tiny")
    tab.until("document.querySelector('.plan .reasons').textContent.includes('tiny')")
    page.fill("#own-minutes", "0.1")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile("#/train/[0-9a-f]{16}$"))
    state = page.locator("p.state")
    state.filter(has_text=re.compile("^Finished")).wait_for(timeout=LONG)
    first = page.locator("canvas.samples")
    tab.until("document.querySelector('canvas.samples').dataset.seen > 0")
    newest = first.get_attribute("data-seen")
    page.keyboard.press("ArrowLeft")
    tab.until(f"document.querySelector('canvas.samples').dataset.seen < {newest}")
    page.locator("summary", has_text="Numbers").click()
    page.wait_for_selector(".charts svg")
    runs = client.get("/api/runs").json["runs"]
    trained = next(run for run in runs if run["name"] == "blots")
    assert trained["state"] == "finished"
    page.get_by_label("How much longer").select_option("10")
    page.get_by_role("button", name="Train further for").click()
    state.filter(has_text=re.compile(r"^Training .* left")).wait_for(timeout=LONG)
    page.get_by_role("button", name="Stop and save").click()
    state.filter(has_text=re.compile("^Stopped and saved")).wait_for(timeout=LONG)
    assert client.get(f"/api/train/{trained['id']}").json["images"] > int(newest)
    page.get_by_role("link", name="How good is it?").click()
    page.get_by_role("button", name="Examine the set").click()
    page.get_by_role("link", name="The whole page").wait_for(timeout=LONG)
    assert "usable pictures" in page.inner_text(".judgments")


@pytest.mark.slow
def test_two_trainings_stand_side_by_side_and_move_together(tab: Tab, client: Client) -> None:
    run = client.ids("run")["runs/first"]
    tab.open(f"train/{run}/{run}")
    tab.page.wait_for_selector(".halves article:nth-child(2) canvas[data-seen]")
    ranges = tab.page.locator("input[type=range]")
    ranges.first.fill("0")
    assert ranges.last.input_value() == "0"


@pytest.mark.slow
def test_dropped_pictures_become_a_set_with_their_folders_as_classes(
    tab: Tab, tmp_path: Path
) -> None:
    for kind in ("cats", "dogs"):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        for number in range(3):
            picture(number + len(kind) * 7 + ord(kind[0])).save(
                tmp_path / "pets" / kind / f"{number}.png"
            )
    (tmp_path / "pets" / "cats" / "broken.png").write_bytes(b"no picture")
    with tab.page.expect_response(re.compile("/end$")) as ended:
        tab.page.set_input_files("#folder", str(tmp_path / "pets"))
    made = ended.value.json()
    assert (made["name"], made["classes"]) == ("pets", 2)
    tab.page.wait_for_url(re.compile(f"#/start/{made['id']}$"))
    assert "1 files are no pictures" in tab.page.inner_text("#toasts")
    tab.page.get_by_role("heading", level=1, name="pets").wait_for()
    refused = [line for line in tab.said if "415" in line]
    tab.said = [line for line in tab.said if line not in refused]
    assert len(refused) == 1  # the browser itself says it of the broken one


@pytest.mark.slow
def test_a_zip_that_is_dropped_becomes_a_set(tab: Tab) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(4):
            one = io.BytesIO()
            picture(number).save(one, "PNG")
            archive.writestr(f"{number}.png", one.getvalue())
    tab.drop(".drop", "my pets.zip", buffer.getvalue())
    tab.page.wait_for_url(re.compile("#/start/[0-9a-f]{16}$"))
    tab.page.get_by_role("heading", level=1, name="my pets.zip").wait_for(timeout=LONG)
    tab.page.get_by_text("4 files").first.wait_for()


@pytest.mark.slow
def test_names_of_people_are_shown_as_text(tab: Tab, client: Client) -> None:
    strange = client.ids("folder")[f"blots/{STRANGE}"]
    tab.open(f"start/{strange}")
    tab.page.get_by_role("heading", level=1, name=STRANGE).wait_for(timeout=LONG)
    assert tab.page.locator("img[src=x]").count() == 0


@pytest.mark.slow
def test_a_second_set_is_examined_after_the_first_and_may_be_called_off(
    tab: Tab, client: Client, served: Served
) -> None:
    folders = client.ids("folder")
    first = client.change(f"/api/start/{folders['blots']}/examine", {})
    again = client.change(f"/api/start/{folders['blots']}/examine", {})
    assert first.json["id"] == again.json["id"]
    served.studio.jobs.begin("doctor", {"source": "nothing"}, about="b", title="a third thing")
    tab.open(f"start/{folders['blots/round']}")
    verdict = tab.page.locator(".verdict")
    verdict.get_by_text("its turn comes after “a third thing”").wait_for(timeout=LONG)
    verdict.get_by_role("button", name="Stop").click()
    verdict.get_by_text("It was not begun.").wait_for(timeout=LONG)
    verdict.get_by_role("button", name="Examine them again").click()
    verdict.locator(".light").wait_for(timeout=LONG)
    assert "24 usable pictures" in verdict.inner_text()


def held_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is begun from now on; none of it is."""
    begun: list[dict[str, Any]] = []

    def note(verb: str, arguments: dict[str, Any], **about: Any) -> Job:
        begun.append({"verb": verb, **arguments})
        return Job("0" * 16, verb, "", "held back by this test", 0, "starting", {})

    monkeypatch.setattr(served.studio.jobs, "begin", note)
    return begun


@pytest.mark.slow
def test_transparent_pictures_may_stay_so_where_there_are_some(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, mode in (("clear", "RGBA"), ("opaque", "RGB")):
        (tmp_path / name).mkdir()
        for number in range(12):
            one = picture(number).convert(mode)
            if mode == "RGBA":
                one.paste((0, 0, 0, 0), (0, 0, 16, 16))
            one.save(tmp_path / name / f"{number}.png")
    with serving(tmp_path) as served:
        begun = held_back(served, monkeypatch)
        tab = Tab(chromium, served)
        folders = {one.name: one.id for one in served.studio.library.entries("folder")}
        box = tab.page.get_by_label("Keep transparency")
        tab.open(f"start/{folders['opaque']}")
        tab.page.get_by_role("heading", level=1, name="opaque").wait_for(timeout=LONG)
        assert box.count() == 0
        tab.open(f"start/{folders['clear']}")
        tab.page.get_by_role("heading", level=1, name="clear").wait_for(timeout=LONG)
        with_tiny = re.compile("recipe=tiny&alpha")
        tab.page.route(
            with_tiny, lambda route: route.fulfill(status=400, json={"message": "Not with it."})
        )
        box.check()
        tab.until("document.querySelector('.reasons').textContent.includes('with transparency')")
        recipe = tab.page.get_by_label("Recipe")
        before = recipe.input_value()
        recipe.select_option("tiny")
        tab.page.locator("#toasts").get_by_text("Not with it.").wait_for()
        assert (recipe.input_value(), box.is_checked()) == (before, True)
        with tab.page.expect_response(re.compile("/begin$")):
            tab.page.get_by_role("button", name="Start training").click()
        tab.context.close()
    (started,) = [one for one in begun if one["verb"] == "start"]
    assert started["alpha"] is True


@pytest.mark.slow
def test_pictures_that_are_not_square_are_asked_for_by_width_and_height(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "posters").mkdir()
    for number in range(20):
        picture(number, 60).crop((0, 0, 40, 60)).save(tmp_path / "posters" / f"{number}.png")
    with serving(tmp_path) as served:
        begun = held_back(served, monkeypatch)
        tab = Tab(chromium, served)
        page = tab.page
        (folder,) = served.studio.library.entries("folder")
        tab.open(f"start/{folder.id}")
        page.get_by_role("heading", level=1, name="posters").wait_for(timeout=LONG)
        assert "(32x48 px keep their shape)" in page.inner_text(".reasons")
        shape = page.get_by_placeholder("64x96")
        for written in ("100x150", "32x48"):
            assert not shape.is_visible()
            page.get_by_label("Size").select_option("width x height …")
            shape.fill(written)
            shape.press("Enter")
            if written == "100x150":
                page.locator("#toasts").get_by_text("Near it is size 96x144").wait_for()
        tab.until("document.querySelector('.reasons').textContent.includes('32x48 px, as you')")
        assert page.get_by_label("Size").input_value() == "32x48"
        with page.expect_response(re.compile("/begin$")):
            page.get_by_role("button", name="Start training").click()
        tab.context.close()
    (started,) = [one for one in begun if one["verb"] == "start"]
    assert started["size"] == "32x48"


@pytest.mark.slow
def test_what_is_expected_is_said_of_the_set_that_is_asked_for(client: Client) -> None:
    folders = client.ids("folder")
    for name, count in (("blots", 48), ("blots/round", 24)):
        outlook = client.get(f"/api/start/{folders[name]}/outlook?recipe=tiny&size=32").json
        assert outlook["images_per_second"] > 0
        (few,) = [note for note in outlook["notes"] if "blends" in note]
        assert few.startswith(f"{count} pictures"), name


@pytest.mark.slow
def test_runs_are_compared_and_the_report_opens_without_scripts(tab: Tab, client: Client) -> None:
    tab.open("judge")
    tab.page.wait_for_selector(".judged input", timeout=LONG)
    assert "first" in tab.page.inner_text(".judged")
    run = client.ids("run")["runs/first"]
    tab.open(f"judge/{run}")
    with tab.context.expect_page() as opened:
        tab.page.get_by_role("link", name="The whole report").click()
    report = opened.value
    report.wait_for_selector("h1")
    assert report.evaluate("document.querySelectorAll('section').length") > 2


@pytest.mark.slow
def test_whether_pictures_would_help_is_answered_in_words(tab: Tab, client: Client) -> None:
    page = tab.page
    tab.open(f"judge/{client.ids('run')['runs/first']}")
    card = page.locator(".judgment").nth(1)
    card.get_by_role("button", name="Find out").click()
    said = card.locator(".sentences, .problem")
    said.wait_for(timeout=LONG)
    assert "a verdict needs at least 50" in said.inner_text()


ROW = {
    "fingerprint": "f",
    "judge": "j",
    "recipe": "tiny",
    "size": 32,
    "share": 1,
    "nearness": "",
    "kid": None,
    "kid_low": None,
    "kid_high": None,
    "floor": None,
    "seconds": None,
    "grid": None,
}
COMPARED = (
    ([{"judge": ""}, {"kid": 1.0, "kid_low": 0.9, "kid_high": 1.1}], "Not enough of them"),
    ([{"kid": -0.5}, {"kid": 1.0}], "too near each other"),
    ([{"kid": 1.0, "kid_high": 1.1}, {"kid": 2.0, "kid_low": 1.9}], "beyond what chance explains"),
    ([{"kid": 1.0}, {"kid": 2.0, "judge": "other"}], "different judges"),
    ([{"kid": 1.0}, {"kid": 2.0, "fingerprint": "other"}], "different pictures"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "words"), COMPARED)
def test_runs_are_called_better_only_where_that_was_measured(
    tab: Tab, runs: list[dict[str, Any]], words: str
) -> None:
    rows = [{**ROW, "id": str(at), "name": f"run {at}", **run} for at, run in enumerate(runs)]
    tab.page.route("**/api/judge", lambda route: route.fulfill(json={"runs": rows}))
    tab.open("judge")
    tab.page.wait_for_selector(".judged input")
    for box in tab.page.locator(".judged input").all():
        box.check()
    tab.page.get_by_text(words).wait_for()


@pytest.mark.slow
def test_a_key_belongs_to_what_has_the_focus_before_the_page(tab: Tab, client: Client) -> None:
    page = tab.page
    tab.open(f"train/{client.ids('run')['runs/first']}")
    page.wait_for_selector("canvas[data-seen]")
    page.locator("summary", has_text="Numbers").focus()
    page.keyboard.press(" ")
    page.wait_for_selector("details[open] > .charts")
    assert page.get_by_role("button", name="Play the training").inner_text() == "Play"
    page.locator("#content").focus()
    page.keyboard.press("?")
    named = page.locator("dialog[open] tr").all_inner_texts()
    assert all(row.strip() for row in named)
    assert any(row.startswith("Space") and "Play the training" in row for row in named)


@pytest.mark.slow
def test_every_page_is_reached_by_keyboard_and_says_where_one_is(tab: Tab) -> None:
    page = tab.page
    for key, name in (("2", "Train"), ("6", "Judge"), ("1", "Start")):
        page.keyboard.press(key)
        page.wait_for_selector(f"#nav a[aria-current=page]:has-text('{name}')")
        assert page.title().startswith(name)
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 820, 390])
def test_no_page_is_wider_than_the_screen_and_everything_has_a_name(
    chromium: Any, served: Served, client: Client, width: int
) -> None:
    tab = Tab(chromium, served, viewport={"width": width, "height": 844})
    run, folder = client.ids("run")["runs/first"], client.ids("folder")["blots"]
    for place in ("start", f"start/{folder}", "train", f"train/{run}", "judge", f"judge/{run}"):
        tab.open(place)
        tab.page.wait_for_selector(f".page-{place.partition('/')[0]} h1", timeout=LONG)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert faults(tab.page) == [], place
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_place_is_reached_by_tab_and_shows_it(
    chromium: Any, served: Served, client: Client, scheme: str
) -> None:
    tab = Tab(chromium, served, color_scheme=scheme)
    run, folder = client.ids("run")["runs/first"], client.ids("folder")["blots"]
    for place in ("start", f"start/{folder}", f"train/{run}", f"judge/{run}"):
        tab.open(place)
        own = f".page-{place.partition('/')[0]}"
        shown = f"{own} .verdict .light" if folder in place else f"{own} h1"
        tab.page.wait_for_selector(shown, timeout=LONG)
        assert faults(tab.page) == [], place
        count, wrong = walked(tab.page)
        assert wrong == [], place
        assert count > 8, place
    tab.close()


@pytest.mark.slow
def test_what_is_hard_to_read_or_has_no_name_is_found(tab: Tab) -> None:
    assert faults(tab.page) == []
    tab.page.evaluate(
        """() => {
          const made = (tag, given) => Object.assign(document.createElement(tag), given);
          const heading = made("h4", { textContent: "skips" });
          const button = made("button", { tabIndex: 2 });
          const picture = made("img", { src: "/static/icon.svg", width: 9 });
          const faint = made("p", { textContent: "faint", className: "faint" });
          faint.style.setProperty("color", "#bbb");
          document.getElementById("content").append(heading, button, picture, faint);
        }"""
    )
    found = [fault.partition(":")[0] for fault in faults(tab.page)]
    assert {"has no name", "has no alt", "jumps the order of Tab"} <= set(found)
    assert any(fault.startswith("contrast") for fault in found)
    assert any(fault.startswith("skips from") for fault in found)


@pytest.mark.slow
def test_a_page_of_read_only_offers_nothing_that_changes(chromium: Any, home: Path) -> None:
    with serving(home, read_only=True) as served:
        tab = Tab(chromium, served)
        tab.page.wait_for_selector("#content h1")
        assert tab.page.locator(".drop").count() == 0
        tab.page.get_by_role("link", name="blots 2 folders of pictures").click()
        tab.page.wait_for_selector("button.main", timeout=LONG)
        assert tab.page.locator("button.main").is_disabled()
        tab.close()
