"""Programs of a page, run beside torch: by node where it is installed, else by Chromium."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lookalike.share.graph import Graph

NEEDED = "needs node or Chromium with playwright: apt install nodejs, or apt install chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")

WORK = """
(jobs) => jobs.map(({ graph, weights, inputs }) => {
  const read = ([shape, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return { shape, data: new Float32Array(bytes.buffer) };
  };
  const pairs = Object.entries(weights).map(([name, value]) => [name, read(value)]);
  const known = Object.fromEntries(pairs);
  const outputs = Runtime.run(graph, known, inputs.map(read));
  return outputs.map(({ data, shape }) => [shape, Array.from(data)]);
})
"""


_opened: list[Any] = []


def browser_path() -> str | None:
    """Chromium on this machine, where playwright can drive it."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return None
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def browser() -> Iterator[Any]:
    """A Chromium without a network, or the test is skipped with what to install.

    One of them at a time in a process, as Playwright wants it: who comes second shares it.
    """
    if _opened:
        yield _opened[-1]
        return
    path = browser_path()
    if path is None:
        pytest.skip("needs Chromium and playwright: apt install chromium; pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as drive:
        opened = drive.chromium.launch(executable_path=path, args=list(FLAGS))
        _opened.append(opened)
        try:
            yield opened
        finally:
            _opened.remove(opened)
            opened.close()


@cache
def runtime() -> str:
    return (files("lookalike.share") / "runtime.js").read_text("utf-8")


def _coded(array: Any) -> list[Any]:
    plain = np.ascontiguousarray(array, "<f4")
    return [list(plain.shape), base64.b64encode(plain.tobytes()).decode()]


def run_graphs(jobs: Sequence[tuple[Graph, Sequence[Tensor]]]) -> list[list[Tensor]]:
    """What the page makes of each graph with its inputs."""
    coded = [
        {
            "graph": graph.as_json(),
            "weights": {name: _coded(value) for name, value in graph.weights.items()},
            "inputs": [_coded(value.numpy()) for value in inputs],
        }
        for graph, inputs in jobs
    ]
    answers = _by_node(coded) if shutil.which("node") else _by_browser(coded)
    return [
        [torch.tensor(values, dtype=torch.float32).reshape(shape) for shape, values in outputs]
        for outputs in answers
    ]


def _by_node(jobs: list[Mapping[str, Any]]) -> Any:
    source = f"""{runtime()}
    const jobs = JSON.parse(require("fs").readFileSync(0, "utf8"));
    process.stdout.write(JSON.stringify(({WORK})(jobs)));"""
    command = ["node", "-e", source]
    done = subprocess.run(command, input=json.dumps(jobs), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _by_browser(jobs: list[Mapping[str, Any]]) -> Any:
    if browser_path() is None:
        pytest.skip(NEEDED)
    with browser() as opened:
        page = opened.new_page()
        page.add_script_tag(content=runtime())
        return page.evaluate(WORK, jobs)
