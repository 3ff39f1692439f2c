"""What refers to an object, as a graph in the DOT language, drawn by objgraph.

objgraph is one file of pure Python. The harness names the file; it is loaded under a private name,
while a leak is explained and never at rest. Where it cannot be loaded there is no graph.

As it comes, objgraph asks objects for their `repr`, their class and their attributes, which runs
code of the server. So the copy that is loaded here gets other functions for what it writes at a
node or an edge, and only its walk and its drawing are used.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Container, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from time import monotonic
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any, Dict, List, Set

from . import heap, looking, naming, own_threads, reference_names

MAX_DEPTH = 12
MAX_BREADTH = 4
MAX_EXPANDED = 14
"""Objects whose referrers are looked up: each time, the collector goes through the whole heap."""
MAX_DOT_CHARS = 16_000
MAX_LABEL_CHARS = 60
LIMIT_S = 3.0
"""For all graphs of one answer."""
_FOLDERS = re.compile(r"(?<=\()[^)]*/")
"""Of the file in which a local is."""
_MODULE = f"{naming.OWN}_objgraph"


def load(file: str) -> Any:
    """A private copy of objgraph from its source file; None where it cannot be loaded."""
    spec = spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception:  # noqa: BLE001 - another Python, another release: there is no graph then
        return None
    return module if callable(getattr(module, "show_backrefs", None)) else None


def draw(file: str, chains: Mapping[str, List[int]]) -> Dict[str, str]:
    """Graphs in DOT, by the keys of `chains`.

    Args:
        file: the source file of objgraph.
        chains: identities of the objects from a root down to the one in question, which is last.
            They are marked in the graph.
    """
    objgraph = load(file) if file and chains else None
    if objgraph is None:
        return {}
    wanted = {number for chain in chains.values() for number in chain}
    objects = _objects(wanted)
    until_s, graphs = monotonic() + LIMIT_S, {}
    for key, chain in chains.items():
        target = objects.get(chain[-1])
        if target is not None and monotonic() < until_s:
            dot = _Drawing(objgraph, chain, {id(objects)}, until_s).of(target)
            if len(dot) <= MAX_DOT_CHARS:
                graphs[key] = dot
    return graphs


def _objects(wanted: Container[int]) -> Dict[int, Any]:
    objects: Dict[int, Any] = {}
    for items in heap.slices():
        for item in items:
            if id(item) in wanted:
                objects[id(item)] = item
    return objects


class _Drawing:
    """One graph; it stands in for what objgraph would ask of objects."""

    def __init__(self, objgraph: Any, chain: List[int], ours: Set[int], until_s: float) -> None:
        self._objgraph = objgraph
        self._chain = frozenset(chain)
        self._root = chain[0] if len(chain) > 1 else 0
        self._ours = ours
        self._until_s = until_s
        self._numbers: Dict[int, int] = {}
        self._globals = heap.module_dicts()
        self._expanded = 0
        objgraph.gc = SimpleNamespace(get_referrers=self._referrers, collect=int)
        objgraph.inspect = SimpleNamespace(ismodule=_is_module)
        objgraph.getattr = looking.attribute
        objgraph.hasattr = _has_not
        objgraph.is_proper_module = self._is_end
        objgraph._obj_node_id = self._node
        objgraph._obj_label = _label
        objgraph._edge_label = _edge

    def of(self, target: Any) -> str:
        """The graph around an object, with the names of a chain's objects in their order."""
        output = StringIO()
        self._objgraph.show_backrefs(
            [target],
            max_depth=MAX_DEPTH,
            too_many=MAX_BREADTH,
            filter=self._is_shown,
            highlight=self._is_marked,
            output=output,
        )
        return output.getvalue()

    def _referrers(self, target: object) -> List[Any]:
        """Those of the chain first, so that they are among the few that are shown."""
        self._expanded += 1
        own_threads.pause(0)
        referrers = gc.get_referrers(target)
        if id(target) in self._globals:  # each function of a module refers to its globals
            referrers = [item for item in referrers if _is_module(item)]
        self._ours.add(id(referrers))
        return sorted(referrers, key=lambda item: id(item) not in self._chain)

    def _is_shown(self, item: object) -> bool:
        if id(item) in self._ours:
            return False
        if type(item) is FrameType:
            return not looking.text(item.f_globals.get("__name__"), "").startswith(naming.OWN)
        kind = type(item)
        return not looking.module_name(kind).startswith(naming.OWN)

    def _is_end(self, item: object) -> bool:
        """Whether to look for no referrers of an object: above the chain's root, and of what is not
        in the chain, they lead through the loop to everything.
        """
        is_over = self._expanded >= MAX_EXPANDED or monotonic() > self._until_s
        is_beyond = id(item) not in self._chain or id(item) == self._root
        return is_over or is_beyond or _is_module(item)

    def _is_marked(self, item: object) -> bool:
        return id(item) in self._chain

    def _node(self, item: object) -> str:
        return f"n{self._numbers.setdefault(id(item), len(self._numbers))}"


def _is_module(item: object) -> bool:
    return issubclass(type(item), ModuleType)


def _has_not(*_: object) -> bool:
    """For whether a class has a finalizer: that is not drawn."""
    return False


def _label(item: object, *_: object) -> str:
    """The type of an object, or its own name, and of a plain container how many entries it has."""
    if _is_module(item):
        words = f"module {looking.text(looking.module_globals(item).get('__name__'))}"
    else:
        words = naming.name_of(item)
        words = words[len("builtins.") :] if words.startswith("builtins.") else words
    for kind in (dict, list, tuple, set):
        if type(item) is kind:
            words += f"\n{len(item)} entries"
    return _quoted(words)


def _edge(source: object, target: object, *_: object) -> str:
    """How one object refers to the next, as in a chain."""
    try:
        words = reference_names.link([source, target])
    except Exception as error:  # noqa: BLE001 - an edge without a name is still an edge
        words = looking.reason_of(error)
    return f' [label="{_quoted(_FOLDERS.sub("", words))}"]'


def _quoted(words: str) -> str:
    shown = words.strip()[:MAX_LABEL_CHARS]
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\0", "")
