"""The rule book: one validated document that says who counts, what is asked, how it is weighed and what wins.

A preset is a TOML file. Every value the programme's own sources do not give stands under a key that the file's
``defaults`` list names, so that the office sees what it still has to set for itself.
"""

import json
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from importlib import resources
from typing import Annotated, Any, Literal, Self

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from dongliang.common.canonical import canonical_json, fingerprint
from dongliang.common.refusals import Blocker, Refused

# More of anything than this is a slip of the hand.
MOST = 1_000_000
FAULTS_NAMED = 50
# In characters. The longest line of a shipped rule book has 250; one key of as many parts as fit in a megabyte takes minutes.
LONGEST_LINE = 4000


def plain(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text.replace("\n", "")):
        raise ValueError(_("it must be plain text, without control characters"))
    return text


Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=30)]
Wording = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(plain)]
Count = Annotated[int, Field(ge=0, le=MOST)]
Source = Literal["field", "public", "institutional"]
Avoidance = Literal["self", "own_mentee", "own_studio", "same_subdistrict", "succession", "declared"]
# What an officer may set aside with a reason when assessors are changed by hand.
Waivable = Literal["own_studio", "same_subdistrict", "load", "fewer_assessors"]
TieBreak = Literal["field", "public", "institutional", "lot"]
Verification = Literal["household_code", "sms", "wechat", "assisted", "paper"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Text(Section):
    """A piece of the rule book's own wording, in Chinese and in English."""

    zh: Wording
    en: Wording

    def __str__(self) -> str:
        return self.en if (get_language() or "zh").startswith("en") else self.zh


class Named(Section):
    key: Key
    name: Text


def is_empty(value: list[Any]) -> bool:
    """Left out of the document when empty: rule books written before a key was known keep their fingerprint."""
    return not value


class Indicator(Named):
    """What is rated, what residents are asked, what assessors look at, and what each level from 1 to 5 looks like."""

    question: Text
    levels: list[Text] = Field(min_length=5, max_length=5)
    points: list[Text] = Field(default=[], max_length=8, exclude_if=is_empty)


class SourceRule(Named):
    """One side the secretaries are rated from."""

    key: Source
    weight: float = Field(ge=0, le=1)
    minimum_answers: Count


class Instrument(Section):
    """The form of one source beyond its marks: what may be added to them, and how quickly nobody fills it in earnest."""

    key: Literal["field", "institutional"]
    # A line beside each indicator, for what bears its mark out.
    indicator_notes: bool
    # So many photos may go with one sheet.
    photos: int = Field(ge=0, le=8)
    # A sheet filled in fewer seconds is pointed out to its assessor before it is sent.
    least_seconds: int = Field(ge=0, le=600)


class FieldPlan(Section):
    """How many mentors assess each secretary in the field, and who may not assess whom."""

    assessors: Count = Field(ge=1)
    assessors_each: Count = Field(ge=1)
    avoidance: list[Avoidance]
    # Nothing, unless the rule book says so; left out of the fingerprint of a rule book that does not.
    waivable: list[Waivable] = []

    @model_validator(mode="after")
    def enough_assessors(self) -> Self:
        if self.assessors_each > self.assessors:
            raise ValueError(
                _("assessors_each is %(each)d, but there are %(all)d assessors; use at most as many")
                % {"each": self.assessors_each, "all": self.assessors}
            )
        return self

    @model_serializer(mode="wrap")
    def without_what_is_not_said(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A rule book from before a key was known keeps its fingerprint."""
        document: dict[str, Any] = written(self)
        return (
            document
            if self.waivable
            else {key: value for key, value in document.items() if key != "waivable"}
        )


class InstitutionalPlan(Section):
    """How subdistricts and departments send their sheets in."""

    # Only the sheets of an institution whose officer has signed them count.
    signature: bool


class Residents(Section):
    """How residents show that they may vote, and how far one neighbourhood's voice can reach."""

    verification: list[Verification] = Field(min_length=1)
    # So many ballots of one neighbourhood weigh in full; where there are more, all weigh less, alike. 0: no ceiling.
    ceiling: Count
    # The share of a neighbourhood's households that may vote with an officer's help and without a card.
    assisted_share: float = Field(ge=0, le=1)
    # Households of each neighbourhood drawn at random and asked in person, to hold the open vote against. 0: none.
    sample: int = Field(ge=0, le=500)
    # Below so many ballots a neighbourhood's marks are published only as part of a total, or they would be somebody's.
    smallest_published: int = Field(ge=1, le=100)
    # Whether residents may write a sentence beside their marks, for the secretary to read once somebody has checked it.
    comments: bool = False

    @model_serializer(mode="wrap")
    def without_what_is_off(self, serialised: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before there were comments where there are none: a frozen rule book keeps its fingerprint."""
        content: dict[str, Any] = serialised(self)
        if not self.comments:
            del content["comments"]
        return content


class Scoring(Section):
    """How marks become one number a secretary, and how sure it is."""

    method: Literal["gaussian", "mean", "trimmed_mean"]
    scale: Literal["standardised", "marks"]
    below_minimum: Literal["not_listed", "listed"]
    draws: int = Field(ge=1000, le=100_000)
    seed: int = Field(ge=0, lt=1 << 63)


class Quota(Section):
    """How many of a list each subdistrict gets at least and at most; 0 as the most means no ceiling."""

    minimum: Count
    maximum: Count

    @model_validator(mode="after")
    def minimum_fits(self) -> Self:
        if self.maximum and self.minimum > self.maximum:
            raise ValueError(
                _("minimum is %(minimum)d, more than the maximum of %(maximum)d")
                % {"minimum": self.minimum, "maximum": self.maximum}
            )
        return self


class HonourRule(Named):
    """An honour, and what entitles the programme to give it: a title without a basis is none of the office's to give."""

    basis: Text


class Publicity(Section):
    """How long a list is open to objections before it holds."""

    working_days: int = Field(ge=1, le=30)


class BestSecretaries(HonourRule):
    places: Count = Field(ge=1)
    ties: list[TieBreak] = Field(min_length=1)
    decimals: int = Field(ge=1, le=6)
    subdistrict_quota: Quota


class PopularProjects(HonourRule):
    """Projects commended by residents' picks and assessors' marks together."""

    places: Count = Field(ge=1)
    online_weight: float = Field(ge=0, le=1)
    picks_minimum: Count = Field(ge=1)
    picks_maximum: int = Field(ge=1, le=10)

    @model_validator(mode="after")
    def picks_fit(self) -> Self:
        if self.picks_minimum > self.picks_maximum:
            raise ValueError(
                _("picks_minimum is %(minimum)d, more than picks_maximum, %(maximum)d")
                % {"minimum": self.picks_minimum, "maximum": self.picks_maximum}
            )
        return self


class SurestThings(HonourRule):
    """The projects on stage: so many from each subdistrict, named by its office, else its best by score."""

    each_subdistrict: Count = Field(ge=1)
    without_nomination: Literal["best_by_score", "none"]


class FitWeights(Section):
    """Points for what makes a mentor and a mentee fit: the first thing's category, needs, the same subdistrict, an earlier pair."""

    category: float = Field(ge=0, le=1000)
    need: float = Field(ge=0, le=1000)
    nearness: float = Field(ge=0, le=1000)
    continuity: float = Field(ge=0, le=1000)


class Mentoring(Section):
    """How mentees are paired with mentors, and when a pair counts as silent."""

    largest_load: int = Field(ge=1, le=100)
    silent_after_days: int = Field(ge=1, le=365)
    weights: FitWeights
    # Points that a mentor's second mentee costs; the third costs twice that. 0: loads may be as uneven as they like.
    balance: float = Field(ge=0, le=1000)


def usual_mentoring() -> Mentoring:
    """What holds where a rule book, being older than this section, does not say."""
    return Mentoring(
        largest_load=8,
        silent_after_days=30,
        weights=FitWeights(category=40.0, need=30.0, nearness=20.0, continuity=10.0),
        balance=1.0,
    )


class Programme(Section):
    """The size of the programme, held against the roster before the season opens."""

    subdistricts: Count = Field(ge=1)
    secretaries: Count = Field(ge=1)


class Names(Section):
    """Words of the programme that are settings: kinds of training, of empowerment, of demonstration site, stages."""

    trainings: list[Named]
    empowerments: list[Named]
    demonstration_sites: list[Named]
    growth_stages: list[Named]


class Gates(Section):
    """What is asked of a person before a step of the growth path. What is left out, 0 or false is not asked."""

    months_in_post: Count = 0
    # Credited hours of training in the season.
    hours: Count = 0
    visits: Count = 0
    project: Literal["any", "registered", "under_way", "landed"] = "any"
    # The place among all reviewed, counted from the top: 30 asks for the first three of ten. 0: not asked.
    review_top_percent: int = Field(default=0, ge=0, le=100)
    mentor_opinion: bool = False
    committee: bool = False
    # Whether one person proposes the step and another decides it.
    two_persons: bool = False


class StageGates(Gates):
    stage: Key


class Growth(Section):
    """The growth path: how many hours of training a year asks of everyone, and what each stage asks for."""

    hours_a_year: Count = 0
    stages: list[StageGates] = []
    # The star secretaries (明星书记).
    star: Gates = Gates()

    def gates_before(self, stage: str) -> Gates:
        return next((gates for gates in self.stages if gates.stage == stage), Gates())


def paths_in(value: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a document, lists of tables included by their ``key``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (path := f"{prefix}{name}")
            yield from paths_in(inner, f"{path}.")
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict) and "key" in inner:
                yield (path := f"{prefix}{inner['key']}")
                yield from paths_in(inner, f"{path}.")


class RuleBookContent(Section):
    """The whole rule book."""

    format: Literal[1]
    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
    title: Text
    year: int = Field(ge=2000, le=2100)
    defaults: list[str]
    programme: Programme
    categories: list[Named] = Field(min_length=1)
    indicators: list[Indicator] = Field(min_length=1, max_length=8)
    sources: list[SourceRule] = Field(min_length=1, max_length=3)
    instruments: list[Instrument] = Field(default=[], max_length=2, exclude_if=is_empty)
    field: FieldPlan
    # A rule book without it asks for no signature, and keeps its fingerprint.
    institutional: InstitutionalPlan | None = None
    residents: Residents
    scoring: Scoring
    best_secretaries: BestSecretaries
    popular_projects: PopularProjects
    surest_things: SurestThings
    publicity: Publicity
    names: Names
    # Rule books from before there was a growth path have no such section, and keep their fingerprint.
    growth: Growth | None = None
    # The same holds here; without it, what is usual holds.
    mentoring: Mentoring = Field(default_factory=usual_mentoring)

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        contradiction = (
            self.contradiction_in_keys()
            or self.contradiction_in_weights()
            or self.contradiction_in_places()
            or self.contradiction_in_ties()
            or self.contradiction_in_growth()
        )
        if contradiction:
            raise ValueError(contradiction)
        return self

    @model_serializer(mode="wrap")
    def without_what_is_not_said(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A rule book from before a key was known keeps its fingerprint."""
        document: dict[str, Any] = written(self)
        for section in ("institutional", "growth", "mentoring"):
            if section not in self.model_fields_set or document[section] is None:
                del document[section]
        return document

    @property
    def asks_for_signatures(self) -> bool:
        return self.institutional is not None and self.institutional.signature

    def contradiction_in_keys(self) -> str:
        for section in ("categories", "indicators", "sources", "instruments"):
            keys = [entry.key for entry in getattr(self, section)]
            if twice := sorted({key for key in keys if keys.count(key) > 1}):
                return _("%(section)s has the key '%(key)s' twice; give each its own") % {
                    "section": section,
                    "key": twice[0],
                }
        present = set(paths_in(self.model_dump()))
        if unknown := [path for path in self.defaults if path not in present]:
            return _("defaults names '%(path)s', which is not a key of this rule book") % {"path": unknown[0]}
        return ""

    def contradiction_in_weights(self) -> str:
        total = sum(source.weight for source in self.sources)
        if abs(total - 1) < 1e-9:
            return ""
        return _("the weights under sources add up to %(total)s; make them add up to 1") % {
            "total": f"{total:g}"
        }

    def contradiction_in_places(self) -> str:
        places, secretaries = self.best_secretaries.places, self.programme.secretaries
        quota, subdistricts = self.best_secretaries.subdistrict_quota, self.programme.subdistricts
        least, most = quota.minimum * subdistricts, quota.maximum * subdistricts
        if places > secretaries:
            return _("best_secretaries.places is %(places)d, more than the %(secretaries)d secretaries") % {
                "places": places,
                "secretaries": secretaries,
            }
        if least > places:
            return _(
                "best_secretaries.subdistrict_quota.minimum is %(minimum)d: %(subdistricts)d subdistricts would need "
                "%(needed)d places, and there are %(places)d"
            ) % {"minimum": quota.minimum, "subdistricts": subdistricts, "needed": least, "places": places}
        if quota.maximum and most < places:
            return _(
                "best_secretaries.subdistrict_quota.maximum is %(maximum)d: %(subdistricts)d subdistricts could fill "
                "%(filled)d places, and there are %(places)d"
            ) % {"maximum": quota.maximum, "subdistricts": subdistricts, "filled": most, "places": places}
        return ""

    def contradiction_in_ties(self) -> str:
        known = {source.key for source in self.sources} | {"lot"}
        if missing := [tie for tie in self.best_secretaries.ties if tie not in known]:
            return _("best_secretaries.ties names '%(tie)s', which is not among the sources") % {
                "tie": missing[0]
            }
        if self.best_secretaries.ties[-1] != "lot":
            return _("best_secretaries.ties must end in 'lot', so that no tie is left open")
        return ""

    def contradiction_in_growth(self) -> str:
        stages = [stage.key for stage in self.names.growth_stages]
        named = [gates.stage for gates in self.path.stages]
        if unknown := [stage for stage in named if stage not in stages]:
            return _("growth.stages names '%(stage)s', which is not among names.growth_stages") % {
                "stage": unknown[0]
            }
        if twice := [stage for stage in stages if named.count(stage) > 1]:
            return _("growth.stages says twice what '%(stage)s' asks for; say it once") % {"stage": twice[0]}
        if stages[:1] and stages[0] in named:
            return _("growth.stages asks something for '%(stage)s', where everyone begins; leave it out") % {
                "stage": stages[0]
            }
        return ""

    @property
    def path(self) -> Growth:
        """The growth path; one that asks for nothing where the rule book says nothing."""
        return self.growth or Growth()

    @cached_property
    def sha256(self) -> str:
        return fingerprint(self.model_dump())

    def as_json(self) -> bytes:
        return canonical_json(self.model_dump())

    def source(self, key: str) -> SourceRule:
        return next(source for source in self.sources if source.key == key)

    def instrument(self, key: str) -> Instrument:
        """The form of a source; in a rule book that says nothing of forms, marks and one note, as they were then."""
        plain_form = Instrument(key=key, indicator_notes=False, photos=0, least_seconds=0)  # type: ignore[arg-type]
        return next((form for form in self.instruments if form.key == key), plain_form)

    def is_default(self, path: str) -> bool:
        """Whether ``path``, or something it lies under, is this product's own default, not the programme's word."""
        return any(path == known or path.startswith(f"{known}.") for known in self.defaults)


def key_of(location: tuple[int | str, ...], document: Any) -> str:
    """A validation error's place as a reader of the file would write it: ``sources.public.weight``."""
    parts = []
    for step in location:
        inner = None
        if isinstance(document, dict):
            inner = document.get(str(step))
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            inner = document[step]
        label = inner.get("key") if isinstance(step, int) and isinstance(inner, dict) else None
        parts.append(str(label) if isinstance(label, str) else str(step))
        document = inner
    return ".".join(parts)


def validated(document: dict[str, Any]) -> RuleBookContent:
    """The rule book in ``document``. Raises Refused with one blocker a fault, each naming the key."""
    try:
        return RuleBookContent.model_validate(document)
    except ValidationError as error:
        raise Refused(
            Blocker(
                "rulebook.invalid",
                _("Rule book, key '%(key)s': %(problem)s.")
                % {
                    "key": cut(key_of(fault["loc"], document)) or _("(the whole document)"),
                    "problem": problem_of(fault),
                },
                _("The value seen is %(value)s.") % {"value": shortened(fault["input"])}
                if fault["type"] not in ("missing", "value_error")
                else "",
            )
            for fault in error.errors()[:FAULTS_NAMED]
        ) from error


def problem_of(fault: ErrorDetails) -> str:
    """What is wrong with a value, in the reader's language; what we have no words for, in pydantic's."""
    bounds = {
        name: fault.get("ctx", {}).get(name)
        for name in ("ge", "le", "lt", "expected", "min_length", "max_length")
    }
    words = {
        "missing": _("it is missing"),
        "extra_forbidden": _("there is no such key"),
        "float_type": _("it must be a number"),
        "int_type": _("it must be a whole number"),
        "string_type": _("it must be text"),
        "list_type": _("it must be a list"),
        "bool_type": _("it must be true or false"),
        "model_type": _("it must be a table of keys"),
        "model_attributes_type": _("it must be a table of keys"),
        "finite_number": _("it must be a finite number"),
        "greater_than_equal": _("it must be at least %(ge)s"),
        "less_than_equal": _("it must be at most %(le)s"),
        "less_than": _("it must be less than %(lt)s"),
        "literal_error": _("it must be %(expected)s"),
        "string_pattern_mismatch": _("it must be small letters, digits and joining strokes, a letter first"),
        "string_too_short": _("it must not be empty"),
        "string_too_long": _("it must be at most %(max_length)s characters"),
        "too_short": _("it must have at least %(min_length)s entries"),
        "too_long": _("it must have at most %(max_length)s entries"),
    }
    if fault["type"] in words:
        return words[fault["type"]] % bounds
    return fault["msg"].removeprefix("Value error, ").rstrip(".")


def shortened(value: Any) -> str:
    try:
        return cut(repr(value))
    except (ValueError, RecursionError):
        # Python spells no number of more than 4,300 digits, and nothing that is nested too deeply.
        return "…"


def cut(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def from_text(text: str) -> RuleBookContent:
    """The rule book in the text of a TOML file, or of the JSON that a season's rules are given out as. Raises Refused."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(in_short_lines(text))
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise unreadable(str(error)) from error
    except RecursionError as error:
        raise unreadable(_("it is nested too deeply")) from error
    except ValueError as error:
        raise unreadable(_("a number in it has too many digits")) from error
    return validated(document)


def in_short_lines(text: str) -> str:
    """The text, if no line of it is so long that reading it would hold up everybody else. Raises Refused."""
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise unreadable(_("line %(line)d is longer than any line of a rule book") % {"line": number})
    return text


def unreadable(problem: str) -> Refused:
    return Refused(
        Blocker(
            "rulebook.not_readable",
            _("The file is neither valid TOML nor valid JSON: %(problem)s.") % {"problem": cut(problem, 200)},
        )
    )


def preset_names() -> list[str]:
    folder = resources.files("dongliang.presets")
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def preset(name: str) -> RuleBookContent:
    """The shipped rule book called ``name``."""
    return from_text(preset_text(name))


def preset_text(name: str) -> str:
    """The TOML file of the shipped rule book called ``name``, remarks and all. Raises Refused."""
    if name not in preset_names():
        raise Refused(
            Blocker(
                "rulebook.unknown_preset",
                _("There is no preset called '%(name)s'.") % {"name": name},
                _("Use one of: %(names)s.") % {"names": ", ".join(preset_names())},
            )
        )
    return (resources.files("dongliang.presets") / f"{name}.toml").read_text(encoding="utf-8")
