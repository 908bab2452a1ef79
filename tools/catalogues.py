"""Keep the message catalogues: ``python tools/catalogues.py update|check|compile [APP ...]``.

update   write into each django.po the strings its app's code and templates hold now; translations are kept
check    fail, naming file and string, where a translation is missing, fuzzy, spoilt, or no longer wanted
compile  write django.mo for Simplified Chinese, and for Traditional Chinese derived from it

An app's strings live in the app's own ``locale`` folder, all others in the package's. English is the language of the
message ids and has no catalogue. No GNU gettext: a fresh machine has none.
"""

import argparse
import ast
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, write_po
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "dongliang"
REST = "dongliang"  # what the catalogue of the files outside any app is called

# For each function of Django's: which of its arguments are the context, the singular and the plural.
ARGUMENTS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sdif]|\{\w*\}")
# What of a page is code, or marked for translation already.
MARKED = re.compile(
    r"{%\s*(blocktrans\w*|comment)\b.*?{%\s*end\1\s*%}|{[%#{].*?[%#}]}|<!--.*?-->|&\w+;", re.DOTALL
)
LANGUAGE_NAME = re.compile(r"""<\w+[^>]*\blang=["'][^>]*>[^<]*""")
READ_OUT = re.compile(r'''\b(?:alt|title|placeholder|aria-label|aria-description)="([^"]*)"''')
WORD = re.compile(r"[^\W\d_]{2}|[\u4e00-\u9fff]")
NAME = "栋梁"  # the same in every language
SAMPLES = "style_guide"  # pages for developers, with text of no meaning
# Dates would differ at every run; the files must not.
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
Strings = str | list[str] | tuple[str, ...] | None

