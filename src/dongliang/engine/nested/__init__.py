"""The public's ballots: every rater sees one target, so that a tally of answered patterns holds all there is to know.

Alike ballots for one target are one row of the tally, and no method here ever handles a ballot. See docs/methods/nested.md.
"""

from dongliang.engine.nested.laplace import ordinal
from dongliang.engine.nested.reml import gaussian

__all__ = ["gaussian", "ordinal"]
