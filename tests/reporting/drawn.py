"""What tests of SVG pictures share: the namespace of SVG, and marks of a scatter plot."""

from tlbench.reporting.plots import Mark, Reading

SVG = "{http://www.w3.org/2000/svg}"


def marks(*names: str, group: str = "g") -> tuple[Mark, ...]:
    return tuple(
        Mark(name, group, Reading(0.5 + 0.05 * at, "50%"), {"ms": Reading(10.0 * (at + 1), "10 ms")})
        for at, name in enumerate(names)
    )
