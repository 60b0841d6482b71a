"""The documentation site, `make docs`: the Markdown files of this folder, and a reference from the code."""

import sys
from importlib import metadata
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

project = "Webhooks for Supabase apps"
author = "MyThirdPlace"
copyright = "MyThirdPlace, MIT license"  # noqa: A001 - Sphinx's name
release = metadata.version("supabase-webhooks")

extensions = ["myst_parser", "reference"]
exclude_patterns = ["_ext"]
myst_heading_anchors = 4
# Pygments does not know dollar quotes in `sql`, the name by which GitHub knows the language
suppress_warnings = ["misc.highlighting_failure", "myst.header"]

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
