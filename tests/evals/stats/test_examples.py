"""The examples in the docstrings are true."""

import doctest
import importlib

import pytest

MODULES = ["means", "missing", "multiplicity", "passk", "permutation", "power", "quantiles", "anytime"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_print_what_they_say(name):
    result = doctest.testmod(importlib.import_module(f"copilot_kit_evals.stats.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
