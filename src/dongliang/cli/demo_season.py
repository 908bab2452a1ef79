"""The demo's season, step by step. Needs Django configured."""

import datetime
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.awards.actions.feedback import acknowledge_feedback, release_feedback
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.ballots import codes, keys
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.actions.comments import decide_comment
from dongliang.ballots.actions.integrity import examine_round, judge_flag
from dongliang.ballots.actions.publishing import archive_of, open_tally
from dongliang.ballots.comments import masked
from dongliang.ballots.models import Comment, Round, Verdict
from dongliang.ballots.queries.proof import last_statement
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.cli import liangzhou
from dongliang.cli.demo_answers import send_sheets, simulate, spelt
from dongliang.cli.demo_coaching import coach
from dongliang.cli.demo_growth import build_growth, crown
from dongliang.cli.demo_honours import honour_the_retiring
from dongliang.cli.demo_review import keep_apart, remind_first_mentor, sign_institutions
from dongliang.cli.demo_studios import build_studios
from dongliang.cli.demo_turnover import hand_over
from dongliang.cli.demo_years import build_past, merit_now
from dongliang.common.refusals import Blocker, Refused
from dongliang.engine.simulation import SimulatedSeason
from dongliang.mentoring.roster import confirm_roster, preview_roster
from dongliang.people.actions import create_account, create_operator, set_up_district
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import departments_of, subdistricts_of
from dongliang.people.roster.workbook import roster_workbook
from dongliang.projects.actions import nominate, register_first_thing, set_state
from dongliang.projects.models import FirstThing
from dongliang.review.actions import Sheet, add_photo, return_sheet, submit_responses
from dongliang.review.models import Source
from dongliang.scoring.actions import begin_collecting, end_collecting, run_scoring
from dongliang.scoring.models import ScoringRun
from dongliang.scoring.queries import in_doubt
from dongliang.seasons.actions import create_season, enrol_secretaries, freeze_rule_book
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent, preset, validated

BALLOTS, PROJECT_BALLOTS = 30_000, 12_000
# Residents cast one at a time; the demo hands over so many at once.
CASTS_AT_ONCE = 1_000
VOTING = datetime.timedelta(days=14)
# Where ballots are stuffed, by place among the secretaries, and how many.
STUFFED = {17: 64, 96: 41}
# Every so many ballots bring a comment.
BALLOTS_A_COMMENT = 37
# Who has read the own feedback, and who of them lets the mentor read it.
SHARE_READ, SHARE_SHARED = 0.4, 0.5
HONOURS = ("best_secretaries", "popular_projects", "surest_things")
STATES_TAKEN = (FirstThing.State.UNDER_WAY, FirstThing.State.LANDED)
# Sheets of the demo's own mentor and department that are left to whoever looks around in the open season.
LEFT_TO_FILL = 6
DEMO_USERS = ("operator", "office", "colleague", "street", "department", "mentor", "secretary", "leaver")
Say = Callable[[str], None]


@contextmanager
def told(say: Say, words: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"  {time.monotonic() - began:5.1f} s  {words}")


