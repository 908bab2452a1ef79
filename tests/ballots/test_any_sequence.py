"""Whatever residents, office and panel do, in whatever order: what is published at the end is what happened."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from dongliang.ballots import codes
from dongliang.ballots.actions.casting import Cast
from dongliang.ballots.actions.publishing import archive_of, open_tally, publish_statement
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.checking import check_archive
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.residents import receipt_status
from dongliang.common.refusals import Refused
from dongliang.seasons.models import Season
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import World, make_world

households = st.tuples(st.sampled_from(["secretaries", "projects"]), st.integers(0, 1), st.integers(1, 2))
earlier = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("cast"), households, st.sampled_from(["5545", "1111", "5550"])),
    st.tuples(st.just("resend"), earlier),
    st.tuples(st.just("revoke"), earlier),
    st.tuples(st.just("exclude"), earlier, st.sampled_from(["burst", "copies", "cards"])),
    st.tuples(st.just("let in"), earlier),
    st.tuples(st.sampled_from(["pause", "resume", "close", "state"])),
)


@dataclass
class Told:
    """What a ballot's voter was told, and what became of it since."""

    cast: Cast
    round: Round
    number: int
    status: str = "counted"
    exclusion: str = ""


@dataclass
class Happening:
    """The season as the product has it, and beside it what must be so."""

    world: World
    state: str = "open"
    told: dict[str, Told] = field(default_factory=dict)

    def __post_init__(self):
        self.rounds = dict(zip(("secretaries", "projects"), make_rounds(self.world.season), strict=True))

    @property
    def season(self):
        return Season.objects.get(pk=self.world.season.pk)

    def send(self, round, page, number):
        try:
            [receipt] = cast(round, page)
        except Refused:
            assert self.state != "open"
            return
        assert self.state == "open"
        if receipt not in self.told:
            for other in self.told.values():
                same = (other.round, other.cast.credential) == (round, page.credential)
                if same and other.status == "counted":
                    other.status = "superseded"
            self.told[receipt] = Told(page, round, number)

    def cast(self, household, marks):
        kind, place, serial = household
        enrolment = self.world.enrolments[place]
        marks = marks if kind == "secretaries" else "1,2"
        page = make_cast(self.rounds[kind], enrolment, marks, serial)
        self.send(self.rounds[kind], page, enrolment.number)

    def pick(self, place):
        every = list(self.told.items())
        return every[place % len(every)] if every else (None, None)

    def resend(self, place):
        _receipt, told = self.pick(place)
        if told:
            self.send(told.round, told.cast, told.number)

    def set(self, receipt, told, status, exclusion):
        digest = codes.receipt_digest(season_key(self.season), receipt)
        Ballot.objects.filter(receipt=digest).update(status=status, exclusion=exclusion)
        told.status, told.exclusion = status, exclusion

    def revoke(self, place):
        self.exclude(place, "revoked")

    def exclude(self, place, reason):
        receipt, told = self.pick(place)
        if told and told.status == "counted":
            self.set(receipt, told, "excluded", reason)

    def let_in(self, place):
        receipt, told = self.pick(place)
        if told and told.status == "excluded":
            rivals = [each for each in self.told.values() if each.cast.credential == told.cast.credential]
            if all(each.status != "counted" for each in rivals):
                self.set(receipt, told, "counted", "")

    def pause(self):
        self.move("open", "paused")

    def resume(self):
        self.move("paused", "open")

    def move(self, before, after):
        if self.state == before:
            self.season.rounds.update(state=after)
            self.state = after

    def close(self):
        if self.state == "open":
            close_rounds(self.season, by=None)
            self.state = "closed"

    def state_again(self):
        try:
            statement = publish_statement(self.season, by=None)
        except Refused:
            assert self.state != "closed"
        else:
            assert check_archive(archive_of(statement)).faults == []

    def check(self):
        for round in self.rounds.values():
            counted = [each for each in self.told.values() if (each.round, each.status) == (round, "counted")]
            credentials = Counter(each.cast.credential for each in counted)
            assert all(count == 1 for count in credentials.values())
            cells = Counter((each.number, each.cast.marks) for each in counted)
            assert tally(round) == sorted((*cell, count) for cell, count in cells.items())
        assert Ballot.objects.count() == len(self.told)

    def check_published(self):
        report = check_archive(archive_of(open_tally(self.season, by=None)), list(self.told))
        assert report.faults == []
        assert report.statements[-1].receipts == len(self.told)
        for receipt, told in self.told.items():
            leaf, status = report.found[receipt].leaf, receipt_status(receipt)
            due = (told.round.kind, told.number, told.status, told.exclusion)
            assert (leaf.kind, leaf.number, leaf.status, leaf.exclusion) == due
            assert (status.status, status.exclusion, status.published.leaf) == (*due[2:], leaf)


class WhatIsPublishedIsWhatHappened(TestCase):
    @settings(max_examples=20)
    @given(st.lists(steps, max_size=14))
    def test_after_any_sequence(self, sequence):
        happening = Happening(make_world())
        verbs = {"let in": "let_in", "state": "state_again"}

        for verb, *arguments in sequence:
            getattr(happening, verbs.get(verb, verb))(*arguments)
            happening.check()
        happening.resume()
        happening.close()

        assert happening.state == "closed"
        happening.check()
        happening.check_published()
