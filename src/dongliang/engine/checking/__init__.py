"""Certifies answers without calling what made them: nothing here imports a method.

Each function takes an answer and what it was made of, and raises ``NotCertified`` with the first claim that does not hold.
"""

from dongliang.engine.checking.composite import certify_composite
from dongliang.engine.checking.facets import certify_facets
from dongliang.engine.checking.gaussian import certify_gaussian
from dongliang.engine.checking.nested import certify_nested_gaussian, certify_nested_ordinal
from dongliang.engine.checking.ordinal import certify_ordinal
from dongliang.engine.checking.pairing import certify_pairing
from dongliang.engine.checking.plans import certify_plan
from dongliang.engine.checking.ranking import certify_ranking

__all__ = [
    "certify_composite",
    "certify_facets",
    "certify_gaussian",
    "certify_nested_gaussian",
    "certify_nested_ordinal",
    "certify_ordinal",
    "certify_pairing",
    "certify_plan",
    "certify_ranking",
]
