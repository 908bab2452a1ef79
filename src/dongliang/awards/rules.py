"""Who may do what with honour lists: the office, for its own district."""

import rules

from dongliang.people.rules import in_office

rules.add_perm("awards.manage_lists", in_office)
