"""A matplotlib figure as SVG inside a page: it takes the page's colours, light or dark."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK, RULE = "#010203", "#040506"
"""Colours that nothing else has, put in place of the page's own."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "text.parse_math": False,  # a class may be called $x$
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": "medium",
    "axes.edgecolor": RULE,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.alpha": 0.5,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def as_svg(
    draw: Callable[..., object], width: float, height: float, *, name: str, says: str
) -> Markup:
    """Draw on new axes and return them as SVG markup.

    Parameters
    ----------
    draw : is called with ``ax``.
    width, height : inches, before white margins are cut off.
    name : of the figure; no other of the page has it.
    says : what is drawn, for those who cannot see it.

    Examples
    --------
    >>> as_svg(lambda ax: ax.plot([0, 1]), 2, 2, name="line", says="a line")[:28]
    Markup('<svg role="img" aria-label="')
    """
    settings: Any = STYLE | {"svg.hashsalt": name}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(ax=figure.add_subplot())
        buffer = io.StringIO()
        nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
        figure.savefig(buffer, format="svg", metadata=nothing, bbox_inches="tight", pad_inches=0.04)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Names must be the page's only ones.
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r'((?:\bid|xlink:href)="#?|url\(#)', rf"\g<1>{name}-", text)
    text = text.replace(INK, "currentColor").replace(RULE, "var(--rule)")
    text = re.sub(r'font: ([\d.]+px) [^;"]*', r"font-size: \1", text)  # the page's own face
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', _opening(says), text, count=1)
    return Markup(text)  # matplotlib escapes the text that it draws


def _opening(says: str) -> str:
    label = str(escape(says)).replace("\\", "\\\\")
    return (
        rf'<svg role="img" aria-label="{label}" viewBox="\1" xmlns="http://www.w3.org/2000/svg" '
        r'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
