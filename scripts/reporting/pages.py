"""Pages made from templates: of HTML, in one look and with nothing loaded from anywhere else, and of Markdown."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def render(template: Path, **facts: object) -> str:
    """Fill a template: `NAME.html.jinja`, which may extend `page.html.jinja`, or `NAME.md.jinja`.

    In HTML every value is text, never markup, but for what another template made. Raises jinja2.TemplateError for one
    that the template asks for and does not get.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    templates = Environment(
        loader=FileSystemLoader([template.parent, TEMPLATES]),
        autoescape=select_autoescape(disabled_extensions=("md.jinja",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template.name).render(facts)
