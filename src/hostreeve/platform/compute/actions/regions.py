"""Which Regions this installation serves; the program says so when it is composed."""

_served: set[str] = set()


def serve(names: frozenset[str]) -> None:
    _served.clear()
    _served.update(names)


def served() -> frozenset[str]:
    return frozenset(_served)
