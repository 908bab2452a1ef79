import gettext

import pytest

from tools import catalogues

PO = "locale/zh_Hans/LC_MESSAGES/django.po"


@pytest.fixture
def package(tmp_path):
    """A product of two apps and a module outside both."""
    files = {
        "settings.py": '_ = gettext\n_("site")\n',
        "people/apps.py": "",
        "people/models.py": 'pgettext_lazy("of a secretary", "post")\nngettext("%(n)s man", "%(n)s men", n)\n',
        "people/migrations/0001_initial.py": '_("only a migration")\n',
        "people/templates/people/one.html": (
            "{% load i18n %}\n<ul>\n    <li>{% translate 'Secretary' %}</li>\n  <li>\n"
            "{% blocktranslate trimmed with name=x %}\n  Ask\n  {{ name }}\n{% endblocktranslate %}</li>\n</ul>"
        ),
        "seasons/apps.py": "",
        "seasons/views.py": '_("Secretary")\n_(variable)\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(package, *arguments):
    return catalogues.main(list(arguments), package)


def translate(package, home, **translations):
    """Fill in the catalogue by hand, as a translator does."""
    po = package / home / PO
    text = po.read_text()
    for english, chinese in translations.items():
        text = text.replace(f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{chinese}"')
    po.write_text(text)


def translate_all(package):
    translate(package, "", site="站点")
    translate(package, "people", post="岗位", Secretary="书记", **{"Ask %(name)s": "问%(name)s"})
    po = package / "people" / PO
    po.write_text(po.read_text().replace('msgstr[0] ""', 'msgstr[0] "%(n)s 人"'))
    translate(package, "seasons", Secretary="书记")


def entries(package, home):
    return (package / home / PO).read_text().removeprefix(catalogues.HEADER)


def compiled(package, home, language):
    with (package / home / f"locale/{language}/LC_MESSAGES/django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_each_app_gets_the_strings_of_its_own_code_and_templates(package):
    assert run(package, "update") == 0

    assert entries(package, "") == '#: settings.py\nmsgid "site"\nmsgstr ""\n'
    assert entries(package, "seasons") == '#: seasons/views.py\nmsgid "Secretary"\nmsgstr ""\n'
    assert entries(package, "people") == (
        "#: people/models.py\n#, python-format\n"
        'msgid "%(n)s man"\nmsgid_plural "%(n)s men"\nmsgstr[0] ""\n\n'
        "#: people/templates/people/one.html\n#, python-format\n"
        'msgid "Ask %(name)s"\nmsgstr ""\n\n'
        '#: people/templates/people/one.html\nmsgid "Secretary"\nmsgstr ""\n\n'
        '#: people/models.py\nmsgctxt "of a secretary"\nmsgid "post"\nmsgstr ""\n'
    )


def test_a_second_update_writes_nothing(package):
    run(package, "update")
    written = (package / "people" / PO).stat().st_mtime_ns

    assert run(package, "update") == 0

    assert (package / "people" / PO).stat().st_mtime_ns == written


def test_an_update_keeps_translations_and_drops_what_has_left_the_code(package):
    run(package, "update")
    translate_all(package)
    (package / "people" / "models.py").write_text('pgettext("of a secretary", "post")\n_("new")\n')
    (package / "people" / "templates" / "people" / "one.html").unlink()

    run(package, "update")

    assert entries(package, "people") == (
        '#: people/models.py\nmsgid "new"\nmsgstr ""\n\n'
        '#: people/models.py\nmsgctxt "of a secretary"\nmsgid "post"\nmsgstr "岗位"\n'
    )


def test_a_string_that_another_app_has_translated_is_taken_over(package):
    run(package, "update")
    translate(package, "people", Secretary="书记")

    run(package, "update", "seasons")

    assert entries(package, "seasons") == '#: seasons/views.py\nmsgid "Secretary"\nmsgstr "书记"\n'


@pytest.mark.parametrize(
    ("source", "text"),
    [("models.py", '_("new"'), ("templates/people/one.html", "{% blocktranslate %}{% if x %}")],
)
def test_code_that_cannot_be_read_leaves_its_catalogue_alone(package, capsys, source, text):
    run(package, "update")
    before = entries(package, "people")
    (package / "people" / source).write_text(text)

    assert run(package, "update") == 1

    assert entries(package, "people") == before
    assert capsys.readouterr().err.startswith(f"{catalogues.shown(package / 'people' / source)}: ")


def test_a_complete_translation_passes(package, capsys):
    run(package, "update")
    translate_all(package)

    assert run(package, "check") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('msgstr "书记"', 'msgstr ""', '"Secretary" has no translation.'),
        (
            'msgid "Secretary"',
            '#, fuzzy\nmsgid "Secretary"',
            '"Secretary" is marked fuzzy: read its translation, correct it and remove the mark.',
        ),
        (
            "问%(name)s",
            "问%(nom)s",
            '"Ask %(name)s" asks for the placeholders %(name)s; its translation has %(nom)s.',
        ),
        ("%(n)s 人", "人", '"%(n)s man" asks for the placeholders %(n)s; its translation has none.'),
        ("%(n)s men", "%(n)s women", '"%(n)s man" has another plural in the code.'),
    ],
)
def test_a_spoilt_entry_is_named(package, capsys, old, new, fault):
    run(package, "update")
    translate_all(package)
    po = package / "people" / PO
    po.write_text(po.read_text().replace(old, new))

    assert run(package, "check") == 1

    assert capsys.readouterr().err == f"{catalogues.shown(po)}: {fault}\n1 to mend in the catalogues.\n"


def test_strings_and_entries_that_do_not_meet_are_named(package, capsys):
    run(package, "update")
    translate_all(package)
    (package / "seasons" / "views.py").write_text('pgettext("short", "Round")')

    assert run(package, "check") == 1

    po = catalogues.shown(package / "seasons" / PO)
    assert capsys.readouterr().err == (
        f'{po}: "Round" (context "short") is in the code but not in the catalogue.\n'
        f'{po}: "Secretary" is no longer in the code.\n'
        "2 to mend in the catalogues.\n"
    )


def test_words_on_a_page_that_are_not_marked_are_named(package, capsys):
    run(package, "update")
    translate_all(package)
    page = package / "seasons" / "templates" / "round.html"
    page.parent.mkdir()
    page.write_text(
        "{% load i18n %}{# a note #}<h1>栋梁</h1><b lang='en'>English</b>{{ season.title }} &nbsp;·&nbsp; 7 %"
        '<img alt="A bridge" src="bridge.svg">\n<p>{% translate "Secretary" %} 书记</p>'
    )
    run(package, "update")
    capsys.readouterr()

    assert run(package, "check") == 1

    assert capsys.readouterr().err == (
        f'{catalogues.shown(page)}: "A bridge" is not marked for translation.\n'
        f'{catalogues.shown(page)}: "书记" is not marked for translation.\n'
        "2 to mend in the catalogues.\n"
    )


def test_one_string_translated_in_two_ways_is_refused(package, capsys):
    run(package, "update")
    translate_all(package)
    po = package / "seasons" / PO
    po.write_text(po.read_text().replace("书记", "秘书"))

    assert run(package, "check") == 1

    assert capsys.readouterr().err == (
        f'{catalogues.shown(po)}: "Secretary" is 秘书 here and 书记 in '
        f"{catalogues.shown(package / 'people' / PO)}. Agree on one, or tell them apart by a context.\n"
        "1 to mend in the catalogues.\n"
    )


def test_traditional_chinese_is_derived_character_by_character(package):
    run(package, "update")
    translate_all(package)
    po = package / PO
    po.write_text(po.read_text().replace("站点", "社区发布"))

    assert run(package, "compile") == 0

    assert compiled(package, "", "zh_Hans").gettext("site") == "社区发布"
    assert compiled(package, "", "zh_Hant").gettext("site") == "社區發佈"


def test_contexts_and_plurals_survive_compiling(package):
    run(package, "update")
    translate_all(package)

    run(package, "compile")

    people = compiled(package, "people", "zh_Hant")
    assert people.pgettext("of a secretary", "post") == "崗位"
    assert people.ngettext("%(n)s man", "%(n)s men", 7) == "%(n)s 人"
