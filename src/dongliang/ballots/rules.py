"""Who may do what with residents' rounds. Which neighbourhoods: ``queries.enrolments_of_offices``."""

import rules

from dongliang.people.rules import in_office, in_subdistrict_office
from dongliang.seasons.rules import in_office_of

rules.add_perm("ballots.view_rounds", in_office | in_subdistrict_office)
rules.add_perm("ballots.run_rounds", in_office_of)
rules.add_perm("ballots.revoke_cards", in_office | in_subdistrict_office)
rules.add_perm("ballots.assist_voters", in_office | in_subdistrict_office)
rules.add_perm("ballots.key_paper", in_office | in_subdistrict_office)
# The rows: ``queries.integrity.flags_visible_to``. That it takes two of them is for the action to say.
rules.add_perm("ballots.judge_flags", in_office)
# The doors of the sample are kept from subdistrict offices, which sit too near to those whom the vote is about.
rules.add_perm("ballots.visit_sample", in_office)
rules.add_perm("ballots.moderate_comments", in_office)
