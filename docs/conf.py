"""How the documentation is built: ``make docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate import explained_names, write_generated

from polyome import __version__

project = "Polyome"
author = "Polyome maintainers"
copyright = "Polyome maintainers, Apache-2.0"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "images/*.py", "tutorials/*.ipynb"]
html_theme = "sphinx_book_theme"
html_title = "Polyome"
html_static_path = ["_static"]
html_css_files = ["polyome.css"]
html_theme_options = {
    "show_navbar_depth": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_persistent": [],
}
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # docs/execute.py has run them

autodoc_typehints = "none"  # docstrings say types, with shapes and units
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
nitpicky = False


def setup(app):
    """Generate pages from the program itself, and read docstrings as the house writes them."""
    write_generated(Path(app.srcdir))
    app.connect("autodoc-process-docstring", explained_names, priority=400)
