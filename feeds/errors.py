"""Errors that a user can act on: one line each, printed without a traceback."""

import difflib
from collections.abc import Iterable


class HuiceError(ValueError):
    """Base of all errors that the command line prints as one line and answers with exit code 2."""


class DataError(HuiceError):
    """Market data that is missing, damaged or breaks a table's contract."""


class SignalError(HuiceError):
    """A signal that is missing, damaged, or could not have been known in time."""


class ConfigError(HuiceError):
    """An option or configuration value that breaks its rule."""


def unknown(thing: str, name: str, known: Iterable[str], error: type[HuiceError] = ConfigError) -> HuiceError:
    """Return the error for a name that is not registered, with the known names and the nearest match."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return error(f"{thing} must be one of {', '.join(names) or 'none'}, was {name}{hint}")
