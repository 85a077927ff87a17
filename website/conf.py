"""Sphinx configuration: Markdown pages, docstrings of the package, and text made from the code at build time."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parents[1])]

from mmf_like import __version__  # noqa: E402 - from this checkout, whatever is installed

project = "mmf_like"
release = version = __version__
copyright = "the mmf_like authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "made_from_code"]
exclude_patterns = ["_build", "_ext"]

html_theme = "furo"
html_title = f"mmf_like {release}"
html_copy_source = False
html_show_copyright = False

myst_heading_anchors = 3
default_role = "code"  # docstrings quote code with single backticks

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # those of torch and Lightning are not ours to show
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
