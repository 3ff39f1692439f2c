"""The code that keeps a container below a bound, told from code that only looks as if it did."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from harness.cause.container_in_source import Home
from harness.cause.eviction_code import Trim, trim_of

BOUNDING = {
    "while": "while len(self.pages) > self.most:\n    self.pages.popitem(last=False)",
    "the oldest key": "if len(self.pages) >= 200:\n    del self.pages[next(iter(self.pages))]",
    "cleared": "if len(self.pages) == MOST:\n    self.pages.clear()",
    "backwards": "if MOST < len(self.pages):\n    self.pages.popleft()",
    "slice deleted": "del self.pages[:-MOST]",
    "surplus deleted": "del self.pages[:len(self.pages) - MOST]",
    "tail deleted": "del self.pages[MOST:]",
    "slice kept": "self.pages = self.pages[-200:]",
    "slice of the longer kept": "self.pages = (self.pages + [page])[-self.most:]",
    "kept in place": "self.pages[:] = self.pages[-200:]",
    "bound anew": "if len(self.pages) > 200:\n    self.pages = {}",
    "range": "for _ in range(len(self.pages) - MOST):\n    self.pages.pop(0)",
    "keys": "for key in list(self.pages)[:-MOST]:\n    del self.pages[key]",
    "early return": "if len(self.pages) <= MOST:\n    return\nself.pages.popitem()",
    "otherwise": "if len(self.pages) < MOST:\n    pass\nelse:\n    self.pages.popitem()",
    "alias": "pages = self.pages\nif len(pages) > MOST:\n    pages.popitem()",
    "surplus": "surplus = len(self.pages) - 200\nif surplus > 0:\n    self.pages.pop()",
    "walrus": "if (surplus := len(self.pages) - 200) > 0:\n    del self.pages[:surplus]",
    "both": "if page and len(self.pages) > 2 * 100:\n    self.pages.clear()",
    "heap": "if len(self.pages) > 200:\n    heapq.heappop(self.pages)",
    "helper": "if len(self.pages) > 200:\n    self._forget()",
    "within a loop": "for _ in page:\n    with lock:\n        if len(self.pages) > 200:\n        "
    "    self.pages.pop()",
    "argument": "if len(self.pages) > limit:\n    self.pages.pop()",
    "settings": "if len(self.pages) > settings.most:\n    self.pages.pop()",
}
OTHER = {
    "only a warning": "if len(self.pages) > 200:\n    log('many')\nself.pages.pop(page, None)",
    "refusal": "if len(self.pages) > 200:\n    raise RuntimeError\nself.pages.pop(page, None)",
    "another is shortened": "if len(self.pages) > 200:\n    self.others.pop()",
    "another is measured": "if len(self.others) > 200:\n    self.pages.pop()",
    "nothing is measured": "self.pages.pop(page, None)",
    "the first goes": "del self.pages[:1]\nself.pages = self.pages[1:]\nself.pages = "
    "self.pages[:-1]",
    "emptied": "while len(self.pages) > 0:\n    self.pages.pop()",
    "an entry is set": "if len(self.pages) > 200:\n    self.pages[page] = None",
    "grown": "if len(self.pages) > 200:\n    self.pages = self.pages + [page]",
    "below the number": "if len(self.pages) < 200:\n    self.pages.pop()",
}
HOME = Home(("Cache", "Base"), (), {"most": 200})


def app(tmp_path: Path, body: str, *, owner: str = "Cache") -> str:
    """A source file with a method of this body."""
    source = tmp_path / "app.py"
    method = (
        f"def remember(self, page, limit=200):\n{indent(body, '    ')}\ndef _forget(self):\n    "
        f"self.pages.pop()\n"
    )
    source.write_text(f"MOST = 200\nclass {owner}:\n{indent(method, '    ')}")
    return str(source)


def trim(
    tmp_path: Path,
    body: str,
    name: str = "app.Cache.pages",
    home: Home = HOME,
    owner: str = "Cache",
) -> Trim | None:
    """What bounds the container, in such a file."""
    return trim_of(
        name, home, {app(tmp_path, body, owner=owner): {"MOST": 200, "settings.most": 200}}
    )


@pytest.mark.parametrize("body", BOUNDING.values(), ids=BOUNDING)
def test_code_that_measures_a_container_and_then_takes_something_out_bounds_it(
    tmp_path: Path, body: str
) -> None:
    found = trim(tmp_path, body)
    assert found is not None
    assert found.bound == 200
    assert found.place.startswith(f"{tmp_path / 'app.py'}:")


@pytest.mark.parametrize("body", OTHER.values(), ids=OTHER)
def test_a_comparison_or_a_removal_for_another_purpose_is_no_bound(
    tmp_path: Path, body: str
) -> None:
    assert trim(tmp_path, body) is None


def test_a_method_bounds_the_attribute_of_its_own_class_alone(tmp_path: Path) -> None:
    body = BOUNDING["while"]
    assert trim(tmp_path, body, owner="Base") is not None
    assert trim(tmp_path, body, owner="Other") is None


def test_a_bound_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    found = trim(tmp_path, "if len(self.pages) > self.limit():\n    self.pages.pop()")
    assert found == Trim(f"{tmp_path / 'app.py'}:4", None)


def test_what_may_bound_an_attribute_of_that_name_of_another_class_is_no_bound_that_is_known(
    tmp_path: Path,
) -> None:
    prune = "def prune(one):\n  if len(one.pages) > 200:\n    one.pages.pop()\n"
    other = "class Other:\n  def __init__(self):\n    self.pages = []\n"
    for source, bound in (
        (prune, 200),
        (prune + other, None),
        (prune + other.replace("Other", "Cache"), 200),
    ):
        (tmp_path / "app.py").write_text(source)
        found = trim_of("app.Cache.pages", HOME, {str(tmp_path / "app.py"): {}})
        assert found == Trim(f"{tmp_path / 'app.py'}:2", bound)


def test_the_largest_of_several_bounds_counts(tmp_path: Path) -> None:
    found = trim(tmp_path, "if len(self.pages) > 50:\n    self.pages.pop()\ndel self.pages[:-300]")
    assert found == Trim(f"{tmp_path / 'app.py'}:6", 300)


@pytest.mark.parametrize(
    ("name", "home", "source"),
    [
        pytest.param(
            "app.pages",
            Home((), ("app.py",), {}),
            "def f():\n  if len(pages) > 9:\n    pages.pop()",
            id="a module's",
        ),
        pytest.param(
            "app.pages",
            Home((), ("app.py",), {}),
            "def f():\n  global pages\n  pages = pages[-9:]",
            id="global, bound anew",
        ),
        pytest.param(
            "app.Room.by_user['ann']",
            Home(("Room",), ("app.py",), {}),
            "class Room:\n  def f(self, user):\n    lines = self.by_user.setdefault(user, [])\n  "
            "  del lines[:-9]",
            id="one of many",
        ),
        pytest.param(
            "web.Application._state['pages']",
            Home(("Application",), ("web.py",), {}),
            "def f(app):\n  while len(app['pages']) > 9:\n    app['pages'].popitem()",
            id="by a key",
        ),
        pytest.param(
            "types.SimpleNamespace.pages",
            Home(("SimpleNamespace",), (), {}),
            "def f(request):\n  if len(request.app.ctx.pages) > 9:\n    "
            "request.app.ctx.pages.clear()",
            id="of a framework's object",
        ),
        pytest.param(
            "make closure pages",
            Home(("make",), ("app.py",), {"most": 9}),
            "def make(most):\n  pages = []\n  def f():\n    del pages[:-most]\n  return f",
            id="a closure's",
        ),
        pytest.param(
            "app.cache",
            Home((), ("app.py",), {"most": 9}, ("Latest",)),
            "class Latest(dict):\n  def put(self, key):\n    if len(self) > self.most:\n      "
            "self.popitem()",
            id="a class of its own",
        ),
        pytest.param(
            "serve local recent (app.py:3)",
            Home(("serve",), ("app.py",), {}),
            "async def serve():\n  recent = []\n  while True:\n    del recent[:-9]",
            id="a coroutine's",
        ),
    ],
)
def test_a_container_is_known_by_what_it_hangs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, home: Home, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "app.py"
    file.write_text(dedent(source))
    home = Home(
        home.names, tuple(str(tmp_path / one) for one in home.files), home.numbers, home.own
    )
    found = trim_of(name, home, {str(file): {}})
    assert found is not None
    assert found.bound == 9


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(pages):\n  if len(pages) > 9:\n    pages.pop()", id="an argument"),
        pytest.param(
            "def f():\n  pages = load()\n  if len(pages) > 9:\n    pages.pop()", id="a local"
        ),
        pytest.param("class A:\n  def f(self):\n    del self.pages[:-9]", id="an attribute"),
    ],
)
def test_something_else_of_the_same_name_is_not_the_modules(tmp_path: Path, source: str) -> None:
    file = tmp_path / "app.py"
    file.write_text(source)
    assert trim_of("app.pages", Home((), (str(file),), {}), {}) is None


def test_a_source_that_cannot_be_read_bounds_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "deep.py").write_text(f"table = {' + '.join(['pages'] * 2_000)}")
    files = tuple(str(tmp_path / name) for name in ("broken.py", "deep.py", "gone.py"))
    assert trim_of("app.pages", Home((), files, {}), {}) is None
