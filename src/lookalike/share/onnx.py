"""A network as an ONNX file, checked against torch while it is written."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lookalike.errors import LookalikeError, need

OPSET = 18
LIMIT = 1e-4
BATCHES = (1, 3)
"""Batch sizes that the file is tried with."""


def write_onnx(network: nn.Module, inputs: dict[str, Tensor], output: str, path: Path) -> float:
    """Write ``network`` with a free batch size; how far it is from torch on random inputs at most.

    Raises:
        MissingExtraError: the extra ``onnx`` is not installed.
        LookalikeError: the file's numbers differ from torch's by more than 1e-4.
    """
    need("onnxscript", "onnx", "Writing an ONNX file")
    runtime: Any = need("onnxruntime", "onnx", "Writing an ONNX file")
    batch = torch.export.Dim("batch", min=1, max=4096)
    shapes = tuple({0: batch} for _ in inputs)
    examples = tuple(torch.cat([value] * 2) for value in inputs.values())
    with torch.no_grad(), _quiet():
        torch.onnx.export(
            network.eval(),
            examples,
            path,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = max(_difference(session, network, inputs, count) for count in BATCHES)
    if not worst <= LIMIT:
        path.unlink()
        raise LookalikeError(
            f"The ONNX file of {output} differs from the network by {worst:.2g} (at most {LIMIT:g} "
            "was wanted), so it was not kept. Please report this with the recipe's name."
        )
    return worst


def _difference(session: Any, network: nn.Module, inputs: dict[str, Tensor], count: int) -> float:
    """The largest absolute difference on ``count`` rows of noise (labels as they are)."""
    drawn = torch.Generator().manual_seed(count)
    rows = {
        name: torch.randn(count, *value.shape[1:], generator=drawn)
        if name != "labels"
        else value.expand(count, -1)
        for name, value in inputs.items()
    }
    with torch.no_grad():
        wanted: Tensor = network(*rows.values())
    (given,) = session.run(None, {name: value.numpy() for name, value in rows.items()})
    return float(np.abs(given - wanted.numpy()).max())


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its steps to people who debug it, not to those who use it."""
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        exporter.setLevel(before)
