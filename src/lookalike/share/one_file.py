"""A page in one file: the networks, their weights and what runs them, opened by a double click."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from PIL import Image

from lookalike import images
from lookalike.images import Pixels
from lookalike.share.graph import Array
from lookalike.share.model import PictureBank, SharedModel
from lookalike.sizes import shape_of

LEAST_HALF = 64
"""Weights of fewer numbers stay in 32 bits: biases and scales cost nothing and round worst."""

TILE = 32
SLOT = re.compile(r"\{\{(\w+)\}\}")


def one_file(model: SharedModel, footer: Sequence[str]) -> str:
    """The whole HTML document. Its policy forbids every request; weights are 16-bit floats."""
    arrays = {name: graph.weights for name, graph in model.graphs.items()}
    bank = {"codes": model.bank.codes, "labels": model.bank.labels}
    table, buffer = _packed({**arrays, "bank": bank})
    told = {
        "name": model.name,
        "sides": shape_of(model.size)[::-1],
        "channels": model.channels,
        "labels": list(model.labels),
        "noise": model.noise or "bank",
        "width": model.width,
        "graphs": {name: graph.as_json() for name, graph in model.graphs.items()},
        "weights": table,
        "bank": _bank(model.bank),
        "directions": [{"name": d.name, "vector": _rounded(d.vector)} for d in model.directions],
    }
    parts = {
        "title": escape(model.name),
        "like": _like(int(model.facts.get("train", 0))),
        "footer": "".join(f"<p>{escape(line)}</p>" for line in footer if line),
        "style": _own("app.css"),
        "runtime": _own("runtime.js"),
        "app": _own("app.js"),
        "model": json.dumps(told, separators=(",", ":")).replace("<", "\\u003c"),
        "weights": base64.b64encode(_deflated(buffer)).decode(),
    }
    return SLOT.sub(lambda slot: parts[slot[1]], _own("app.html"))


def _own(name: str) -> str:
    return (files("lookalike.share") / name).read_text("utf-8")


def _like(count: int) -> str:
    """What the pictures are like: the ``count`` pictures that were learned from, where known."""
    return f"the {count:,} it learned from" if count else "those it learned from"


def _packed(
    groups: Mapping[str, Mapping[str, Array]],
) -> tuple[dict[str, list[list[Any]]], bytes]:
    """Rows [name, shape, type, first byte] for each group, and all numbers behind each other.

    What is the same in several places is kept once.
    """
    table: dict[str, list[list[Any]]] = {}
    buffer = bytearray()
    stored: dict[bytes, list[Any]] = {}
    for group, arrays in groups.items():
        table[group] = rows = []
        for name, array in arrays.items():
            kind = "f16" if array.size >= LEAST_HALF else "f32"
            data = array.astype("<f2" if kind == "f16" else "<f4").tobytes()
            row = stored.setdefault(data, [kind, len(buffer)])
            rows.append([name, list(array.shape), *row])
            if row[1] == len(buffer):
                buffer += data + b"\0" * (-len(data) % 4)
    return table, bytes(buffer)


def _deflated(buffer: bytes) -> bytes:
    """Zlib of all first bytes, then all second ones: exponents alone compress by a third."""
    planes = np.frombuffer(buffer, np.uint8).reshape(-1, 2).T.tobytes()
    return zlib.compress(planes, 9)


def _rounded(values: np.ndarray[Any, Any]) -> list[Any]:
    rounded: list[Any] = np.round(values.astype(np.float64), 4).tolist()
    return rounded


def _bank(bank: PictureBank) -> dict[str, Any]:
    return {
        "places": _rounded(bank.places),
        "tile": _tile(bank.pictures),
        "sheet": _sheet(bank.pictures),
    }


def _tile(pictures: Pixels) -> tuple[int, int]:
    """Width and height of a picture on the map, at most :data:`TILE`."""
    height, width = pictures.shape[1:3]
    longer = max(height, width)
    return round(TILE * width / longer), round(TILE * height / longer)


def _sheet(pictures: Pixels) -> str:
    """All pictures side by side as one JPEG, as a data URI."""
    shown, (wide, high) = images.visible(pictures), _tile(pictures)
    tiles = [images.to_pillow(picture).convert("RGB").resize((wide, high)) for picture in shown]
    across = int(np.ceil(np.sqrt(len(tiles))))
    sheet = Image.new("RGB", (across * wide, -(-len(tiles) // across) * high))
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % across * wide, place // across * high))
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
