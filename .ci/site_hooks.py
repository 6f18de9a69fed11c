"""What MkDocs does for docs/ beside its own work (hooks named in mkdocs.yml): links, pictures, equations, no network.

The pages are read in two places: on GitHub as they lie, and on the built site. Their links are right for GitHub. Here
a link to a picture of Resources/Screenshots or to a page at the root becomes one of the site, and a link to a file of
code one of the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "THIRD_PARTY_NOTICES.md": "third-party.md",
}
"""Pages at the root of the repository, and their places on the site."""
PICTURES = "Resources/Screenshots/"

_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)")
_EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_LOADED = re.compile(r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(?:https?:)?//[^"]*"')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the root and the pictures to the site's files."""
    places = dict(PAGES)
    places |= {f"{PICTURES}{picture.name}": f"pictures/{picture.name}" for picture in (ROOT / PICTURES).iterdir()}
    places |= {"Resources/Icons/OsteoJoint.png": "pictures/OsteoJoint.png"}
    for source, place in places.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn GitHub's links into the site's."""
    home = next((source for source, place in PAGES.items() if place == page.file.src_uri), f"docs/{page.file.src_uri}")

    def rewritten(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(home), match[2]))
        return match[1] + site_link(target, page.file.src_uri, str(config.repo_url))

    return _LINK.sub(rewritten, markdown)


def site_link(target: str, page: str, repository: str) -> str:
    """Make the link on the site to a file of the repository.

    Args:
        target: path of the file from the repository's root.
        page: place on the site of the page that links to it.
        repository: URL of the repository.

    Raises:
        PluginError: there is no such file.
    """
    if not (ROOT / target).exists():
        raise PluginError(f"{page} links to {target}, which is not there.")
    if target.startswith("docs/"):
        place = target.removeprefix("docs/")
    elif target.startswith(PICTURES):
        place = target.replace(PICTURES, "pictures/")
    elif target in PAGES:
        place = PAGES[target]
    else:
        return f"{repository}/blob/main/{target}"
    return posixpath.relpath(place, posixpath.dirname(page) or ".")


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn equations in LaTeX into MathML, which browsers draw without a script."""
    return _EQUATION.sub(
        lambda match: convert(
            match[2].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").strip(),
            display="block" if match[1] == "div" else "inline",
        ),
        html,
    )


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that would load something from the network."""
    if found := _LOADED.search(output):
        raise PluginError(f"{page.file.src_uri} would load from the network: {found[0]}")
    return output
