"""A network as a short list of plain operations, which a page in one file can run.

``torch.export`` writes a network down as operations of ATen. Here they become what a few hundred
lines of JavaScript can do (``runtime.js``): layouts are resolved, batch norms become a scale and a
shift, and weights are collected. Every recipe's networks consist of the operations known here; one
that does not is refused with the names of what is missing.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from lookalike.errors import RecipeError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Operation:
    """One step: ``kind`` with tensor ``inputs`` by name and plain ``settings``, giving ``output``.

    ``shape`` is that of the output, with a batch of one.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    shape: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> list[Any]:
        """A row of the page's program."""
        return [self.kind, list(self.inputs), self.output, list(self.shape), dict(self.settings)]


@dataclass(frozen=True)
class Graph:
    """Operations in order, the names of what goes in and comes out, and the weights by name."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    weights: Mapping[str, Array]

    def as_json(self) -> dict[str, Any]:
        """Everything but the weights."""
        return {
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "operations": [operation.as_json() for operation in self.operations],
        }


def graph_of(network: nn.Module, *inputs: Tensor, what: str = "network") -> Graph:
    """The operations of ``network`` for inputs of these shapes (a batch of one).

    Raises:
        RecipeError: it does something that a page in one file cannot do; the message names it.
    """
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):  # of the exporter, about itself
        program = torch.export.export(network.eval(), inputs, strict=False).run_decompositions()
    return _Reader(program, what).graph()


# ---- what each operation of ATen becomes -----------------------------------------------------


def _pair(value: Sequence[int]) -> list[int]:
    return [int(number) for number in value] * (2 if len(value) == 1 else 1)


def _convolution(node: Node) -> dict[str, Any]:
    arguments: Any = node.args
    _, weight, _, stride, padding, dilation, transposed, output_padding, groups = arguments
    return {
        "stride": _pair(_numbers(stride)),
        "padding": _pair(_numbers(padding)),
        "dilation": _pair(_numbers(dilation)),
        "transposed": bool(transposed),
        "output_padding": _pair(_numbers(output_padding)),
        "groups": int(groups),
        "kernel": list(_shape(weight)[2:]),
    }


def _numbers(value: Any) -> list[int]:
    return [int(number) for number in value]


def _shape(node: Any) -> tuple[int, ...]:
    value = node.meta["val"]
    return tuple(int(side) for side in value.shape)


def _argument(node: Node, place: int, name: str, default: Any) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)


def _slice(node: Node) -> dict[str, Any]:
    axis = int(_argument(node, 1, "dim", 0))
    size = _shape(node.args[0])[axis]
    start = _argument(node, 2, "start", None) or 0
    return {
        "axis": axis % len(_shape(node.args[0])),
        "start": int(start) % size if start < 0 else min(int(start), size),
        "step": int(_argument(node, 4, "step", 1)),
    }


def _split(node: Node) -> dict[str, Any]:
    axis = int(_argument(node, 2, "dim", 0))
    sizes = _numbers(_argument(node, 1, "split_sizes", ()))
    return {"axis": axis % len(_shape(node.args[0])), "sizes": sizes}


def _axes(node: Node) -> dict[str, Any]:
    rank = len(_shape(node.args[0]))
    wanted = _argument(node, 1, "dim", None) or range(rank)
    return {"axes": sorted(int(axis) % rank for axis in wanted)}


def _permutation(node: Node) -> dict[str, Any]:
    order = _numbers(_argument(node, 1, "dims", ()))
    return {"order": [axis % len(order) for axis in order]}


def _resize(node: Node) -> dict[str, Any]:
    return {"corners": bool(_argument(node, 2, "align_corners", False))}


def _nothing(node: Node) -> dict[str, Any]:
    return {}


def _limits(node: Node) -> dict[str, Any]:
    return {"low": _argument(node, 1, "min", None), "high": _argument(node, 2, "max", None)}


def _elu(node: Node) -> dict[str, Any]:
    return {"alpha": float(_argument(node, 1, "alpha", 1.0))}


def _leak(node: Node) -> dict[str, Any]:
    return {"slope": float(_argument(node, 1, "negative_slope", 0.01))}


def _epsilon(node: Node) -> dict[str, Any]:
    return {"epsilon": float(_argument(node, 4, "eps", 1e-5)), "size": _size(node)}


def _size(node: Node) -> int:
    return int(np.prod(_numbers(_argument(node, 1, "normalized_shape", ()))))


SAME = {"alias", "clone", "detach", "dropout", "_to_copy", "to", "contiguous", "lift_fresh_copy"}
"""Operations that change nothing of the numbers."""

RESHAPED = {"view", "reshape", "_unsafe_view", "unsqueeze", "squeeze", "flatten"}
"""Operations that only read the same numbers in another shape."""

SHAPED = {"full_like": 0.0, "zeros_like": 0.0, "ones_like": 1.0}
"""Operations that look at the shape of their input alone, and what they fill it with."""

PLAIN = "relu tanh atanh sigmoid sin cos exp rsqrt sqrt add sub mul div pow expand".split()
"""Operations without settings that a page calls as ATen does."""

KNOWN: dict[str, tuple[str, Callable[[Node], dict[str, Any]]]] = {
    **{name: (name, _nothing) for name in PLAIN},
    "convolution": ("convolution", _convolution),
    "mm": ("product", _nothing),
    "addmm": ("affine", _nothing),
    "leaky_relu": ("leaky", _leak),
    "elu": ("elu", _elu),
    "clamp": ("clamp", _limits),
    "mean": ("mean", _axes),
    "sum": ("sum", _axes),
    "permute": ("permute", _permutation),
    "slice": ("slice", _slice),
    "split_with_sizes": ("split", _split),
    "upsample_nearest2d": ("nearest", _nothing),
    "upsample_bilinear2d": ("bilinear", _resize),
    "_adaptive_avg_pool2d": ("pool", _nothing),
    "native_layer_norm": ("layer_norm", _epsilon),
}
"""What the others are called on a page, and what reads their settings."""


class _Reader:
    """Reads an exported program from top to bottom."""

    def __init__(self, program: ExportedProgram, what: str) -> None:
        self.program, self.what = program, what
        self.names: dict[Node, str] = {}
        self.operations: list[Operation] = []
        self.weights: dict[str, Array] = {}
        self.parts: dict[Node, list[str]] = {}
        self.inputs: list[str] = []
        self.constants: dict[Node, Any] = {}
        self.missing: set[str] = set()

    def graph(self) -> Graph:
        """All of it; what is not known is collected first, so that one message names everything."""
        self._read_inputs()
        outputs: list[str] = []
        for node in self.program.graph.nodes:
            if node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                outputs = [self._name(value) for value in node.args[0] if value is not None]
        if self.missing:
            raise RecipeError(
                f"The {self.what} uses {', '.join(sorted(self.missing))}, which a page in one file "
                "cannot do. Share it as a model folder instead: --to model/"
            )
        used = {name for operation in self.operations for name in operation.inputs} | set(outputs)
        kept = {name: array for name, array in self.weights.items() if name in used}
        return Graph(tuple(self.inputs), tuple(outputs), tuple(self.operations), kept)

    def _read_inputs(self) -> None:
        places = {node.name: node for node in self.program.graph.nodes if node.op == "placeholder"}
        stored = {**self.program.state_dict, **self.program.constants}
        for spec in self.program.graph_signature.input_specs:
            node = places[spec.arg.name]
            self.names[node] = node.name
            if spec.kind is InputKind.USER_INPUT:
                self.inputs.append(node.name)
            else:
                self.constants[node] = stored[str(spec.target)].detach()
                self.weights[node.name] = _array(stored[str(spec.target)])

    def _call(self, node: Node) -> None:
        if node.target is operator.getitem:
            self.names[node] = self.parts[node.args[0]][int(node.args[1])]  # type: ignore[index,arg-type]
            return
        name = str(node.target).removeprefix("aten.").partition(".")[0]
        if name.startswith("_assert"):
            return
        if self._is_constant(node, name):
            self._constant(node, name)
        elif name in SAME or (name == "where" and node.args[0] in self.constants):
            self.names[node] = self._name(self._taken(node, name))
        elif name in RESHAPED:
            self._add(node, "reshape", (self._name(node.args[0]),))
        elif name == "cat":
            axis = int(_argument(node, 1, "dim", 0)) % len(_shape(node))
            parts: Any = node.args[0]
            inputs = tuple(self._name(part) for part in parts)
            self._add(node, "cat", inputs, {"axis": axis})
        elif name == "_native_batch_norm_legit_no_training":
            self._batch_norm(node)
        elif name not in KNOWN:
            self.missing.add(name)
            self.names[node] = node.name
            self.parts[node] = [node.name] * 8
        else:
            kind, read = KNOWN[name]
            tensors = [a for a in node.args if isinstance(a, Node | float | int)]
            wanted = _TENSORS.get(kind, len(tensors))
            settings = read(node)
            given = [a for a in node.args if kind != "layer_norm" or not isinstance(a, Sequence)]
            inputs = tuple(self._name(a) for a in given[:wanted] if a is not None)
            self._add(node, kind, inputs, settings)

    def _add(
        self, node: Node, kind: str, inputs: tuple[str, ...], settings: Mapping[str, Any] = {}
    ) -> None:
        value = node.meta["val"]
        if isinstance(value, Tensor):
            shape = _shape(node)
            self.names[node] = node.name
            self.operations.append(Operation(kind, inputs, node.name, shape, settings))
            return
        names = [f"{node.name}_{place}" for place in range(len(value))]
        self.parts[node] = names
        for place, (name, part) in enumerate(zip(names, value, strict=True)):
            if place == 0 or kind == "split":
                shape = tuple(int(side) for side in part.shape)
                told = {**settings, "place": place} if kind == "split" else settings
                self.operations.append(Operation(kind, inputs, name, shape, told))

    def _batch_norm(self, node: Node) -> None:
        """x * scale + shift, with both made of the running statistics."""
        x, weight, bias, mean, variance = node.args[:5]
        epsilon = float(_argument(node, 6, "eps", 1e-5))
        spread = np.sqrt(self._weight(variance) + epsilon)
        scale = (self._weight(weight) if weight is not None else 1.0) / spread
        shift = (self._weight(bias) if bias is not None else 0.0) - self._weight(mean) * scale
        names = f"{node.name}_scale", f"{node.name}_shift"
        for name, value in zip(names, (scale, shift), strict=True):
            self.weights[name] = np.asarray(value, np.float32)
        self._add(node, "channels", (self._name(x), *names))

    def _is_constant(self, node: Node, name: str) -> bool:
        """Whether the numbers are the same for every input: made of weights or of a shape alone."""
        return name in SHAPED or all(source in self.constants for source in node.all_input_nodes)

    def _constant(self, node: Node, name: str) -> None:
        if name in SHAPED:
            value = torch.full(_shape(node), float(_argument(node, 1, "fill_value", SHAPED[name])))
        else:
            arguments = torch.fx.node.map_arg(node.args, lambda source: self.constants[source])
            value = node.target(*arguments, **node.kwargs)  # type: ignore[operator]
        self.constants[node] = value
        self.names[node] = node.name
        if isinstance(value, Tensor):
            self.weights[node.name] = _array(value)

    def _taken(self, node: Node, name: str) -> Any:
        """The argument that an operation passes on; ``where`` asks numbers known beforehand.

        (torch.lerp asks so whether its weight, a plain number, is nearer to one end.)
        """
        if name != "where":
            return node.args[0]
        asked: Tensor = self.constants[node.args[0]]  # type: ignore[index]
        place = 1 if bool(asked.all()) else 2
        if (place == 2 and bool(asked.any())) or _shape(node.args[place]) != _shape(node):
            self.missing.add("where")
        return node.args[place]

    def _weight(self, node: Any) -> Array:
        return self.weights[self.names[node]]

    def _name(self, value: Any) -> str:
        """The name of a tensor; plain numbers become weights of one entry."""
        if isinstance(value, Node):
            return self.names[value]
        name = f"number_{float(value)!r}"
        self.weights[name] = np.asarray(value, np.float32)
        return name


_ONE = "leaky elu clamp mean sum permute expand slice split nearest bilinear pool".split()
_TENSORS = {**dict.fromkeys(_ONE, 1), "convolution": 3, "layer_norm": 3, "add": 2, "sub": 2}
"""How many of the first arguments are tensors, where not all are."""


def _array(value: Any) -> Array:
    array: Array = torch.as_tensor(value).detach().cpu().float().contiguous().numpy()
    return array
