"""The page components, as template tags. docs/design.md says when to use which; ``/style/`` shows them all."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django import template
from django.core.paginator import Page
from django.forms import BaseForm, BoundField, CheckboxInput
from django.template.context import RequestContext
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from dongliang.common.charts import Chart
from dongliang.common.refusals import Blocker

register = template.Library()

State = Literal["waiting", "open", "done", "late", "stopped"]


@register.filter
def grouped(value: object) -> object:
    """A whole number with its thousands set apart, as ``figure`` shows it."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value


@register.inclusion_tag("common/components/page_title.html")
def page_title(title: str, lead: str = "", over: str = "") -> dict[str, Any]:
    """The page's only h1; ``lead`` says in a sentence what the page is for, ``over`` what it belongs to."""
    return {"title": title, "lead": lead, "over": over}


@register.inclusion_tag("common/components/figure.html")
def figure(value: int | str, label: str, note: str = "", url: str = "") -> dict[str, Any]:
    """One number of ``<dl class="figures">``. Whole numbers are grouped in thousands."""
    return {"value": grouped(value), "label": label, "note": note, "url": url}


@register.inclusion_tag("common/components/pill.html")
def pill(word: str, state: State = "waiting") -> dict[str, Any]:
    """A state in a word and a shape; the colour only repeats them."""
    return {"word": word, "state": state}


@register.simple_block_tag
def table(
    content: SafeString, caption: str, note: str = "", hide_caption: bool = False, fit: bool = False
) -> SafeString:
    """A table around ``<thead>`` and ``<tbody>``. Name rows by ``<th scope="row">``; numbers are ``class="number"``.

    ``fit`` keeps a table of two or three short columns as narrow as they are.
    """
    return render_to_string(
        "common/components/table.html",
        {"content": content, "caption": caption, "note": note, "hide_caption": hide_caption, "fit": fit},
    )


@register.simple_block_tag
def callout(
    content: SafeString, title: str = "", kind: Literal["note", "good", "warning", "stop"] = "note"
) -> SafeString:
    """A remark beside the text. What stops an action belongs in ``blockers`` instead."""
    return render_to_string(
        "common/components/callout.html", {"content": content, "title": title, "kind": kind}
    )


@register.inclusion_tag("common/components/empty.html")
def empty(title: str, text: str = "", url: str = "", action: str = "") -> dict[str, Any]:
    """Where a list would be: says why there is nothing and, with ``url`` and ``action``, what to do first."""
    return {"title": title, "text": text, "url": url, "action": action}


@register.inclusion_tag("common/components/blockers.html")
def blockers(reasons: Iterable[Blocker], title: str = "") -> dict[str, Any]:
    """Every reason against, each with its remedy; nothing at all when there is none."""
    return {"reasons": list(reasons), "title": title}


@register.simple_block_tag(takes_context=True)
def confirm(
    context: RequestContext,
    content: SafeString,
    url: str,
    label: str,
    kind: Literal["", "plain", "seal"] = "",
    against: Iterable[Blocker] = (),
) -> SafeString:
    """A POST to ``url`` with one button, below what it will do. With reasons ``against``, they stand in its place."""
    return render_to_string(
        "common/components/confirm.html",
        {"content": content, "url": url, "label": label, "kind": kind, "reasons": list(against)},
        request=context.get("request"),
    )


@register.inclusion_tag("common/components/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Label, help, errors and control of one form field, tied together for screen readers."""
    return {"field": bound, "choice": isinstance(bound.field.widget, CheckboxInput)}


@register.inclusion_tag("common/components/fields.html")
def fields(form: BaseForm) -> dict[str, Any]:
    """All of a form: error summary, hidden fields, visible fields."""
    return {"form": form}


@register.inclusion_tag("common/components/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """What to correct, each a link to its field; nothing when the form has no errors."""
    return {"form": form}


@register.inclusion_tag("common/components/filter_bar.html")
def filter_bar(form: BaseForm, clear: str = "") -> dict[str, Any]:
    """A GET form in one row; ``clear`` is the address without filters."""
    return {"form": form, "clear": clear}


@register.inclusion_tag("common/components/pagination.html", takes_context=True)
def pagination(context: RequestContext, page: Page) -> dict[str, Any]:
    """Links to the other pages of a list, keeping the rest of the query string."""
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return {"page": page, "numbers": list(numbers), "request": context.get("request")}


@register.inclusion_tag("common/components/progress.html")
def progress(done: int, total: int, label: str = "") -> dict[str, Any]:
    """How many of how many, in numbers and as a bar."""
    percent = 100 * done // total if total else 0
    return {
        "done": done,
        "total": total,
        "label": label,
        "words": {"done": grouped(done), "total": grouped(total), "percent": percent},
    }


@register.inclusion_tag("common/components/fingerprint.html")
def fingerprint(digest: str, label: str = "") -> dict[str, Any]:
    """A SHA-256 by its first eight digits; opens to the whole."""
    return {"short": f"{digest[:4]} {digest[4:8]}", "digest": digest, "label": label}


@register.inclusion_tag("common/components/tabs.html")
def tabs(items: Iterable[Mapping[str, Any]], label: str) -> dict[str, Any]:
    """Links between the parts of one thing. Each item: ``url``, ``label``, and if wanted ``current``, ``count``."""
    return {"items": items, "label": label}


@register.inclusion_tag("common/components/steps.html")
def steps(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The season as posts under a beam. Each item: ``name``, ``state`` (a ``State``), ``word``, and if wanted ``note``."""
    return {"items": items}


@register.simple_tag
def chart(drawn: Chart) -> SafeString:
    """A chart of ``dongliang.common.charts`` with its title, its reading aid and its numbers."""
    return render_to_string(drawn.template, {"chart": drawn})
