"""What the site needs beside the pages, which are written for GitHub: reference runs, and links that leave docs/."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
REFERENCE = "results/reference"
SHOWN = (".html", ".svg")
LINK = re.compile(r"(!?\[[^\]]*\])\(\.\./([^)\s#]+)(?:#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """The pages and pictures of the committed runs are part of the site, as they are."""
    for path in sorted((ROOT / REFERENCE).rglob("report*")):
        if path.suffix in SHOWN:
            place = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to reports lead to their pages; the README is the first page; of other files the name stays."""
    del page, config, files
    return LINK.sub(_within_the_site, markdown)


def _within_the_site(link: re.Match[str]) -> str:
    label, path = link[1], link[2]
    if path.startswith(REFERENCE):
        return f"{label}({re.sub(r'[.]md$', '.html', path)})"
    if path == "README.md":
        return f"{label}(README.md)"
    return label.strip("[]") + (f" (`{path}`)" if path not in label else "")
