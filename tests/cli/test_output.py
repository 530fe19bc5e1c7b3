"""What the commands print."""

import logging
import re

import pytest

from pokenash.arena.progress import progress_bar
from pokenash.cli.output import follow_logging


def test_what_is_logged_beside_a_progress_bar_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    follow_logging("info")
    bar = progress_bar(10)
    bar.update(3)
    logging.getLogger("pokenash.arena").info("10 battles")
    bar.close()
    told = capsys.readouterr().err
    assert re.search(r"[\r\n]\d\d:\d\d:\d\d 10 battles\n", told), repr(told)
    # The bar is drawn again below.
    assert "3/10" in told.partition("10 battles")[2]
