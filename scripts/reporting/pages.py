"""Pages of HTML and the drawings in them, made from templates: one look, and nothing loaded from anywhere else."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def render(template: Path, **facts: object) -> str:
    """Fill a template, `NAME.html.jinja`, which may extend `page.html.jinja`.

    Every value is text, never markup, but for what another template made. Raises jinja2.TemplateError for one that the
    template asks for and does not get.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    world = Environment(
        loader=FileSystemLoader([template.parent, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return world.get_template(template.name).render(facts)
