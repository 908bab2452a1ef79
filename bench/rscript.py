"""R as a peer: whether a package is there, and which BLAS it would be timed with."""

import shutil
import subprocess

PACKAGES = {"lme4": "r-cran-lme4", "ordinal": "r-cran-ordinal"}


def missing(package: str) -> str:
    """What to install, as a sentence's end."""
    return (
        f"R with {package} is not installed (Debian: apt-get install --no-install-recommends r-base-core "
        f"{PACKAGES[package]} libopenblas0-serial)"
    )


def available(package: str) -> bool:
    """Whether R has ``package``; says so if not, and if R would be slower than it need be."""
    lines = f'suppressMessages(library({package})); cat(extSoftVersion()["BLAS"])'
    found = subprocess.run(
        [shutil.which("Rscript") or "false", "-e", lines], capture_output=True, text=True, check=False
    )
    if found.returncode:
        print(f"No ratio to {package}: {missing(package)}.")
        return False
    if not any(name in found.stdout for name in ("openblas", "mkl", "blis", "atlas")):
        print(
            f"R uses the BLAS at {found.stdout}, which looks like the plain one: R's figures may be three times too slow. "
            "Debian: apt-get install libopenblas0-serial."
        )
    return True
