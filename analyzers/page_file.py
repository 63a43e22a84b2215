"""From a template and its variables to one offline HTML file, written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from feeds.atomic import replace_file

TEMPLATES = Path(__file__).with_name("templates")


def write_page(path: Path, template: str, variables: Mapping[str, Any]) -> None:
    """Write a page that is the same, byte for byte, for the same variables.

    Parameters
    ----------
    path : Path
        File to write; replaced whole or not at all.
    template : str
        Name of a file of the templates' folder.
    variables : mapping
        What the template names; a name that is missing is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template(template).render(variables)
    replace_file(path, text.encode())
