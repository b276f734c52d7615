"""Draws ``pipeline.svg``: from three kinds of records to results, through one trunk.

``python docs/images/draw_pipeline.py`` writes it beside this file. Colours follow the reader's
light or dark setting; where that is unknown it is drawn on a light ground.
"""

from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 1190, 606
STYLE = """
  .page { fill: #ffffff } .ink { fill: #1d2430 } .soft { fill: #5b6675 }
  .line { stroke: #8a94a3; fill: none; stroke-width: 1.6 } .arrow { fill: #8a94a3 }
  .box { fill: #f3f5f8; stroke: #c9d0d9; stroke-width: 1.2 }
  .dna { fill: #d9e7fb; stroke: #4c78a8 } .cell { fill: #dff1e0; stroke: #54a24b }
  .tissue { fill: #fde8d3; stroke: #e08214 } .m { fill: #6f4ab0; stroke: #6f4ab0 }
  .faint { opacity: .55 } .onm { fill: #ffffff } .trunk { fill: #ece7f6; stroke: #6f4ab0 }
  .attend { stroke: #6f4ab0; fill: none; stroke-width: 1.3; opacity: .55 }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
         font-size: 13px }
  .mono { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .head { font-size: 14px; font-weight: 600 } .small { font-size: 11.5px }
  @media (prefers-color-scheme: dark) {
    .page { fill: #12161c } .ink { fill: #e4e9f0 } .soft { fill: #9fabba }
    .line { stroke: #77828f } .arrow { fill: #77828f }
    .box { fill: #1a2028; stroke: #3a4450 }
    .dna { fill: #1d3350; stroke: #7fb0f5 } .cell { fill: #1d3a24; stroke: #7cc98a }
    .tissue { fill: #46301a; stroke: #f0a658 } .trunk { fill: #2a2340; stroke: #a78be0 }
    .m { fill: #8a66cf; stroke: #a78be0 } .attend { stroke: #a78be0 }
  }
"""
ROWS = {"dna": 120, "cell": 300, "tissue": 480}
"""Middle of each modality's row, from the top."""
TRUNK = (640, 90, 170, 420)
"""Left, top, width and height."""


def text(x, y, words, css="ink", anchor="middle"):
    """A line of text."""
    return f'<text x="{x}" y="{y}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def box(x, y, width, height, css="box", radius=8):
    """A rectangle with round corners."""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" class="{css}"/>'


def arrow(x1, y1, x2, y2):
    """An arrow that leaves and arrives level."""
    middle = (x1 + x2) / 2
    return (
        f'<path class="line" d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2 - 8} {y2}"/>'
        f'<path class="arrow" d="M{x2} {y2} l-9 -4.5 v9 z"/>'
    )


def token(x, y, word, css, height=40, below=""):
    """One token: what it is, and below it how much or where."""
    drawn = box(x, y - height / 2, 46, height, css, 6)
    drawn += text(x + 23, y + 4.5 - (6 if below else 0), word, "ink mono")
    return drawn + (text(x + 23, y + 13, below, "soft small") if below else "")


def modality_token(x, y):
    """The token that opens every segment."""
    return box(x, y - 20, 38, 40, "m", 6) + text(x + 19, y + 4.5, "[M]", "onm mono")


def dna():
    """A promoter: letters, and patches of letters with their places."""
    y = ROWS["dna"]
    drawn = [box(24, y - 46, 190, 92), text(119, y - 22, "DNA sequence", "head ink")]
    drawn.append(text(119, y + 4, "…GCTATAAAAGGC…", "ink mono"))
    drawn.append(text(119, y + 30, "FASTA, BED, CSV", "soft small"))
    drawn.append(modality_token(330, y))
    for k, letters in enumerate(("GCT", "ATA", "AAA", "GGC")):
        drawn.append(token(376 + 51 * k, y, letters, "dna", below=f"{3 * k}"))
    drawn.append(text(330, y - 36, "patches of nucleotides + place", "soft small", "start"))
    return drawn


def cell():
    """A cell: genes and how much of each there is, without an order."""
    y = ROWS["cell"]
    drawn = [box(24, y - 46, 190, 92), text(119, y - 22, "single cell", "head ink")]
    drawn.append(f'<circle cx="62" cy="{y + 8}" r="17" class="cell"/>')
    drawn.append(f'<circle cx="62" cy="{y + 8}" r="7" class="line"/>')
    drawn.append(text(142, y + 5, "CD3D 2.1  LYZ 0", "ink small"))
    drawn.append(text(142, y + 22, "NKG7 0.7  …", "ink small"))
    drawn.append(text(119, y + 40, "AnnData", "soft small"))
    drawn.append(modality_token(330, y))
    for k, (word, amount) in enumerate((("all", "genes"), ("g1", "1.3"), ("g2", "-0.4"))):
        drawn.append(token(376 + 51 * k, y, word, "cell", below=amount))
    drawn.append(
        text(330, y - 36, "whole profile, modules of genes + amount", "soft small", "start")
    )
    return drawn


