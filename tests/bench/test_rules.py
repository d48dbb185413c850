import pytest

from bench import rules
from ivr.rules import load_rules, route


@pytest.mark.parametrize("size", [10, 300])
def test_the_city_that_is_measured_has_as_many_rules_as_it_says(size: int) -> None:
    assert len(load_rules(rules.city(size)).rules) == size


def test_what_is_asked_differs_and_finds_many_plans() -> None:
    city = load_rules(rules.city(300))
    asked = rules.questions(city, 1)[:2000]
    assert len(set(asked)) > 1900
    assert len({route(city, *question).steps for question in asked}) > 5
