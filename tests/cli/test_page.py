"""The reference page of the command line says what the program says."""

from tools.cli_page import PAGE, page


def test_the_reference_page_is_current():
    assert PAGE.read_text() == page(), "run make docs"


def test_every_command_and_option_is_on_it():
    text = page()
    for words in (
        "hostreeve serve",
        "hostreeve run",
        "hostreeve account create",
        "hostreeve doctor",
        "agent enrol",
    ):
        assert words in text
    assert "`--max-concurrency N\\|N%`" in text and "`--json`" in text
