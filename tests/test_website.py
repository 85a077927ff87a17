"""The documentation builds without a warning, and its links and listings hold."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mmf_like.common.registry_index import modules_below
from mmf_like.config.schema import settings

ROOT = Path(__file__).parents[1]
WEBSITE = ROOT / "website"


class Links(HTMLParser):
    """The `href`s and `id`s of a page."""

    def __init__(self, text):
        super().__init__()
        self.hrefs, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.hrefs.append(given["href"])
        if given.get("id"):
            self.ids.add(given["id"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", folder / "doctrees"]
    done = subprocess.run([*command, WEBSITE, folder / "html"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def test_internal_links_lead_somewhere(site):
    pages = {path: Links(path.read_text("utf-8")) for path in site.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for href in page.hrefs:
            parts = urlsplit(href)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            exists = target.is_file()
            if exists and parts.fragment and target in pages:
                exists = unquote(parts.fragment) in pages[target].ids
            if not exists:
                broken.append(f"{path.relative_to(site)}: {href}")
    assert not broken


def test_every_page_is_listed_and_every_listed_page_exists():
    listed = set()
    for index in (WEBSITE / "index.md", WEBSITE / "api" / "index.md"):
        (entries,) = re.findall(r"```\{toctree\}\n(.*?)```", index.read_text("utf-8"), re.DOTALL)
        names = [line for line in entries.splitlines() if line and not line.startswith(":")]
        listed |= {(index.parent / f"{name}.md").resolve() for name in names}
    written = {path.resolve() for path in WEBSITE.rglob("*.md")} - {(WEBSITE / "index.md").resolve()}
    assert written == listed


def test_every_module_is_in_the_api_pages(site):
    shown = "".join(path.read_text("utf-8") for path in (site / "api").glob("*.html"))
    modules = [
        module for path, module in modules_below(ROOT / "mmf_like", "mmf_like") if path.read_text("utf-8").strip()
    ]
    missing = [module for module in modules if module != "mmf_like" and f'id="module-{module}"' not in shown]
    assert not missing


def test_every_setting_and_command_is_shown(site):
    table = (site / "configuration.html").read_text("utf-8")
    text = re.sub("<[^>]+>", "", table)
    assert not [item.key for item in settings().values() if item.key not in text]
    help_texts = (site / "commands.html").read_text("utf-8")
    for command in ("mmf_run", "mmf_predict", "mmf_list", "mmf_check"):
        assert f"usage: {command} " in re.sub("<[^>]+>", "", help_texts)
