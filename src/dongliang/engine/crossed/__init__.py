"""Mixed models with crossed effects of targets and raters; see docs/methods/gaussian.md and ordinal.md."""

from dongliang.engine.crossed.cumulative import ordinal
from dongliang.engine.crossed.reml import gaussian

__all__ = ["gaussian", "ordinal"]
