"""A page of a browser that was let in to a studio."""

from __future__ import annotations

from typing import Any

from lookalike.studio.server.server import Served

LONG = 90_000
"""Milliseconds for what a process of its own does on a busy machine."""


class Tab:
    """A page of a browser that was let in, with what it said of errors and asked of others."""

    def __init__(self, chromium: Any, served: Served, **settings: Any) -> None:
        self.origin = f"http://127.0.0.1:{served.port}"
        self.context = chromium.new_context(**settings)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda problem: self.said.append(str(problem)))
        self.page.on("dialog", lambda dialog: self.said.append("a dialog"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(served.link())
        self.page.wait_for_selector("body[data-ready=true]", timeout=LONG)

    def _hear(self, line: Any) -> None:
        # A browser without a graphics card says so of itself.
        if line.type in ("error", "warning") and "WebGL" not in line.text:
            self.said.append(line.text)

    def until(self, script: str) -> None:
        """Wait until this is true; the policy of the page forbids playwright's own way."""
        for _ in range(LONG // 50):
            if self.page.evaluate(script):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {script}")

    def open(self, place: str) -> None:
        self.page.goto(f"{self.origin}/#/{place}")

    def drop(self, selector: str, name: str, data: bytes) -> None:
        """Drop a file on what this selector finds, as from a folder of the desktop."""
        file = self.page.evaluate_handle(
            """([name, bytes]) => {
              const found = new DataTransfer();
              found.items.add(new File([Uint8Array.from(bytes)], name));
              return found;
            }""",
            [name, list(data)],
        )
        self.page.dispatch_event(selector, "drop", {"dataTransfer": file})

    def close(self) -> None:
        self.context.close()
        assert self.said == [], self.said
        foreign = [url for url in self.asked if not url.startswith((self.origin, "blob:"))]
        assert foreign == [], foreign
