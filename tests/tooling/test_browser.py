import pytest

from tests.browser import PHONE, axe, page_of

ADDRESS = "http://localhost:8765"
GOOD = (
    "<!doctype html><html lang='zh-Hans'><head><title>栋梁</title>"
    "<meta name='viewport' content='width=device-width'></head>"
    "<body><main><h1>栋梁</h1><p id='word'>梁</p></main>{}</body></html>"
)


def test_a_phone_is_narrow_and_touched(chromium):
    with page_of(chromium, ADDRESS, **PHONE) as page:
        page.set_content(GOOD.format(""))

        assert page.evaluate("[innerWidth, navigator.maxTouchPoints > 0]") == [390, True]


def test_a_good_page_passes(chromium):
    with page_of(chromium, ADDRESS) as page:
        page.set_content(GOOD.format(""))

        axe(page)


def test_a_barrier_is_named_with_the_element_that_raises_it(chromium):
    with page_of(chromium, ADDRESS) as page:
        page.set_content(GOOD.format("<main><img src='data:,'></main>"))

        with pytest.raises(AssertionError, match=r"image-alt \(critical\).*\n +img +<img src"):
            axe(page)


def fault_of(chromium, load):
    """What the page is said to suffer from once ``load`` has been done with it."""
    with pytest.raises(AssertionError) as caught:
        visit(chromium, load)
    return str(caught.value).splitlines()[0]


def visit(chromium, load):
    with page_of(chromium, ADDRESS) as page:
        load(page)
        page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("<script>nothing()</script>", "script: nothing is not defined"),
        ("<script>console.error('gone wrong')</script>", "console: gone wrong"),
        ("<img src='http://127.0.0.1:9/spy.png' alt=''>", "asked elsewhere: http://127.0.0.1:9/spy.png"),
    ],
)
def test_a_faulty_page_fails_its_test(chromium, part, fault):
    assert fault_of(chromium, lambda page: page.set_content(GOOD.format(part))) == fault


def test_a_broken_server_fails_its_test(chromium):
    def load(page):
        page.route("**/*", lambda route: route.fulfill(status=500, body="broken"))
        page.goto("/desk/")

    assert fault_of(chromium, load) == f"answered 500: {ADDRESS}/desk/"


def test_without_script_none_runs(chromium):
    with page_of(chromium, ADDRESS, java_script_enabled=False) as page:
        page.set_content(GOOD.format("<script>document.getElementById('word').textContent = '栋'</script>"))

        assert page.locator("#word").text_content() == "梁"


def test_axe_is_refused_where_it_would_wait_for_ever(chromium):
    with page_of(chromium, ADDRESS, java_script_enabled=False) as page:
        page.set_content(GOOD.format(""))

        with pytest.raises(ValueError, match="on a page without script"):
            axe(page)
