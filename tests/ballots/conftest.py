import pytest


@pytest.fixture(autouse=True)
def keys_of_this_test(settings, tmp_path):
    """A folder of its own for the keys: seasons of one name come and go in the tests."""
    settings.BALLOT_KEYS = tmp_path / "ballot-keys"
