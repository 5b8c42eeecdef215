"""Checkpoints: state only, written whole or not at all, and refused when altered.

One safetensors file holds a tree of tensors and plain values. The plain part and the digest over
everything travel in the header, so a truncated or changed file is noticed before it is used. What a
run notes beside them as JSON carries a digest, too; where it does not fit, that is said. Torch is
imported when tensors are, so that what reads those notes alone begins at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from lookalike import locks
from lookalike.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "lookalike-checkpoint-1"
DIGEST = "digest"
"""The field of a JSON file of ours that covers all others."""

log = logging.getLogger(__name__)
_said: set[tuple[str, int]] = set()
_left: dict[Path, list[Path]] = {}
"""By folder, what lay half written in it when this process first wrote there."""

_PART = re.compile(r"\..+\.part")


def write(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a tree of dictionaries, lists, tensors and plain values; whole or not at all.

    Raises:
        CheckpointError: the disk refused (full, read-only); what was there before is intact.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    skeleton = json.dumps(_strip(tree, "", tensors), sort_keys=True)
    header = {"format": FORMAT, "tree": skeleton, "digest": _digest(skeleton, tensors)}
    try:
        write_whole(path, save(tensors, header))
    except OSError as problem:
        raise CheckpointError(
            f"The checkpoint {path} could not be written ({problem.strerror}). The one before it "
            "is intact. Make room on the disk and give the same command again."
        ) from problem


def digest_of(tree: Mapping[str, Any]) -> str:
    """The digest that the header of :func:`write` holds for this tree."""
    tensors: dict[str, Tensor] = {}
    return _digest(json.dumps(_strip(tree, "", tensors), sort_keys=True), tensors)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file by new content so that a crash leaves either the old or the new, whole.

    What a process that was killed has left of the same file is removed.
    """
    for left in _left_of(path):
        _sweep(left)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            with contextlib.suppress(BlockingIOError):
                locks.take(file)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":  # locked until it has its name: nobody takes it for a leftover
                os.replace(beside, path)
        if os.name != "posix":  # where a file that is open keeps its name
            os.replace(beside, path)
        _settle(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _left_of(path: Path) -> list[Path]:
    """What was left half written of a file when this process first wrote to its folder.

    A folder is listed once: thousands of files are written into one.
    """
    folder = path.parent.absolute()
    if folder not in _left:
        with contextlib.suppress(OSError):
            _left[folder] = [one for one in folder.iterdir() if _PART.fullmatch(one.name)]
    own = re.compile(rf"\.{re.escape(path.name)}\.\d+\.part")
    return [left for left in _left.get(folder, ()) if own.fullmatch(left.name)]


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written in a folder: ``.NAME.PID.part``."""
    with contextlib.suppress(OSError):
        for left in [one for one in folder.iterdir() if _PART.fullmatch(one.name)]:
            _sweep(left)


def _sweep(left: Path) -> None:
    """Remove a file that was left half written; a living process holds a lock on its own."""
    with contextlib.suppress(OSError), open(left, "rb") as file:
        if locks.take(file):
            left.unlink()


def read(path: Path) -> dict[str, Any]:
    """The tree that :func:`write` wrote.

    Raises:
        CheckpointError: missing, truncated, altered or not one of ours.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            # Copies: views of the mapped file would change, or crash, with the file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as problem:
        raise CheckpointError(f"{path} is not a whole checkpoint ({problem}).") from None
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of this program.")
    if header.get("digest") != _digest(header.get("tree", ""), tensors):
        raise CheckpointError(f"{path} was altered after it was written: its digest differs.")
    try:
        tree = _restore(json.loads(header["tree"]), tensors)
    except (ValueError, KeyError, TypeError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path} holds no state that this program has written.")
    return tree


def write_json(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a JSON object with a digest over it; whole or not at all.

    Raises:
        OSError: the disk refused; what was there before is intact.
    """
    plain = json.loads(json.dumps({key: tree[key] for key in tree if key != DIGEST}))
    text = json.dumps({**plain, DIGEST: _digest_of(plain)}, indent=1)
    write_whole(path, text.encode())


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object that :func:`write_json` wrote; empty where there is none.

    A damaged file counts as missing, a changed one is taken as it is, and both are said as a
    warning, once. Files of version 0.1 have no digest and may not be what was written.
    """
    try:
        tree = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as problem:
        cure = " Check the disk and its permissions." if isinstance(problem, OSError) else ""
        warn_once(path, f"{path} cannot be read ({problem}), so nothing is known from it.{cure}")
        return {}
    if not isinstance(tree, dict):
        warn_once(path, f"{path} holds something else, so nothing is known from it.")
        return {}
    digest = tree.pop(DIGEST, None)
    if digest is not None and digest != _digest_of(tree):
        warn_once(path, f"{path} was changed after it was written. It is taken as it is now.")
    return tree


def _digest_of(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


def warn_once(path: Path, words: str) -> None:
    """Say this of a file as a warning, once for each state of it, however often it is read."""
    when = path.stat().st_mtime_ns if path.exists() else 0
    if (words, when) not in _said:
        _said.add((words, when))
        log.warning("%s", words)


def _settle(folder: Path) -> None:
    """Ask the system to keep the renamed name through a power cut, where it can be asked."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network disks cannot be asked
                os.fsync(handle)
        finally:
            os.close(handle)


def _digest(skeleton: str, tensors: Mapping[str, Tensor]) -> str:
    import torch

    digest = hashlib.sha256(skeleton.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _strip(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """The plain part of a tree; tensors go aside under their path and leave a note."""
    from torch import Tensor

    if isinstance(value, Tensor):
        while path in tensors:  # {"a/b": x, "a": {"b": y}} and {1: x, "1": y} are two tensors
            path += "'"
        tensors[path] = value.detach().cpu().contiguous().clone()
        return {"@tensor": path}
    if isinstance(value, Mapping):
        # Numbers as keys (the states of an optimizer) do not survive JSON: keep pairs.
        for key in value:
            if not isinstance(key, str | int):
                raise TypeError(f"a checkpoint cannot hold the key {key!r} (at {path})")
        return {"@map": [[k, _strip(v, f"{path}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_strip(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__} (at {path})")


def _restore(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restore(item, tensors) for item in value]
    if isinstance(value, dict):
        if "@tensor" in value:
            return tensors[value["@tensor"]]
        return {key: _restore(item, tensors) for key, item in value["@map"]}
    return value