def scaled_rules(scale: float) -> RuleBookContent:
    """The shipped rule book, with residents' comments; away from scale 1 with people and places in proportion."""
    document = preset("putuo-2021").model_dump()
    document["residents"]["comments"] = True
    if scale == 1:
        return validated(document)
    secretaries = max(round(278 * scale), 20)
    # Two would not do: where nobody assesses the own subdistrict, mentors of two never meet over one secretary.
    subdistricts = max(3, min(10, secretaries // 9))
    document["programme"] = {"subdistricts": subdistricts, "secretaries": secretaries}
    document["field"]["assessors"] = max(round(13 * scale), 8)
    document["best_secretaries"]["places"] = places = round(53 * secretaries / 278)
    document["best_secretaries"]["subdistrict_quota"] = {
        "minimum": min(2, places // subdistricts),
        "maximum": 0,
    }
    document["popular_projects"]["places"] = max(round(18 * secretaries / 278), 1)
    return validated(document)


def build(*, seed: int, scale: float, keep_open: bool, password: str, say: Say) -> Season:
    """Build the district and run its season up to the published lists, or up to the open season."""
    rng = np.random.default_rng(seed)
    with told(say, _("database")):
        call_command("migrate", verbosity=0)
        if Organisation.objects.exists():
            raise Refused(
                Blocker(
                    "demo.not_empty",
                    _("The database already holds a district."),
                    _("The demo builds in an empty database only: give another one with --database."),
                )
            )
    rules = scaled_rules(scale)
    with told(say, _("two earlier years, with their results")):
        office, district, roster = found_district(rng, rules, password)
        past = build_past(np.random.default_rng([seed, 3]), district, roster, rules, scale=scale, by=office)
    with told(say, _("roster, imported from a workbook")):
        season = import_people(district, rules, roster, by=office)
    with told(say, _("first things registered")):
        register_first_things(rng, season, by=office)
    with told(say, _("profiles, agreements and visits of the pairs")):
        coach(np.random.default_rng([seed, 1]), season, by=office)
        build_studios(np.random.default_rng([seed, 2]), season, by=office)
    with told(say, _("rule book frozen, season opened, sheets assigned")):
        keep_apart(season, by=office)
        freeze_rule_book(season, by=office)
        season = begin_collecting(season, by=office)
    everyone = list(enrolments(season))
    with told(say, _("training held, people moved on the growth path")):
        build_growth(rng, season, by=office)
    with told(say, _("answers drawn from a known truth")):
        drawn, plan = simulate(
            rng,
            season,
            everyone,
            ballots=round(BALLOTS * scale),
            approvals=round(PROJECT_BALLOTS * scale),
            merit=merit_now(np.random.default_rng([seed, 4]), everyone, past),
        )
    with told(say, _("sheets sent")):
        send_sheets(rng, season, everyone, drawn, plan, leave=LEFT_TO_FILL if keep_open else 0)
        sign_institutions(season)
        return_one_sheet(season, by=office, refilled=not keep_open)
    with told(say, _("ballots cast")):
        cast(season, everyone, drawn, rng)
    with told(say, _("projects nominated for the stage")):
        nominate_projects(season, everyone, drawn)
    keep_truth(season, everyone, drawn)
    if keep_open:
        remind_first_mentor(season, by=office)
        with told(say, _("posts handed over")):
            hand_over(rng, season, by=office)
        return season
    panel = [office, Account.objects.get(username="colleague")]
    with told(say, _("season closed, flagged ballots judged by two")):
        season = end_collecting(season, by=office)
        judge_flags(season, panel=panel)
        check_comments(season, by=office)
    with told(say, _("season scored")):
        run = run_scoring(season, by=office)
    with told(say, _("lists drawn and published")):
        for honour_list in draw_lists(run, by=office):
            publish_list(honour_list, by=office)
    with told(say, _("feedback to every secretary released, some of it read")):
        give_feedback(rng, season, by=office)
    crown(season, by=office, second=Account.objects.get(username="colleague"))
    with told(say, _("ballots' marks published, and proven")):
        archive_of(open_tally(season, by=office))
    with told(say, _("six who retired honoured")):
        honour_the_retiring(season, panel=panel)
    with told(say, _("posts handed over")):
        hand_over(rng, season, by=office)
    return season


def found_district(
    rng: np.random.Generator, rules: RuleBookContent, password: str
) -> tuple[Account, Organisation, dict[str, list[dict[str, object]]]]:
    """The district with its office, and the roster that its newest election will lead to."""
    operator = create_operator("operator", password)
    district = set_up_district("LZ", "梁州区", by=operator)
    office = create_account(
        "office", "区委组织部 林晓", Role.OFFICE, district, by=operator, password=password
    )
    return office, district, invented_roster(rng, rules)


def import_people(
    district: Organisation,
    rules: RuleBookContent,
    roster: dict[str, list[dict[str, object]]],
    *,
    by: Account,
) -> Season:
    """A season in preparation with its roster, and the demo's accounts."""
    season = create_season(district, slug="liangzhou-2021", rules=rules, by=by)
    data = roster_workbook(**roster)
    confirm_roster(preview_roster(district, "梁州区花名册.xlsx", data, by=by), by=by)
    # The same file again: now that everyone is enrolled, it pairs the new with their mentors, and changes nothing else.
    enrol_secretaries(season)
    confirm_roster(preview_roster(district, "梁州区花名册.xlsx", data, by=by), by=by)
    make_accounts(season, by=by)
    return season


def invented_roster(rng: np.random.Generator, rules: RuleBookContent) -> dict[str, list[dict[str, object]]]:
    count = rules.programme.subdistricts
    neighbourhoods = liangzhou.invent_neighbourhoods(
        rng, secretaries=rules.programme.secretaries, subdistricts=count
    )
    mentors = liangzhou.invent_mentors(
        rng,
        mentors=rules.field.assessors,
        taken={neighbourhood.secretary for neighbourhood in neighbourhoods},
        subdistricts=count,
    )
    units: list[dict[str, object]] = [
        {"名称": name, "类型": kind}
        for name, kind in (
            *liangzhou.SUBDISTRICTS[:count],
            *((name, "部门") for name in liangzhou.DEPARTMENTS),
        )
    ]
    coached = iter(np.arange(len(neighbourhoods)) % len(mentors))
    return {
        "units": units,
        "secretaries": [
            {
                "街镇": entry.subdistrict,
                "居村": entry.name,
                "类型": "村" if entry.is_village else "居民区",
                "姓名": entry.secretary,
                "性别": entry.gender,
                "出生年": entry.born,
                "手机": entry.mobile,
                "到任日期": entry.since,
                "任职方式": entry.appointed,
                "户数": entry.households,
                "居民数": entry.residents,
                "小区类型": entry.estate_kind,
                "带教大梁": mentors[next(coached)].name if entry.appointed == "新任" else "",
            }
            for entry in neighbourhoods
        ],
        "mentors": [
            {
                "姓名": mentor.name,
                "手机": mentor.mobile,
                "性别": mentor.gender,
                "出生年": mentor.born,
                "所在街镇": mentor.home,
                "参加实地评估": "是",
            }
            for mentor in mentors
        ],
    }


def make_accounts(season: Season, *, by: Account) -> None:
    """One account of each kind to look around with, and a second one of the office, since it takes two to judge."""
    subdistrict = subdistricts_of(season.district)[0]
    department = departments_of(season.district)[0]
    mentor = season.mentors.select_related("person")[0]
    secretary = enrolments(season).filter(is_new=True, pairs__mentor=mentor)[0]
    made = [
        create_account("colleague", "区委党校 俞慧敏", Role.OFFICE, season.district, by=by),
        create_account("street", f"{subdistrict.name} 党群办", Role.SUBDISTRICT_OFFICE, subdistrict, by=by),
        create_account("department", f"{department.name} 联络员", Role.DEPARTMENT, department, by=by),
        create_account(
            "mentor", mentor.person.name, Role.MENTOR, season.district, by=by, person=mentor.person
        ),
        create_account(
            "secretary",
            secretary.person.name,
            Role.SECRETARY,
            secretary.organisation,
            by=by,
            person=secretary.person,
        ),
    ]
    # Hashing is slow on purpose, and all of them have the one password.
    Account.objects.filter(pk__in=[account.pk for account in made]).update(password=by.password)


def register_first_things(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    categories = [category.key for category in season.rules.categories]
    for entry in enrolments(season):
        category = categories[rng.integers(len(categories))]
        title, summary = liangzhou.invent_first_thing(rng, entry.organisation.name, category)
        project = register_first_thing(entry, category=category, title=title, summary=summary, by=by)
        for state in STATES_TAKEN[: rng.choice(3, p=[0.2, 0.45, 0.35])]:
            set_state(project, state, by=by)


def return_one_sheet(season: Season, *, by: Account, refilled: bool) -> None:
    """A sheet of the demo's own mentor with a photo, given back by the office, and filled again unless it is to wait."""
    sheet = season.assignments.filter(source=Source.FIELD, response__isnull=False).order_by("mentor", "pk")[0]
    before = sheet.submissions.get()
    add_photo(sheet, liangzhou.notice_board(), key=uuid.uuid4(), by=None)
    return_sheet(sheet, reason=liangzhou.REASON_FOR_RETURN, by=by)
    if refilled:
        again = Sheet(sheet, before.marks, before.project_mark, liangzhou.NOTES[1])
        submit_responses(season, [again], by=None)


def cast(season: Season, everyone: list[Enrolment], drawn: SimulatedSeason, rng: np.random.Generator) -> None:
    """Cast every drawn ballot with a household code of its own neighbourhood, over the two weeks that the vote took."""
    key, rounds = keys.season_key(season), rounds_of(season)
    rating = zip(drawn.ballot_target.tolist(), map(spelt, drawn.ballot_marks), strict=True)
    picks = (
        (home, ",".join(str(number) for number in sorted(everyone[pick].number for pick in row if pick >= 0)))
        for home, row in zip(drawn.approval_target.tolist(), drawn.approval_picks.tolist(), strict=True)
    )
    sampled = sampled_serials(season)
    for kind, voices in ((Round.Kind.SECRETARIES, rating), (Round.Kind.PROJECTS, picks)):
        piles = {entry.number: CardPile(sampled.get(entry.number, frozenset())) for entry in everyone}
        casts: list[Cast] = []
        for home, marks in voices:
            number = everyone[home].number
            serial, in_sample = piles[number].take()
            credential = codes.credential_digest(key, kind, codes.mint(key, number, serial))
            comment = ""
            if kind == Round.Kind.SECRETARIES and len(casts) % BALLOTS_A_COMMENT == 0:
                comment = masked(
                    liangzhou.COMMENTS[len(casts) // BALLOTS_A_COMMENT % len(liangzhou.COMMENTS)]
                )
            casts.append(Cast(everyone[home].pk, credential, marks, in_sample=in_sample, comment=comment))
        # In any order, as residents come.
        casts = [casts[index] for index in rng.permutation(len(casts)).tolist()]
        batches = range(0, len(casts), CASTS_AT_ONCE)
        step = VOTING / (len(batches) + 1)
        for place, start in enumerate(batches):
            at = now() - VOTING + place * step
            cast_ballots(rounds[kind], casts[start : start + CASTS_AT_ONCE], key=key, at=at)
        if kind == Round.Kind.SECRETARIES:
            # Half-way between two batches of residents, in the neighbourhoods that are stuffed.
            stuff(rounds[kind], everyone, piles, key, at=now() - VOTING + 1.5 * step)


@dataclass
class CardPile:
    """The cards of one neighbourhood: every fourth ballot comes from one of the sample's, as long as there are any."""

    sampled: frozenset[int]
    used: int = 0
    last: int = 0

    def take(self) -> tuple[int, bool]:
        self.used += 1
        if self.used % 4 == 0 and self.used // 4 <= len(self.sampled):
            return sorted(self.sampled)[self.used // 4 - 1], True
        self.last += 1
        while self.last in self.sampled:
            self.last += 1
        return self.last, False


def stuff(
    round: Round, everyone: list[Enrolment], piles: dict[int, CardPile], key: bytes, *, at: datetime.datetime
) -> None:
    """Ballots alike within minutes, from cards left over, in two neighbourhoods: for the panel to find."""
    for place, count in STUFFED.items():
        home = everyone[place % len(everyone)]
        casts = []
        for _ballot in range(count):
            # Every third card of what is left, so that nobody sees them used in a row.
            piles[home.number].last += 2
            serial, _sampled = piles[home.number].take()
            code = codes.mint(key, home.number, serial)
            casts.append(Cast(home.pk, codes.credential_digest(key, round.kind, code), "5555"))
        cast_ballots(round, casts, key=key, at=at)


def judge_flags(season: Season, *, panel: list[Account]) -> None:
    """Examine the ballots. The two exclude the bursts; over whatever else is flagged they differ, so that it counts."""
    for round in rounds_of(season).values():
        for flag in examine_round(round, by=panel[0]):
            for account, reason in zip(panel, liangzhou.VERDICTS[flag.kind == "burst"], strict=True):
                exclude = flag.kind == "burst" or account == panel[0]
                judge_flag(
                    flag,
                    decision=Verdict.Decision.EXCLUDE if exclude else Verdict.Decision.KEEP,
                    reason=reason,
                    by=account,
                )


def check_comments(season: Season, *, by: Account) -> None:
    """Most comments are checked: what advertises or masks a number is withheld. The last few are left to whoever looks."""
    found = list(Comment.objects.filter(round__season=season))
    for comment in found[: round(0.9 * len(found))]:
        verdict = next((reason for word, reason in liangzhou.WITHHELD.items() if word in comment.text), "")
        decide_comment(comment, state="withheld" if verdict else "shown", reason=verdict, by=by)


def nominate_projects(season: Season, everyone: list[Enrolment], drawn: SimulatedSeason) -> None:
    """Most subdistricts name one of their better projects for the stage; the last two leave it to the score."""
    quality = {entry.pk: drawn.truth.project_quality[index] for index, entry in enumerate(everyone)}
    projects = FirstThing.objects.filter(enrolment__season=season).select_related(
        "enrolment__post__organisation__parent", "enrolment__season"
    )
    for subdistrict in list(subdistricts_of(season.district))[:-2]:
        own = [project for project in projects if project.enrolment.subdistrict == subdistrict]
        nominate(season, subdistrict, max(own, key=lambda project: quality[project.enrolment_id]), by=None)


def give_feedback(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    """Everyone's feedback. Some have read it; the demo's own secretary is left to."""
    account = Account.objects.get(username="secretary")
    everyone = release_feedback(season, by=by).feedback.exclude(enrolment__person=account.person_id)
    for feedback in everyone:
        if rng.random() < SHARE_READ:
            acknowledge_feedback(
                feedback,
                resolve=liangzhou.RESOLVES[rng.integers(len(liangzhou.RESOLVES))],
                shared=bool(rng.random() < SHARE_SHARED),
                by=None,
            )


def keep_truth(season: Season, everyone: list[Enrolment], drawn: SimulatedSeason) -> None:
    """Keep what the answers were drawn from beside the demo's database, for the summary to compare with."""
    truth = {entry.number: round(float(drawn.truth.merit[index]), 6) for index, entry in enumerate(everyone)}
    (settings.HOME / "truth.json").write_text(json.dumps(truth))


def describe(season: Season, home: Path, *, seconds: float) -> str:
    """The season's summary in words and numbers; writes ``results.json`` on the way."""
    lines = ["", f"{season.district} · {season.title}", ""]
    programme, rules = season.rules.programme, season.rules
    sheets = season.assignments.filter(response__isnull=False)
    lines += [
        _(
            "  %(secretaries)d secretaries, %(new)d of them new; %(subdistricts)d subdistricts and towns; %(mentors)d mentors"
        )
        % {
            "secretaries": season.enrolments.count(),
            "new": season.enrolments.filter(is_new=True).count(),
            "subdistricts": programme.subdistricts,
            "mentors": season.mentors.count(),
        },
        _("  %(things)d first things in %(categories)d categories")
        % {
            "things": FirstThing.objects.filter(enrolment__season=season).count(),
            "categories": len(rules.categories),
        },
        _(
            "  answers: %(field)d field sheets, %(institutional)d institutional sheets, %(ballots)d ballots, %(picks)d project ballots"
        )
        % {
            "field": sheets.filter(source=Source.FIELD).count(),
            "institutional": sheets.filter(source=Source.INSTITUTIONAL).count(),
            **ballot_counts(season),
        },
    ]
    if run := season.scoring_runs.first():
        (home / "results.json").write_text(run.result)
        lines += run_lines(season, run, home)
    if statement := last_statement(season):
        lines += ["", _("  ballots stated %(sha)s") % {"sha": statement.fingerprint}]
        lines += [
            _("  check with: %(command)s") % {"command": f"dongliang ballots verify {archive_of(statement)}"}
        ]
    lines += ["", _("  rule book %(sha)s") % {"sha": season.rule_book.sha256}]
    lines += [_("  built in %(seconds).0f s") % {"seconds": seconds}]
    return "\n".join(lines)


def ballot_counts(season: Season) -> dict[str, int]:
    rounds = rounds_of(season)
    return {
        "ballots": rounds[Round.Kind.SECRETARIES].ballots.filter(status="counted").count(),
        "picks": rounds[Round.Kind.PROJECTS].ballots.filter(status="counted").count(),
    }


def run_lines(season: Season, run: ScoringRun, home: Path) -> list[str]:
    """What the run decided, how sure it is, and how near it came to the truth."""
    result = json.loads(run.result)
    truth = {int(number): merit for number, merit in json.loads((home / "truth.json").read_text()).items()}
    places, listed = result["cut"]["places"], result["lists"]
    best = set(sorted(truth, key=lambda number: -truth[number])[:places])
    scored = [entry for entry in result["secretaries"] if entry["eligible"]]
    agreement = np.corrcoef(
        [entry["composite"] for entry in scored], [truth[entry["number"]] for entry in scored]
    )
    doubtful = [f"{standing.enrolment.person.name} {standing.chance:.0%}" for standing in in_doubt(run)]
    short = [entry for entry in result["secretaries"] if not entry["eligible"]]
    rules = run.rule_book.validated
    figures = [len(result["secretaries"]), *(len(listed[kind]) for kind in HONOURS)]
    return [
        "",
        "  " + " / ".join(map(str, figures)),
        "",
        _("  %(title)s: %(count)d of %(all)d, cut line at %(cut).3f")
        % {
            "title": rules.best_secretaries.name,
            "count": len(listed["best_secretaries"]),
            "all": len(result["secretaries"]),
            "cut": result["cut"]["score"],
        },
        _("  %(title)s: %(count)d")
        % {"title": rules.popular_projects.name, "count": len(listed["popular_projects"])},
        _("  %(title)s: %(count)d")
        % {"title": rules.surest_things.name, "count": len(listed["surest_things"])},
        _("  too few answers to be listed: %(count)d") % {"count": len(short)},
        _("  place in doubt (chance between 20 and 80 %%): %(names)s")
        % {"names": pgettext("between names", ", ").join(doubtful) or _("nobody")},
        *(
            _("  %(source)s: reliability %(reliability).2f")
            % {"source": source.name, "reliability": result["sources"][source.key]["reliability"]}
            for source in rules.sources
        ),
        _(
            "  agreement with the simulated truth: correlation %(r).2f; %(hits)d of the true best %(places)d are listed"
        )
        % {"r": agreement[0, 1], "hits": len(best & set(listed["best_secretaries"])), "places": places},
        "",
        _("  result %(sha)s") % {"sha": run.result_sha256},
        _("  written to %(file)s") % {"file": home / "results.json"},
    ]


def first_links(season: Season, address: str, *, password: str) -> str:
    """Where to look, and who to sign in as."""
    lines = [
        "",
        f"  {address}/",
        "",
        _("  sign in at %(url)s, password %(password)s:")
        % {"url": f"{address}/sign-in/", "password": password},
    ]
    lines += [
        f"    {account.username:12} {account.display_name}"
        for account in Account.objects.filter(username__in=DEMO_USERS).order_by("pk")
    ]
    first = enrolments(season)[0]
    # A serial beyond those already cast: a household that has not voted yet.
    code = codes.mint(keys.season_key(season), first.number, 9_001)
    lines += ["", _("  a resident's card: %(url)s") % {"url": f"{address}/v/{code}/"}]
    if season.phase == Phase.CLOSED:
        lines += [_("  (the season is closed; to rate and send sheets yourself, add --keep-open)")]
    return "\n".join([*lines, ""])
