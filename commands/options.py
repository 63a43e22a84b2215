"""Options that several commands share, and what their values mean."""

from pathlib import Path
from typing import Any

import click

from feeds.errors import ConfigError

DEFAULT_DATA = "data"


class Number(click.ParamType):
    """A number that is refused in our own words."""

    def __init__(self, kind: type[int] | type[float]):
        self.kind = kind
        self.name = "integer" if kind is int else "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.kind(value)
        except ValueError:
            name = param.opts[-1] if param else "value"
            rule = "a whole number" if self.kind is int else "a number"
            raise ConfigError(f"{name} must be {rule}, was {value}") from None


WHOLE, REAL = Number(int), Number(float)

data_option = click.option(
    "--data", "data_dir", default=None, type=click.Path(path_type=Path), help="Data folder.  [default: data]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
set_option = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any setting, repeatable.")
workers_option = click.option("--workers", type=WHOLE, default=None, help="Training processes.  [default: one a core]")


def pairs(settings: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of ``--set KEY=VALUE``, read as YAML has them."""
    import yaml

    pairs = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set must be KEY=VALUE, was {text}")
        try:
            pairs[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"--set must be KEY=VALUE with a plain value, was {text}") from None
    return pairs
