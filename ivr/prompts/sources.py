"""What a city's rules ask the prompts to say."""

from pathlib import Path

from ivr.prompts.catalogue import PromptSources, Subject, Subjects
from ivr.rules import Rules


def prompt_sources(rules: Rules, folder: Path) -> PromptSources:
    """The catalogue, the studio's recordings and the built files in `folder`, for the names in `rules`."""
    return PromptSources(folder / "prompts.yaml", folder / "studio", folder / "built", subjects_of(rules))


def subjects_of(rules: Rules) -> Subjects:
    """Every name of the rules that is spoken."""
    return Subjects(
        categories=tuple(Subject(category.id, category.name, category.key) for category in rules.categories),
        areas=tuple(Subject(area.code, area.name, area.key) for area in rules.areas),
        kelurahan=tuple(
            Subject(place.code, place.name, place.key or "") for area in rules.areas for place in area.kelurahan
        ),
        agencies=tuple(Subject(agency.id, agency.name) for agency in rules.agencies),
    )
