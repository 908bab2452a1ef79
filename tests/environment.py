"""What must stand before Django reads its settings; pytest loads this first (``-p tests.environment``)."""

import atexit
import os
import shutil
import sys
import tempfile

# Workers share the cores already; threads of the arithmetic below them only take turns, ten times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Many tests start the product anew: what is compiled once serves all of them, whatever the machine is set to.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# One home a process: parallel workers each have round 1, and must not share its keys.
home = tempfile.mkdtemp(prefix="dongliang-tests-")
atexit.register(shutil.rmtree, home, ignore_errors=True)

os.environ["DONGLIANG_HOME"] = home
# What a developer has set for their own installation must not reach the tests.
for name in [name for name in os.environ if name.startswith("DONGLIANG_")]:
    if name not in ("DONGLIANG_HOME", "DONGLIANG_DATABASE"):
        del os.environ[name]