def tissue():
    """A cell among its neighbours: each a token with its offset."""
    y = ROWS["tissue"]
    drawn = [box(24, y - 46, 190, 92), text(119, y - 22, "cell in tissue", "head ink")]
    around = ((66, 0), (88, -9), (113, 10), (93, 20), (62, 18), (120, -9), (138, 12))
    for dx, dy in around:
        drawn.append(f'<circle cx="{24 + dx}" cy="{y + dy}" r="7.5" class="tissue faint"/>')
    drawn.append(f'<circle cx="{24 + 92}" cy="{y + 5}" r="8.5" class="tissue"/>')
    drawn.append(text(119, y + 41, "AnnData with coordinates", "soft small"))
    drawn.append(modality_token(330, y))
    words = (("self", ""), ("n1", "0.9"), ("n2", "1.4"), ("n3", "1.6"))
    for k, (word, below) in enumerate(words):
        drawn.append(token(376 + 51 * k, y, word, "tissue", below=below))
    drawn.append(text(330, y - 36, "the cell, its neighbours + distance", "soft small", "start"))
    return drawn


def trunk():
    """Layers of the shared encoder, with attention between tokens."""
    x, y, width, height = TRUNK
    drawn = [box(x, y, width, height, "trunk", 14)]
    drawn.append(text(x + width / 2, y + 30, "shared trunk", "head ink"))
    drawn.append(text(x + width / 2, y + 50, "the same for all", "soft small"))
    places = [x + 25 + 30 * k for k in range(5)]
    levels = [y + 110, y + 200, y + 290]
    for low, high in pairwise(levels):
        drawn += [
            f'<path class="attend" stroke-opacity="{0.9 if a == places[0] else 0.25}" '
            f'd="M{b} {low} L{a} {high}"/>'
            for a in places
            for b in places
        ]
    for row in levels:
        for k, at in enumerate(places):
            drawn.append(f'<circle cx="{at}" cy="{row}" r="8" class="{"m" if not k else "box"}"/>')
    drawn.append(text(x + width / 2, y + 330, "every token attends", "soft small"))
    drawn.append(text(x + width / 2, y + 346, "to every other of its record,", "soft small"))
    drawn.append(text(x + width / 2, y + 362, "never to another record", "soft small"))
    drawn.append(text(x + width / 2, y + 395, "transformer encoder", "ink small"))
    return drawn


def results():
    """The representation, the heads and what comes out."""
    middle = TRUNK[1] + TRUNK[3] / 2
    drawn = [arrow(TRUNK[0] + TRUNK[2], middle, 848, middle)]
    drawn += [box(848, middle - 34, 100, 68, "m", 10)]
    drawn.append(text(898, middle - 4, "state of [M]", "onm"))
    drawn.append(text(898, middle + 15, "one per record", "onm small"))
    drawn.append(f'<path class="line" d="M948 {middle} H963"/>')
    drawn.append(f'<circle cx="973" cy="{middle}" r="10" class="box"/>')
    drawn.append(text(973, middle + 5, "+"))
    heads = (
        (130, "class", "label, confidence, unknown", "AnnData, BED, CSV"),
        (middle, "value", "one or several measured", "CSV, BED"),
        (470, "representation", "UMAP, transfer, search", "report, CSV, npy"),
    )
    for y, name, first, second in heads:
        if name == "representation":
            drawn.append(
                f'<path class="line" d="M898 {middle + 34} C898 {y} 898 {y} 992 {y}"/>'
                f'<path class="arrow" d="M1000 {y} l-9 -4.5 v9 z"/>'
            )
        else:
            drawn.append(arrow(983, middle, 1000, y))
        drawn.append(box(1000, y - 42, 172, 84))
        drawn.append(text(1086, y - 17, name, "head ink"))
        drawn.append(text(1086, y + 6, first, "ink small"))
        drawn.append(text(1086, y + 26, second, "soft small"))
    return drawn


def bypass():
    """The direct linear model beside the trunk."""
    y, start = TRUNK[1] + TRUNK[3] + 44, ROWS["tissue"]
    return [
        f'<path class="line" stroke-dasharray="5 5" d="M270 {start} C270 {y} 300 {y} 360 {y} '
        f'H920 C966 {y} 973 {y - 60} 973 {TRUNK[1] + TRUNK[3] / 2 + 19}"/>',
        f'<path class="arrow" d="M973 {TRUNK[1] + TRUNK[3] / 2 + 11} l-4.5 9 h9 z"/>',
        text(600, y + 22, "linear model: strongly regularised, beside the trunk, mixed"
             " into the answer", "soft small"),
    ]  # fmt: skip


def drawing() -> str:
    """The whole picture."""
    heads = ((119, "records"), (436, "modality: [M] + tokens"), (725, ""), (898, "representation"),
             (1086, "heads and results"))  # fmt: skip
    parts = [box(0, 0, WIDTH, HEIGHT, "page", 0)]
    parts += [text(x, 44, words, "head soft") for x, words in heads if words]
    for name, draw in (("dna", dna), ("cell", cell), ("tissue", tissue)):
        parts += draw()
        parts.append(arrow(214, ROWS[name], 322, ROWS[name]))
        end = 376 + 51 * (3 if name == "cell" else 4)
        parts.append(arrow(end, ROWS[name], TRUNK[0], TRUNK[1] + 210 + (ROWS[name] - 300) * 0.35))
    parts += [text(268, ROWS[name] - 8, "encode", "soft small") for name in ROWS]
    parts += trunk() + results() + bypass()
    says = (
        "Polyome's pipeline: DNA sequences, single cells and cells in tissue become tokens "
        "behind a modality token, pass one shared transformer, and the state of that token answers."
    )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<title>{escape(says)}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


if __name__ == "__main__":
    Path(__file__).with_name("pipeline.svg").write_text(drawing())
