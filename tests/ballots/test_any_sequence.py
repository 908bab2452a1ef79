"""Whatever residents, offices and panel do, in whatever order: what is published at the end is what happened.

Every step is taken by the product's own action, and beside it stands in plain sets and words what must come of it. Only what
no action does is done by hand: a row forged in the database, and the flag of a search that would take hundreds of ballots.
"""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from dongliang.ballots import codes
from dongliang.ballots.actions.casting import Cast
from dongliang.ballots.actions.closing import destroy_key
from dongliang.ballots.actions.integrity import end_search, examine_round, judge_flag
from dongliang.ballots.actions.pausing import pause_rounds, resume_rounds
from dongliang.ballots.actions.publishing import archive_of, open_tally, publish_statement
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.checking import check_archive
from dongliang.ballots.intake.entitlement import Refusal
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot, Flag, Round
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.integrity import round_ledger
from dongliang.ballots.queries.residents import receipt_status
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from dongliang.seasons.models import Season
from tests.factories.ballots import cast, entitled, make_cast, make_code, make_flag, make_rounds
from tests.factories.season import World, make_account, make_world

KINDS = ("secretaries", "projects")
MEMBERS = ("office", "colleague")

households = st.tuples(st.sampled_from(KINDS), st.integers(0, 1), st.integers(1, 2))
places = st.integers(0, 1)
earlier = st.integers(0, 9)
casting = st.one_of(
    st.tuples(st.just("cast"), households, st.sampled_from(["5545", "1111", "5550"])),
    st.tuples(st.just("slip"), households, st.sampled_from(["5545", "1111"])),
    st.tuples(st.just("resend"), earlier),
    st.tuples(
        st.just("revoke"),
        places,
        st.sets(st.integers(1, 2), min_size=1),
        st.sampled_from(["office", "subdistrict"]),
    ),
    st.tuples(st.just("forge"), st.sampled_from(KINDS), places),
    st.tuples(st.sampled_from(["pause", "resume"])),
    st.tuples(st.just("close"), st.sampled_from([("secretaries",), ("projects",), KINDS])),
)
judging = st.one_of(
    st.tuples(
        st.just("judge"),
        earlier,
        st.sampled_from(MEMBERS),
        st.sampled_from(["exclude", "exclude", "keep"]),
    ),
    st.tuples(st.just("decide"), earlier, st.sampled_from([("exclude", "exclude"), ("exclude", "keep")])),
    st.tuples(st.just("raise"), places),
    st.tuples(st.sampled_from(["examine", "state"])),
    st.tuples(st.just("revoke"), places, st.sets(st.integers(1, 2), min_size=1), st.just("office")),
    st.tuples(st.just("end")),
)
# The vote, with whatever else comes to somebody's mind; and what can happen once all is closed, with the same.
sequences = st.tuples(
    st.lists(st.one_of(casting, casting, casting, judging), min_size=5, max_size=20),
    st.lists(st.one_of(judging, judging, judging, casting), min_size=3, max_size=12),
)


@dataclass
class Told:
    """What a ballot's voter was told, and what became of it since."""

    cast: Cast
    kind: str
    place: int
    serial: int
    status: str = "counted"
    exclusion: str = ""


@dataclass
class Raised:
    """A flag, the receipts of the ballots under it, and what has been said of it."""

    kind: str
    receipts: set[str]
    said: dict[str, str] = field(default_factory=dict)

    @property
    def is_open(self):
        return len(self.said) < len(MEMBERS)


def refused(action, *args, **kwargs):
    """The codes of what stands against it; none, when it was done."""
    try:
        action(*args, **kwargs)
    except Refused as refusal:
        return {blocker.code for blocker in refusal.blockers}
    return set()


