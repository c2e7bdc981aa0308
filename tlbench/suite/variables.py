"""``${NAME}`` in a suite: values of the environment's variables that the suite names under `vars`, and of no others."""

import json
import re
from collections.abc import Callable, Iterator

import yaml

from tlbench.core import settings
from tlbench.core.errors import UserError

KEY = "vars"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
USE = re.compile(r"\$\{([^}]*)\}")
BEFORE = re.compile(r"(?:[&!]\S*\s+)*")
"""The anchor and the tag of a value."""

Fail = Callable[[yaml.Node, str], UserError]
"""The error that tells of a node, with its place."""


def fill(root: yaml.Node, text: str, resolve: Callable[[str], str], fail: Fail) -> str:
    """Put values in the place of their names in every value under `root`, and return `text` with them in it.

    `resolve` gives the tag of a plain scalar: a value that is nothing but ``${NAME}`` is read as if what the variable
    says stood there. Raises UserError for a name that is not under `vars`, and for a variable that has no value.
    """
    named = _named(root, fail)
    changed: dict[int, tuple[int, str]] = {}
    for node in _values(root):
        if not USE.search(node.value):
            continue
        if node.style in ("|", ">"):
            raise fail(node, "a variable can stand in a value of one line only")
        whole = USE.fullmatch(node.value)
        node.value = USE.sub(lambda use, node=node: _value_of(use[1], node, named, fail), node.value)  # type: ignore[misc]
        if whole:
            node.tag = resolve(node.value)
        before = BEFORE.match(text, node.start_mark.index)
        assert before is not None
        is_text = node.tag.endswith(":str")
        written = json.dumps(node.value, ensure_ascii=False) if is_text else node.value
        changed[before.end()] = (node.end_mark.index, written)
    for start in sorted(changed, reverse=True):
        end, value = changed[start]
        text = text[:start] + value + text[end:]
    return text


def _named(root: yaml.Node, fail: Fail) -> dict[str, str | None]:
    """The variables that the suite names, with their defaults."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for key, value in pairs if key.value == KEY), None)
    if node is None:
        return {}
    if isinstance(node, yaml.MappingNode):
        given = [(name, None if default.tag.endswith(":null") else default) for name, default in node.value]
    elif isinstance(node, yaml.SequenceNode):
        given = [(name, None) for name in node.value]
    else:
        given = [(node, None)]
    for name, default in given:
        if not isinstance(name, yaml.ScalarNode) or not NAME.fullmatch(name.value):
            raise fail(name, f"{KEY}: the name of a variable belongs here")
        if default is not None and not isinstance(default, yaml.ScalarNode):
            raise fail(default, f"{KEY}: a single value belongs here")
    return {name.value: None if default is None else default.value for name, default in given}


def _values(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Every value once, however many aliases it has; not those of `vars`."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    waiting, seen = [value for key, value in pairs if key.value != KEY], set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
        else:
            waiting += node.value


def _value_of(name: str, node: yaml.Node, named: dict[str, str | None], fail: Fail) -> str:
    if name not in named:
        raise fail(node, f"${{{name}}} is not among {KEY}; a suite takes from the environment only what it names there")
    value = settings.text(name) or named[name]
    if value is None:
        raise fail(node, f"${{{name}}} has no value; set {name}, or give it one under {KEY}")
    if USE.search(value):
        raise fail(node, f"${{{name}}} is {value!r}, and values do not stand in each other")
    return value
