"""What a city's rules ask the prompts to say."""

from pathlib import Path

from ivr.prompts.catalogue import LANGUAGE, PromptSources, Subject, Subjects
from ivr.rules import Rules


def prompt_sources(rules: Rules, folder: Path) -> PromptSources:
    """The catalogue and studio recordings of the city's language, and the built files, for the names in `rules`.

    Only catalogue and recordings have a language in their name: `built` holds what callers hear now, and its manifest
    knows what each file was made from.
    """
    language = rules.policies.language
    original, built, subjects = folder / "prompts.yaml", folder / "built", subjects_of(rules)
    if language == LANGUAGE:
        return PromptSources(original, folder / "studio", built, subjects)
    translation, studio = folder / f"prompts-{language}.yaml", folder / f"studio-{language}"
    return PromptSources(translation, studio, built, subjects, language, original)


def subjects_of(rules: Rules) -> Subjects:
    """Every name of the rules that is spoken, as it is said, with the one key its question waits for."""
    village = rules.city.village
    kelurahan = [place for area in rules.areas for place in area.kelurahan]
    return Subjects(
        categories=tuple(Subject(one.id, one.name, one.key, one.pronunciation or "") for one in rules.categories),
        groups=tuple(Subject(digit, name, digit) for digit, name in rules.groups.items()),
        areas=tuple(Subject(area.code, area.name, area.key[-1], area.pronunciation or "") for area in rules.areas),
        kelurahan=tuple(
            Subject(one.code, one.name, one.key or "", one.pronunciation or "", village) for one in kelurahan
        ),
        agencies=tuple(Subject(one.id, one.name, lafal=one.pronunciation or "") for one in rules.agencies),
    )
