"""Numbers as the city's people write them: with a decimal comma."""


def decimal(number: float) -> str:
    """`12,3`."""
    return f"{number:.1f}".replace(".", ",")


def size(count: int) -> str:
    """Bytes: `12,3 MB`, below one megabyte `345,6 kB`."""
    return f"{decimal(count / 1e6)} MB" if count >= 1e6 else f"{decimal(count / 1e3)} kB"
