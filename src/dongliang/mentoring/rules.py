"""Who may do what with profiles, pairs, agreements and visits."""

import rules

from dongliang.mentoring.models import (
    Agreement,
    BoxQuestion,
    Gathering,
    Mentor,
    Output,
    Pair,
    Side,
    Studio,
    StudyGroup,
    Visit,
)
from dongliang.mentoring.queries.pairs import side_of
from dongliang.mentoring.queries.studios import belongs_to, in_group
from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, is_office, organisations_reached
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.rules import in_office_of


@rules.predicate
def takes_part(account: Account) -> bool:
    return is_office(account) or has_role(account, Role.SUBDISTRICT_OFFICE, Role.MENTOR, Role.SECRETARY)


@rules.predicate
def in_charge_of(account: Account, enrolment: Enrolment | None) -> bool:
    """Whether the account sits in the office above this secretary: the subdistrict's, or the programme's."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return enrolment is not None and offices.filter(pk=enrolment.subdistrict.pk).exists()


@rules.predicate
def is_mentee(account: Account, enrolment: Enrolment | None) -> bool:
    return (
        enrolment is not None
        and has_role(account, Role.SECRETARY)
        and account.person_id == enrolment.person_id
    )


@rules.predicate
def keeps_mentor(account: Account, mentor: Mentor | None) -> bool:
    if mentor is None:
        return False
    own = has_role(account, Role.MENTOR) and account.person_id == mentor.person_id
    return own or bool(in_office_of(account, mentor.season))


@rules.predicate
def is_party(account: Account, pair: Pair | None) -> bool:
    """Whether the account is one of the two."""
    return pair is not None and side_of(account, pair) in (Side.MENTOR, Side.MENTEE)


@rules.predicate
def writes_agreement(account: Account, pair: Pair | None) -> bool:
    return pair is not None and (is_party(account, pair) or in_charge_of(account, pair.mentee))


@rules.predicate
def signs(account: Account, agreement: Agreement | None) -> bool:
    return agreement is not None and side_of(account, agreement.pair) is not None


@rules.predicate
def took_part(account: Account, visit: Visit | None) -> bool:
    return visit is not None and bool(is_party(account, visit.pair))


@rules.predicate
def founds_studios(account: Account, season: Season | None) -> bool:
    """The programme office, and the offices of subdistricts for a studio of their own."""
    return season is not None and (
        bool(in_office_of(account, season)) or has_role(account, Role.SUBDISTRICT_OFFICE)
    )


@rules.predicate
def keeps_studio(account: Account, studio: Studio | None) -> bool:
    if studio is None:
        return False
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    leads = has_role(account, Role.MENTOR) and account.person_id == studio.leader.person_id
    return leads or offices.filter(pk=studio.subdistrict_id).exists()


@rules.predicate
def in_studio(account: Account, studio: Studio | None) -> bool:
    return studio is not None and belongs_to(account, studio)


@rules.predicate
def asks(account: Account, studio: Studio | None) -> bool:
    """Any secretary of the studio's season, of whichever subdistrict."""
    return (
        studio is not None
        and has_role(account, Role.SECRETARY)
        and studio.season.enrolments.filter(person=account.person_id or 0).exists()
    )


@rules.predicate
def asked_it(account: Account, question: BoxQuestion | None) -> bool:
    return question is not None and question.asked_by_id == account.pk


@rules.predicate
def keeps_group(account: Account, group: StudyGroup | None) -> bool:
    if group is None:
        return False
    convenes = has_role(account, Role.MENTOR, Role.SECRETARY) and account.person_id == group.convener_id
    return convenes or bool(in_office_of(account, group.season))


@rules.predicate
def holds(account: Account, gathering: Gathering | None) -> bool:
    """Whoever keeps the studio or the group, and the members of it."""
    return gathering is not None and works_in(account, gathering.studio or gathering.group)


@rules.predicate
def works_in(account: Account, owner: Studio | StudyGroup | None) -> bool:
    if isinstance(owner, Studio):
        return bool(keeps_studio(account, owner)) or belongs_to(account, owner)
    return owner is not None and (bool(keeps_group(account, owner)) or in_group(account, owner))


@rules.predicate
def keeps_output(account: Account, output: Output | None) -> bool:
    return output is not None and bool(works_in(account, output.studio or output.group))


rules.add_perm("mentoring.see_pairs", takes_part)
rules.add_perm("mentoring.run_pairing", in_office_of)
rules.add_perm("mentoring.keep_mentor_profile", keeps_mentor)
rules.add_perm("mentoring.keep_mentee_profile", is_mentee | in_charge_of)
rules.add_perm("mentoring.write_agreement", writes_agreement)
rules.add_perm("mentoring.sign_agreement", signs)
rules.add_perm("mentoring.log_visit", is_party)
rules.add_perm("mentoring.follow_up", took_part)
rules.add_perm("mentoring.found_studio", founds_studios)
rules.add_perm("mentoring.keep_studio", keeps_studio)
rules.add_perm("mentoring.ask_studio", asks)
rules.add_perm("mentoring.answer_in_studio", in_studio)
rules.add_perm("mentoring.mark_case", in_studio | keeps_studio)
rules.add_perm("mentoring.take_back_question", asked_it)
rules.add_perm("mentoring.form_group", in_office_of)
rules.add_perm("mentoring.keep_group", keeps_group)
rules.add_perm("mentoring.work_together", works_in)
rules.add_perm("mentoring.hold_session", holds)
rules.add_perm("mentoring.keep_output", keeps_output)
