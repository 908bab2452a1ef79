"""What enumerates must be complete: settings, permissions, commands."""

import re
from pathlib import Path

from rules.permissions import permissions

from dongliang.cli import COMMANDS

ROOT = Path(__file__).parent.parent


def first_cells(document: str) -> set[str]:
    """What stands in backticks in the first column of a document's tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / document).read_text(), re.M))


def test_every_setting_is_documented_and_no_other():
    read = set(re.findall(r'"(DONGLIANG_[A-Z_]+)"', (ROOT / "src/dongliang/settings.py").read_text()))

    assert first_cells("settings.md") == read


def test_every_permission_is_documented_and_no_other():
    assert first_cells("permissions.md") == set(permissions)


def test_every_command_of_the_readme_is_one_there_is():
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()

    assert set(re.findall(r"^make (\w+)", readme, re.M)) <= set(re.findall(r"^(\w+):", makefile, re.M))
    assert set(re.findall(r"^\.venv/bin/dongliang ([\w-]+)", readme, re.M)) <= set(COMMANDS)


def test_every_link_of_the_documents_leads_somewhere():
    missing = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert missing == []


def test_every_link_between_the_documents_leads_to_a_file():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]

    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]

    assert broken == []


def test_no_two_decisions_have_one_number():
    numbers = [page.name[:4] for page in sorted((ROOT / "docs/decisions").glob("*.md"))]

    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
