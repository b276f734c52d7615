"""The model card as HTML."""

from markupsafe import Markup


def card_html(markdown: str) -> Markup:
    r"""Render a model card; HTML inside it stays text.

    Examples
    --------
    >>> card_html("---\ntags: [a]\n---\n# A <b>card</b>")
    Markup('<h1>A &lt;b&gt;card&lt;/b&gt;</h1>\n')
    """
    from markdown_it import MarkdownIt

    if markdown.startswith("---\n"):  # what the Hugging Face Hub reads
        markdown = markdown.partition("\n---\n")[2]
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return Markup(reader.render(markdown))  # the renderer escapes text
