"""Who may do what with scoring runs: the office, for its own district."""

import rules

from dongliang.people.rules import in_office

rules.add_perm("scoring.view_runs", in_office)
rules.add_perm("scoring.run_scoring", in_office)
