"""Draws a page in a real headless Chromium, which itself has no way to the network.

Every request of the page is answered by us, through the same guarded :class:`Web` as all else; the
browser's own ways out (names, connections, UDP) are switched off, so nothing can go around that.
Pictures are answered with a single transparent pixel: we want their addresses, not their bytes.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.errors import SourceError, need
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.web import Ask, Reply, Web

log = logging.getLogger(__name__)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
MORE = re.compile(
    r"^\s*((load|show|see|view)\s+(\w+\s+)?more\b.*|more\s+(photos|images|pictures|results)|"
    r"mehr\s+(laden|anzeigen).*|(charger|afficher|voir)\s+plus.*|(cargar|ver|mostrar)\s+más.*|"
    r"もっと見る|加载更多)\s*$",
    re.IGNORECASE,
)
OFFLINE = [
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
]
"""No names, no connection but through a proxy that does not exist, and no UDP around it."""
NO_CALLS = """delete window.RTCPeerConnection; delete window.webkitRTCPeerConnection;
window.open = () => null;"""
PASSED = ("accept", "content-type", "x-requested-with", "referer")
GATHER = """() => [...document.images].flatMap(
    i => [i.currentSrc, i.src, i.dataset.src].filter(u => u && u.startsWith('http')).slice(0, 1))"""


@dataclass(frozen=True)
class RenderedPage:
    """A page after its scripts ran: its HTML, and the pictures seen on the way down."""

    html: str
    pictures: tuple[str, ...]


def find_browser(named: Path | None = None) -> Path:
    """A Chromium on this machine.

    Raises:
        SourceError: there is none.
    """
    if named is not None:
        if named.is_file():
            return named
        raise SourceError(f"{named} is not a file; --browser names the Chromium to use.")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    browser = browser or next((place for place in PLACES if Path(place).is_file()), None)
    if browser is None:
        raise SourceError(
            "--render needs Chromium or Chrome, and none was found. Install it (Debian: apt "
            "install chromium) or name it with --browser PATH."
        )
    return Path(browser)


class PageRenderer:
    """One browser for a whole crawl; pages are drawn one at a time.

    Args:
        web: the guarded way out.
        browser: the Chromium to start.
        scrolls: the most times to go to the bottom of a page and to ask it for more.
        seconds: the most time for one page.
    """

    def __init__(
        self, web: Web, browser: Path, *, scrolls: int = 20, seconds: float = 60.0
    ) -> None:
        self._web, self._browser_path = web, browser
        self._scrolls, self._seconds = scrolls, seconds
        self._playwright: Any = None
        self._browser: Any = None
        self._turn = asyncio.Lock()

    async def draw(self, first: Reply) -> RenderedPage:
        """Run the page whose document is ``first``, scroll to its end, press "load more".

        Raises:
            SourceError: the browser cannot be started.
        """
        async with self._turn:
            if self._browser is None:
                await self._launch()
            context = await self._browser.new_context(service_workers="block")
            try:
                visit = _Visit(self._web, first)
                await context.add_init_script(NO_CALLS)
                await context.route("**/*", visit.answer)
                page = await context.new_page()
                context.on("page", _shut)
                await asyncio.wait_for(self._visit(page, first.url, visit), self._seconds)
            except TimeoutError:
                log.warning("%s was cut off after %.0f s", first.url, self._seconds)
            finally:
                html = await _content(context, first)
                await context.close()
            return RenderedPage(html, tuple(visit.pictures))

    async def close(self) -> None:
        """End the browser."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def _launch(self) -> None:
        api = need("playwright.async_api", "browser", "drawing pages (--render)")
        self._playwright = await api.async_playwright().start()
        sandbox = hasattr(os, "geteuid") and os.geteuid() != 0
        for chosen in (True, False) if sandbox else (False,):
            try:
                self._browser = await self._playwright.chromium.launch(
                    executable_path=str(self._browser_path),
                    chromium_sandbox=chosen,
                    args=OFFLINE,
                )
            except api.Error as problem:
                failure = problem
            else:
                return
        raise SourceError(f"{self._browser_path} did not start: {failure}")

    async def _visit(self, page: Any, url: str, visit: _Visit) -> None:
        await page.goto(url, wait_until="domcontentloaded")
        before, still = (-1, -1), 0
        for _ in range(self._scrolls):
            await _settle(page)
            visit.remember(await page.evaluate(GATHER))
            state = (await page.evaluate("document.body.scrollHeight"), len(visit.pictures))
            still = still + 1 if state == before else 0
            before = state
            await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            pressed = await _press_more(page)
            if still >= (3 if pressed else 1):
                return


class _Visit:
    """Answers the requests of one page, and remembers the pictures that it showed."""

    def __init__(self, web: Web, first: Reply) -> None:
        self._web, self._first, self._opened = web, first, False
        self.pictures: dict[str, None] = {}

    def remember(self, urls: list[str]) -> None:
        """Keep addresses in the order of their first sight."""
        self.pictures.update(dict.fromkeys(urls))

    async def answer(self, route: Any) -> None:
        """One request of the page."""
        request = route.request
        kind = request.resource_type
        if kind == "image":
            await route.fulfill(status=200, content_type="image/gif", body=PIXEL)
        elif kind in ("media", "font", "websocket", "eventsource", "ping"):
            await route.abort()
        elif kind == "document":
            await self._document(route)
        else:
            await self._fetch(route)

    async def _document(self, route: Any) -> None:
        """The one document that we came for; frames and further journeys are not made."""
        if self._opened:
            await route.abort()
            return
        self._opened = True
        kind = self._first.headers.get("content-type", "text/html")
        await route.fulfill(status=200, content_type=kind, body=self._first.body)

    async def _fetch(self, route: Any) -> None:
        request = route.request
        ask = Ask(
            url=request.url,
            most=10_000_000,
            method=request.method,
            body=request.post_data_buffer,
            headers={key: value for key, value in request.headers.items() if key in PASSED},
            every_status=True,
        )
        try:
            reply = await asyncio.to_thread(self._web.get, ask)
        except RefusedError as refusal:
            log.info("%s: %s", request.url, refusal)
            await route.abort()
            return
        allow = {"access-control-allow-origin": request.headers.get("origin", "*")}
        kept = {key: reply.headers[key] for key in ("content-type",) if key in reply.headers}
        await route.fulfill(status=reply.status, headers={**kept, **allow}, body=reply.body)


async def _shut(other: Any) -> None:
    """Close a window that the page opened: it would cover the page."""
    await other.close()


async def _settle(page: Any) -> None:
    """Wait until the page asks for nothing more, two seconds at most."""
    await page.wait_for_timeout(150)
    try:
        await page.wait_for_load_state("networkidle", timeout=2000)
    except Exception:  # Playwright's time-out; a page that never rests is drawn all the same
        log.debug("the page does not rest")


async def _press_more(page: Any) -> bool:
    """Press the first visible "load more", if there is one."""
    buttons = page.locator("button, a, [role=button], input[type=button]").filter(has_text=MORE)
    for index in range(min(3, await buttons.count())):
        button = buttons.nth(index)
        if await button.is_visible():
            try:
                await button.click(timeout=1000, no_wait_after=True)
            except Exception:  # covered or gone in the meantime
                continue
            return True
    return False


async def _content(context: Any, first: Reply) -> str:
    """The drawn HTML, or the plain document if the page cannot be asked any more."""
    try:
        return str(await asyncio.wait_for(context.pages[0].content(), 5))
    except Exception:
        return first.body.decode("utf-8", "replace")
