"""Saved models: the same weights give the same bytes, and loading one runs no code that it might carry."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import keras

import signals.models.recurrent  # noqa: F401  (a saved model may hold its layers, which loading looks up by name)
from feeds.errors import SignalError
from feeds.store import replace_file, sha256

SAVED_AT = "1980-01-01@00:00:00"


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as ``.keras`` of which the same weights give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.keras")
    try:
        model.save(temporary)
        replace_file(path, _canonical(temporary.read_bytes()))
    finally:
        temporary.unlink(missing_ok=True)


def _canonical(content: bytes) -> bytes:
    """Return a ``.keras`` archive without what differs from save to save: dates, and addresses in memory."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps({**json.loads(data), "date_saved": SAVED_AT}, sort_keys=True).encode()
            elif name == "config.json":
                data = json.dumps(_numbered(json.loads(data), {}), sort_keys=True).encode()
            new.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)
    return result.getvalue()


def _numbered(node: Any, seen: dict[int, int]) -> Any:
    """Return a configuration whose shared objects are numbered as they appear, instead of by address."""
    if isinstance(node, list):
        return [_numbered(part, seen) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: _numbered(value, seen) for key, value in node.items()}
    if "shared_object_id" in node:
        node["shared_object_id"] = seen.setdefault(node["shared_object_id"], len(seen) + 1)
    return node


def load_model(path: Path, expected: str | None = None) -> keras.Model:
    """Load a saved model without running any code that it might carry.

    Parameters
    ----------
    path : Path
        A ``.keras`` file.
    expected : str, optional
        Its SHA-256.

    Raises
    ------
    SignalError
        If the file is missing, is not the expected one, is damaged, or holds a Lambda or a foreign class.
    """
    if not path.exists():
        raise SignalError(f"{path} must exist, was missing (train again)")
    if expected is not None and sha256(path) != expected:
        raise SignalError(f"{path} must have SHA-256 {expected[:12]} as trained, was {sha256(path)[:12]}")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as problem:  # keras raises whatever the damaged archive provokes
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise SignalError(f"{path} must be a Keras model of built-in layers only, was refused: {reason}") from problem