HEADER = """\
msgid ""
msgstr ""
"Language: zh_Hans\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


class Unreadable(Exception):
    """A source file or a catalogue that cannot be read; the message says where and why."""


@dataclass(frozen=True)
class Home:
    """Where one catalogue lies, and the files whose strings it holds."""

    name: str
    folder: Path
    sources: tuple[Path, ...]

    def file(self, language: str, suffix: str) -> Path:
        return self.folder / "locale" / language / "LC_MESSAGES" / f"django{suffix}"

    @property
    def po(self) -> Path:
        return self.file("zh_Hans", ".po")


def homes(package: Path) -> list[Home]:
    apps = sorted(file.parent for file in package.glob("*/apps.py"))
    sources = sorted(
        file
        for pattern in ("*.py", "*.html", "*.txt")
        for file in package.rglob(pattern)
        if "migrations" not in file.parts
    )

    def holder(source: Path) -> Path:
        return next((app for app in apps if source.is_relative_to(app)), package)

    return [
        Home(
            REST if folder == package else folder.name,
            folder,
            tuple(source for source in sources if holder(source) == folder),
        )
        for folder in (package, *apps)
    ]


def extracted(home: Home, package: Path) -> Catalog:
    """The strings in the code, untranslated."""
    catalog = empty()
    for source in home.sources:
        location = source.relative_to(package).as_posix()
        for ids, context, comments in strings_in(source):
            catalog.add(ids, context=context, locations=[(location, 0)], auto_comments=comments)
    return catalog


def strings_in(source: Path) -> Iterator[tuple[str | tuple[str, ...], str | None, list[str]]]:
    try:
        code = source.read_text(encoding="utf-8")
        if source.suffix == ".py":
            ast.parse(code, source.name)  # the extractor overlooks half a file
        else:
            # The extractor reads Python, to which the indentation of a page is a mistake.
            code = re.sub(r"^[ \t]+", "", templatize(code, origin=str(source)), flags=re.MULTILINE)
        found: Iterable[Any] = list(
            extract_python(io.BytesIO(code.encode()), {name: {} for name in ARGUMENTS}, ["Translators:"], {})
        )
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable(
            f"{shown(source)}: {error}. Its strings cannot be told before this is mended."
        ) from error
    for _line, function, arguments, comments in found:
        given = list(arguments) if isinstance(arguments, tuple) else [arguments]
        wanted = [given[place] for place in ARGUMENTS[function] if place is not None and place < len(given)]
        # A call with a variable in place of a string holds nothing to translate here.
        if None not in wanted:
            context = wanted.pop(0) if ARGUMENTS[function][0] is not None else None
            yield tuple(wanted) if len(wanted) == 2 else wanted[0], context, comments


def empty(language: str = "zh_Hans") -> Catalog:
    return Catalog(
        locale=language,
        project="Dongliang",
        charset="utf-8",
        creation_date=NO_DATE,
        revision_date=NO_DATE,
        fuzzy=False,
    )


def stored(home: Home) -> Catalog:
    """The catalogue as it lies on disk; empty where there is none."""
    if not home.po.exists():
        return empty()
    try:
        return read_po(io.BytesIO(home.po.read_bytes()), locale="zh_Hans", abort_invalid=True)
    except (PoFileError, ValueError, UnicodeDecodeError) as error:
        raise Unreadable(f"{shown(home.po)}: {error}. Mend the file by hand.") from error


def messages(catalog: Catalog) -> dict[tuple[str | None, str], Message]:
    return {(message.context, texts(message.id)[0]): message for message in catalog if message.id}


def translated(catalog: Catalog) -> dict[tuple[str | None, str], Message]:
    return {key: message for key, message in messages(catalog).items() if any(texts(message.string))}


def texts(strings: Strings) -> tuple[str, ...]:
    """One string or several, and none as an empty one."""
    return (strings or "",) if not isinstance(strings, list | tuple) else tuple(strings)


def update(home: Home, package: Path) -> list[str]:
    """Bring the .po in line with the code; what somebody writes into it meanwhile is not overwritten."""
    wanted = extracted(home, package)
    elsewhere: dict[tuple[str | None, str], Message] = {}
    for other in homes(package):
        elsewhere |= translated(stored(other))
    while True:
        before = home.po.read_bytes() if home.po.exists() else None
        after = po_bytes(merged(wanted, stored(home), elsewhere))
        if (home.po.read_bytes() if home.po.exists() else None) == before:
            break
    if before is None and not messages(wanted):
        return []
    if write(home.po, after):
        print(f"{shown(home.po)}: written")
    return []


def merged(wanted: Catalog, known: Catalog, elsewhere: dict[tuple[str | None, str], Message]) -> Catalog:
    """``wanted``, with the translations that ``known`` has, or another catalogue has for the very same string."""
    here = messages(known)
    old = elsewhere | translated(known)
    result = empty()
    for key, message in messages(wanted).items():
        strings = texts(old[key].string) if key in old else ("",)
        result.add(
            message.id,
            strings[:1] if message.pluralizable else strings[0],
            locations=message.locations,
            flags=old[key].flags & {"fuzzy"} if key in old else (),
            auto_comments=message.auto_comments,
            user_comments=here[key].user_comments if key in here else (),
            context=message.context,
        )
    return result


def po_bytes(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_po(file, catalog, width=0, omit_header=True, sort_output=True, include_lineno=False)
    return HEADER.encode() + file.getvalue().strip(b"\n") + b"\n"


def check(home: Home, package: Path) -> list[str]:
    wanted, known = messages(extracted(home, package)), messages(stored(home))
    faults = [(key, "is in the code but not in the catalogue") for key in wanted.keys() - known.keys()]
    faults += [(key, "is no longer in the code") for key in known.keys() - wanted.keys()]
    faults += [
        (key, fault) for key in known.keys() & wanted.keys() if (fault := fault_of(known[key], wanted[key]))
    ]
    return [
        *(f"{shown(home.po)}: {named(*key)} {fault}." for key, fault in sorted(faults, key=str)),
        *(
            f'{shown(source)}: "{text}" is not marked for translation.'
            for source in home.sources
            if source.suffix == ".html" and SAMPLES not in source.name
            for text in unmarked(source.read_text(encoding="utf-8"))
        ),
    ]


def unmarked(page: str) -> list[str]:
    """The words in a page that reach its reader in one language only."""
    left = LANGUAGE_NAME.sub(" ", MARKED.sub(" ", page))
    pieces = [*READ_OUT.findall(left), *re.sub(r"<[^>]*>", "\n", left).splitlines()]
    return [piece.strip() for piece in pieces if WORD.search(piece) and piece.strip() != NAME]


def fault_of(known: Message, wanted: Message) -> str | None:
    if known.id != wanted.id:
        return "has another plural in the code"
    if known.fuzzy:
        return "is marked fuzzy: read its translation, correct it and remove the mark"
    if not all(text.strip() for text in texts(known.string)):
        return "has no translation"
    # Chinese has one form for every number, so it must carry what the English plural carries.
    asked = sorted(set(PLACEHOLDER.findall(texts(known.id)[-1])))
    given = sorted(set(PLACEHOLDER.findall(texts(known.string)[0])))
    if asked != given:
        return f"asks for the placeholders {' '.join(asked) or 'none'}; its translation has {' '.join(given) or 'none'}"
    return None


def conflicts(package: Path) -> list[str]:
    """Strings that two catalogues translate differently: Django would show one of them in both places."""
    seen: dict[tuple[str | None, str], tuple[Home, str]] = {}
    faults = []
    for home in homes(package):
        for key, message in messages(stored(home)).items():
            string = texts(message.string)[0]
            other, other_string = seen.setdefault(key, (home, string))
            if string and other_string and string != other_string:
                faults.append(
                    f"{shown(home.po)}: {named(*key)} is {string} here and {other_string} in {shown(other.po)}. "
                    "Agree on one, or tell them apart by a context."
                )
    return faults


def compile_catalogue(home: Home, _package: Path) -> list[str]:
    if not home.po.exists():
        return []
    known = messages(stored(home))
    for language, turned in (("zh_Hans", str), ("zh_Hant", traditional())):
        catalog = empty(language)
        for message in known.values():
            if not message.fuzzy and all(texts(message.string)):
                strings = tuple(map(turned, texts(message.string)))
                catalog.add(
                    message.id, strings if message.pluralizable else strings[0], context=message.context
                )
        file = io.BytesIO()
        write_mo(file, catalog)
        write(home.file(language, ".mo"), file.getvalue())
    return []


@cache
def traditional() -> Callable[[str], str]:
    # Slow to load, and wanted by one verb only.
    from opencc import OpenCC

    # s2tw turns characters alone; s2twp would also turn words, such as 社区 (a residential community) into 社群.
    convert: Callable[[str], str] = OpenCC("s2tw").convert
    return convert


def write(path: Path, content: bytes) -> bool:
    """Put ``content`` at ``path`` in one step, and only if it is not there already."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    return True


def named(context: str | None, text: str) -> str:
    return f'"{text}"' + (f' (context "{context}")' if context else "")


def shown(path: Path) -> str:
    return os.path.relpath(path)


VERBS = {"update": update, "check": check, "compile": compile_catalogue}


def main(arguments: list[str] | None = None, package: Path = PACKAGE) -> int:
    everywhere = homes(package)
    parser = argparse.ArgumentParser(description="Update, check or compile the message catalogues.")
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument(
        "apps", nargs="*", metavar="APP", help=f"only these: {', '.join(home.name for home in everywhere)}"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.apps) - {home.name for home in everywhere}:
        parser.error(f"no app is called {', '.join(sorted(unknown))}")

    faults: list[str] = []
    for home in everywhere:
        if not options.apps or home.name in options.apps:
            try:
                faults += VERBS[options.verb](home, package)
            except Unreadable as error:
                faults.append(str(error))
    if options.verb == "check" and not options.apps and not faults:
        faults = conflicts(package)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        print(f"{len(faults)} to mend in the catalogues.", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
