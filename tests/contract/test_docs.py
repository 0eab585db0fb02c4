"""Links, anchors and paths in the pages lead somewhere, and the site asks nothing of another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

README_WORDS = 900
FENCE = re.compile(r"^(```+|~~~+).*?^\1[`~]*$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)
PATH = re.compile(r"(?:benchmarks|config|docs|envs|profiles|rules|scripts|src|tests|workflow)/[\w./-]+")
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def pages(tracked):
    found = {path: path.read_text(encoding="utf-8") for path in tracked if path.suffix == ".md"}
    assert len(found) > 20
    return found


def prose(text):
    """The text without code blocks and comments."""
    return COMMENT.sub("", FENCE.sub("", text))


def links(text):
    """Targets of links and images that lead to no other host."""
    targets = LINK.findall(CODE.sub("code", prose(text)))
    return [target for target in targets if not urlsplit(target).scheme]


def slug(heading):
    """The anchor that GitHub gives a heading: words in lower case, spaces as hyphens, no punctuation."""
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


def anchors(text):
    found, seen = set(), {}
    for heading in HEADING.findall(prose(text)):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if seen.get(name) else name)
        seen[name] = seen.get(name, 0) + 1
    return found


def fault(page, target, pages):
    """What is wrong with a link of a page; None if it leads somewhere."""
    path, _, anchor = target.partition("#")
    aim = (page.parent / unquote(path)).resolve() if path else page
    if not aim.exists():
        return f"{target}: no such file"
    if anchor and aim.suffix == ".md" and unquote(anchor) not in anchors(pages[aim]):
        return f"{target}: no such heading"
    return None


def test_every_link_leads_to_a_file_and_a_heading(root, pages):
    faults = [
        f"{page.relative_to(root)}: {wrong}"
        for page, text in pages.items()
        for target in links(text)
        if (wrong := fault(page, target, pages))
    ]
    assert faults == []
    assert sum(len(links(text)) for text in pages.values()) > 100


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("[there](b.md)", None),
        ("[there](b.md#the-keys-of-kind-a)", None),
        ("[`code`](b.md#twice-1)", None),
        ("[here](#one)", None),
        ("![figure](b.svg)", "b.svg: no such file"),
        ("[gone](c.md)", "c.md: no such file"),
        ("[gone](b.md#twice-2)", "b.md#twice-2: no such heading"),
        ("[gone](b.md#in-code)", "b.md#in-code: no such heading"),
        ("[gone](#two)", "#two: no such heading"),
    ],
)
def test_a_broken_link_is_found(tmp_path, link, wrong):
    texts = {
        "a.md": f"# One\n\n{link} `[not](a-link)`\n",
        "b.md": "## The keys of `kind: a`\n\n```bash\n# In code\n```\n\n### Twice\n\n### Twice\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    page, here = tmp_path / "a.md", {tmp_path / name: text for name, text in texts.items()}
    assert [fault(page, target, here) for target in links(texts["a.md"])] == [wrong]


def test_every_page_can_be_reached_from_the_index(root, pages):
    index = root / "docs" / "index.md"
    reached, open_ = set(), [index]
    while open_:
        page = open_.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        open_ += [(page.parent / target.partition("#")[0]).resolve() for target in links(pages[page])]
    assert [page.name for page in pages if page.parent == index.parent and page not in reached] == []


def test_pages_of_the_site_link_to_nothing_outside_of_it(root, pages):
    docs = root / "docs"
    outside = [
        f"{page.name}: {target}"
        for page, text in pages.items()
        if page.parent == docs
        for target in links(text)
        if docs not in (page.parent / target.partition("#")[0]).resolve().parents and target[0] != "#"
    ]
    assert outside == [], "a file outside of docs/ is named by its path, as code"


def test_paths_that_pages_name_are_there(root, pages):
    missing = [
        f"{page.relative_to(root)}: {code}"
        for page, text in pages.items()
        for _, code in CODE.findall(prose(text))
        if PATH.fullmatch(code) and Path(code).stem != "X" and not (root / code).exists()
    ]
    assert missing == []


def test_the_campaign_shown_is_the_demonstration(root, pages):
    shown = re.findall(r"```yaml\n(campaign: demo\n.*?)```", pages[root / "docs" / "campaign.md"], re.DOTALL)
    demo = yaml.safe_load((root / "config" / "demo.yaml").read_text(encoding="utf-8"))
    assert [yaml.safe_load(text) for text in shown] == [demo]


def test_the_readme_is_short(root, pages):
    assert len(pages[root / "README.md"].split()) <= README_WORDS


class Loaded(HTMLParser):
    """What a page loads by itself: scripts, styles, images, frames."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in LOADING:
            self.addresses.append(given.get(LOADING[tag]) or "")
        elif tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}:
            self.addresses.append(given.get("href") or "")


def test_the_site_builds_without_a_warning_and_loads_nothing_from_another_host(root, tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    foreign = []
    made = sorted(Path(tmp_path / "site").glob("*.html"))
    for page in made:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        foreign += [f"{page.name}: {a}" for a in loaded.addresses if urlsplit(a).netloc]
    assert foreign == []
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8"))
    written = {path.stem for path in (root / "docs").glob("*.md")}
    assert {path.stem for path in made} == written | {"404"}
