"""Identifiers: unique, and in the order in which they were made."""

import re
import time

from copilot_kit.ids import new_id


def test_an_identifier_is_its_prefix_and_32_hexadecimal_digits():
    assert re.fullmatch(r"call_[0-9a-f]{32}", new_id("call"))


def test_many_are_all_different():
    assert len({new_id("x") for _ in range(10_000)}) == 10_000


def test_later_ones_sort_behind_earlier_ones():
    first = new_id("run")
    time.sleep(0.002)
    assert first < new_id("run")
