"""What people call the things of a call, from the rules."""

from ivr.calls.show import Names
from ivr.rules import Rules


def names_in(rules: Rules) -> Names:
    """For `show.Style`; a key that the rules do not know (any more) stays a key."""

    def name(what: str, key: str) -> str:
        if what == "area":
            return rules.area_name(key)
        known = {line.id: line.name or line.id for line in (*rules.lines, *rules.operator_lines)}
        if what == "category":
            known = {category.id: category.name for category in rules.categories}
        return known.get(key, key)

    return name