@dataclass
class Happening:
    """The season as the product has it, and beside it what must be so."""

    world: World
    told: dict[str, Told] = field(default_factory=dict)
    revoked: set[tuple[int, int]] = field(default_factory=set)
    flags: dict[int, Raised] = field(default_factory=dict)
    forged: Counter = field(default_factory=Counter)
    ended: bool = False

    def __post_init__(self):
        self.rounds = dict(zip(KINDS, make_rounds(self.world.season), strict=True))
        self.states = dict.fromkeys(KINDS, "open")
        self.sampled = sampled_serials(self.world.season)

    @property
    def season(self):
        return Season.objects.get(pk=self.world.season.pk)

    def home(self, place):
        return self.world.enrolments[place]

    # Residents.

    def cast(self, household, marks):
        """With the code in hand: one of a revoked card is refused."""
        _kind, place, serial = household
        holder = entitled(make_code(self.home(place), serial))
        if (place, serial) in self.revoked:
            assert holder is Refusal.REVOKED
        else:
            assert holder.neighbourhood.enrolment_id == self.home(place).pk
            self.slip(household, marks)

    def slip(self, household, marks):
        """As the server stores it when the card was revoked between the check of the code and this."""
        kind, place, serial = household
        marks = marks if kind == "secretaries" else "1,2"
        self.send(make_cast(self.rounds[kind], self.home(place), marks, serial), kind, place, serial)

    def send(self, page, kind, place, serial):
        try:
            [receipt] = cast(self.rounds[kind], page)
        except Refused:
            assert self.states[kind] != "open"
            return
        assert self.states[kind] == "open"
        if receipt not in self.told:
            for other in self.told.values():
                if other.cast.credential == page.credential and other.status == "counted":
                    other.status = "superseded"
            self.told[receipt] = Told(page, kind, place, serial)

    def resend(self, nth):
        if self.told:
            told = list(self.told.values())[nth % len(self.told)]
            self.send(told.cast, told.kind, told.place, told.serial)

    # Offices.

    def revoke(self, place, serials, role):
        before = list(Ballot.objects.order_by("pk").values_list())
        due = set()
        if set(self.states.values()) == {"closed"}:
            due.add("ballots.closed_for_good")
        if any((place, serial) in self.revoked for serial in serials):
            due.add("ballots.revoked_already")
        if role == "subdistrict" and serials & self.sampled[self.home(place).number]:
            due.add("ballots.kept_by_office")
        by = self.world.accounts[role]
        assert refused(revoke_cards, self.home(place), serials, reason="lost", by=by) == due
        if not due:
            self.revoked |= {(place, serial) for serial in serials}
        assert list(Ballot.objects.order_by("pk").values_list()) == before

    def pause(self):
        due = set() if "open" in self.states.values() else {"ballots.not_open"}
        assert refused(pause_rounds, self.season, by=None, reason="谣言") == due
        self.move("open", "paused")

    def resume(self):
        due = set() if "paused" in self.states.values() else {"ballots.not_paused"}
        assert refused(resume_rounds, self.season, by=None) == due
        self.move("paused", "open")

    def move(self, before, after):
        for kind in KINDS:
            self.states[kind] = after if self.states[kind] == before else self.states[kind]

    def close(self, kinds):
        closing = [kind for kind in kinds if self.states[kind] != "closed"]
        due = set() if closing else {"ballots.not_open"}
        assert refused(close_rounds, self.season, by=None, kinds=kinds) == due
        for kind in closing:
            self.states[kind] = "closed"
            for place in (0, 1):
                under = {
                    receipt
                    for receipt, told in self.told.items()
                    if (told.kind, told.place, told.status) == (kind, place, "counted")
                    and (place, told.serial) in self.revoked
                }
                if under:
                    self.flags[self.raised(kind, place, "revoked").pk] = Raised("revoked", under)

    def raised(self, kind, place, what):
        """The one flag that is new."""
        return Flag.objects.exclude(pk__in=self.flags).get(
            round=self.rounds[kind], enrolment=self.home(place), kind=what
        )

    def state(self):
        due = {"ballots.not_closed"} if set(self.states.values()) != {"closed"} else set()
        assert refused(publish_statement, self.season, by=None) == due
        if not due:
            statement = publish_statement(self.season, by=None)
            assert check_archive(archive_of(statement)).faults == []

    # The search and the panel.

    def examine(self):
        """Of so few ballots it finds nothing; flags of an earlier search that nobody has judged go."""
        for kind, round in self.rounds.items():
            due = {"ballots.not_closed"} if self.states[kind] != "closed" else set()
            due |= {"ballots.search_over"} if self.ended else set()
            round.refresh_from_db()
            assert refused(examine_round, round, by=None) == due
            if not due and kind == "secretaries":
                self.flags = {
                    pk: flag for pk, flag in self.flags.items() if flag.kind == "revoked" or flag.said
                }

    def raise_(self, place):
        under = {
            receipt
            for receipt, told in self.told.items()
            if (told.kind, told.place, told.status) == ("secretaries", place, "counted")
        }
        if under and self.states["secretaries"] == "closed" and not self.ended:
            self.flags[make_flag(self.season, self.home(place)).pk] = Raised("burst", under)

    def judge(self, nth, member, decision):
        if not self.flags:
            return
        pk, flag = list(self.flags.items())[nth % len(self.flags)]
        due = {"ballots.search_over"} if self.ended else set()
        if not flag.is_open:
            due.add("ballots.flag_decided")
        elif member in flag.said:
            due.add("ballots.judged_already")
        by, stored = self.world.accounts[member], Flag.objects.get(pk=pk)
        assert refused(judge_flag, stored, decision=decision, reason="看过了", by=by) == due
        if due:
            return
        flag.said[member] = decision
        if not flag.is_open and set(flag.said.values()) == {"exclude"}:
            for receipt in flag.receipts:
                told = self.told[receipt]
                if told.status == "counted":
                    told.status, told.exclusion = "excluded", flag.kind

    def decide(self, nth, decisions):
        for member, decision in zip(MEMBERS, decisions, strict=True):
            self.judge(nth, member, decision)

    def end(self):
        due = {"ballots.not_closed"} if set(self.states.values()) != {"closed"} else set()
        due |= {"ballots.flags_undecided"} if any(flag.is_open for flag in self.flags.values()) else set()
        assert refused(end_search, self.season, by=None) == due
        self.ended = self.ended or not due

    # Whoever writes into the database.

    def forge(self, kind, place):
        """While the round is under way; what is written later, the next statement refuses."""
        if self.states[kind] == "closed":
            return
        number = self.forged.total()
        Ballot.objects.create(
            round=self.rounds[kind],
            enrolment=self.home(place),
            credential=b"c%031d" % number,
            receipt=b"r%031d" % number,
            nonce=b"n" * 8,
            marks="5555" if kind == "secretaries" else "3",
            cast_at=self.rounds[kind].opened_at,
        )
        self.forged[kind, place] += 1

    # What must be so.

    def check(self):
        for kind, round in self.rounds.items():
            counted = [each for each in self.told.values() if (each.kind, each.status) == (kind, "counted")]
            credentials = Counter(each.cast.credential for each in counted)
            assert all(count == 1 for count in credentials.values())
            cells = Counter((self.home(each.place).number, each.cast.marks) for each in counted)
            if self.states[kind] != "closed":
                for (other, place), count in self.forged.items():
                    if other == kind:
                        cells[self.home(place).number, "5555" if kind == "secretaries" else "3"] += count
            assert tally(round) == sorted((*cell, count) for cell, count in cells.items())
        assert Ballot.objects.count() == len(self.told) + self.forged.total()
        states = {pk: "raised" if flag.is_open else flag.said for pk, flag in self.flags.items()}
        decided = {
            pk: said if said == "raised" else "excluded" if set(said.values()) == {"exclude"} else "kept"
            for pk, said in states.items()
        }
        assert dict(Flag.objects.values_list("pk", "state")) == decided
        if self.ended:
            assert not Ballot.objects.exclude(cast_at=None, channel="", origin=None).exists()

    def finish(self):
        """The rest of the way, for whatever has not happened yet."""
        if "paused" in self.states.values():
            self.resume()
        if set(self.states.values()) != {"closed"}:
            self.close(KINDS)
        for nth, flag in enumerate(self.flags.values()):
            for member in MEMBERS:
                if flag.is_open and member not in flag.said:
                    self.judge(nth, member, "exclude")
        self.end()
        self.check()

    def check_published(self):
        content = publish_statement(self.season, by=None).content
        report = check_archive(archive_of(open_tally(self.season, by=None)), list(self.told))
        assert report.faults == []
        assert (content.receipts, content.unproven) == (
            len(self.told) + self.forged.total(),
            self.forged.total(),
        )
        self.check_receipts(report)
        destroy_key(self.season, by=None)
        self.check_receipts(report)

    def check_receipts(self, report):
        for receipt, told in self.told.items():
            leaf, status = report.found[receipt].leaf, receipt_status(receipt)
            due = (told.kind, self.home(told.place).number, told.status, told.exclusion)
            assert (leaf.kind, leaf.number, leaf.status, leaf.exclusion) == due
            assert (status.status, status.exclusion, status.published.leaf) == (*due[2:], leaf)
            assert status.by_panel == bool(told.exclusion)

    def check_ledger(self):
        for kind in KINDS:
            ledger = round_ledger(Round.objects.get(pk=self.rounds[kind].pk))
            mine = Counter(each.exclusion for each in self.told.values() if each.kind == kind)
            assert {row.reason: row.ballots for row in ledger.rows if row.ballots} == {
                reason: count for reason, count in mine.items() if reason
            }
            forged = sum(count for (other, _place), count in self.forged.items() if other == kind)
            assert (ledger.revoked, ledger.unproven) == (0, forged)


VERBS = {"raise": "raise_"}


class WhatIsPublishedIsWhatHappened(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.world = make_world()
        cls.world.accounts["colleague"] = make_account("colleague", (Role.OFFICE, cls.world.district))

    @settings(max_examples=30)
    @given(sequences)
    def test_after_any_sequence(self, sequence):
        happening = Happening(self.world)

        for steps in sequence:
            for verb, *arguments in steps:
                getattr(happening, VERBS.get(verb, verb))(*arguments)
                happening.check()
            # Before the second part all is closed, so that there is something to judge.
            if steps is sequence[0] and set(happening.states.values()) != {"closed"}:
                happening.close(KINDS)
        happening.finish()

        assert codes.key_digest(season_key(happening.season)) == bytes(
            happening.rounds["projects"].key_digest
        )
        happening.check_ledger()
        happening.check_published()
