"""Environment variables in a suite, as ``${NAME}``. Only variables that the suite names under `vars` are read.

``$${`` stands for ``${`` itself.
"""

import json
import re
from collections.abc import Callable, Iterator

import yaml

from tlbench.core import settings
from tlbench.core.errors import UserError

KEY = "vars"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ESCAPE, BEGIN = "$${", "${"
USE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
ANCHOR_AND_TAG = re.compile(r"(?:[&!]\S*\s+)*")
"""What may precede a value in YAML."""

Fail = Callable[[yaml.Node, str], UserError]
"""Makes an error about a node, with its place in the file."""


def fill(root: yaml.Node, text: str, resolve: Callable[[str], str], fail: Fail) -> str:
    """Replace ``${NAME}`` by the variable's value, in all nodes under `root` and in the text.

    Args:
        root: the root node of the suite; its scalars are changed in place.
        text: the text that it was parsed from.
        resolve: the YAML tag of a plain scalar. It is applied to a value that is only ``${NAME}``, so that a number in
            a variable is a number in the suite.
        fail: makes the error for a node.

    Returns:
        The text with values in place of variables, which can be filled again.

    Raises:
        UserError: a variable is not named under `vars`, or has no value.
    """
    named = _named(root, fail)
    changed: dict[int, tuple[int, str]] = {}  # start in the text -> end, and what replaces it
    for node in _values(root):
        if not USE.search(node.value):
            continue
        if node.style in ("|", ">"):
            raise fail(node, "a variable can stand in a value of one line only")
        whole = USE.fullmatch(node.value)
        filled = USE.sub(lambda use, node=node: _text_of(use, node, named, fail), node.value)  # type: ignore[misc]
        node.value = filled.replace(ESCAPE, BEGIN)
        if whole:
            node.tag = resolve(node.value)
        prefix = ANCHOR_AND_TAG.match(text, node.start_mark.index)
        assert prefix is not None
        is_text = node.tag.endswith(":str")
        written = json.dumps(filled, ensure_ascii=False) if is_text else filled
        changed[prefix.end()] = (node.end_mark.index, written)
    for start in sorted(changed, reverse=True):
        end, value = changed[start]
        text = text[:start] + value + text[end:]
    return text


def _named(root: yaml.Node, fail: Fail) -> dict[str, str | None]:
    """The variables under `vars`, with their defaults (None: no default)."""
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
    """Every scalar outside `vars`, once even if there are aliases of it."""
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


def _text_of(use: re.Match[str], node: yaml.Node, named: dict[str, str | None], fail: Fail) -> str:
    return ESCAPE if use[0] == ESCAPE else _value_of(use[1], node, named, fail)


def escaped(text: str) -> str:
    """`text` as it has to stand in a suite so that nothing in it is taken for a variable."""
    return text.replace(BEGIN, ESCAPE)


def _value_of(name: str, node: yaml.Node, named: dict[str, str | None], fail: Fail) -> str:
    if name not in named:
        only = "a suite takes from the environment only what it names there"
        raise fail(node, f"${{{name}}} is not among {KEY}; {only}; {ESCAPE} stands for {BEGIN} itself")
    value = settings.text(name) or named[name]
    if value is None:
        raise fail(node, f"${{{name}}} has no value; set {name}, or give it one under {KEY}")
    if USE.search(value):
        raise fail(node, f"${{{name}}} is {value!r}, and values do not stand in each other")
    return value
