"""Objects that lie, raise or never answer when they are asked."""

import asyncio
import collections
import functools
import sys
import threading
import types
from unittest import mock

ran = []
armed = []


def trap(name):
    def run(*args, **kwargs):
        if armed:
            ran.append(name)
            raise RuntimeError(name)
        return args[0] if name in ("__getattribute__",) else 0

    return run


def looked(self, name):
    if armed:
        ran.append(name)
        raise RuntimeError(name)
    return object.__getattribute__(self, name)


class Meta(type):
    def __getattribute__(cls, name):
        if armed:
            ran.append("Meta." + name)
            raise RuntimeError(name)
        return type.__getattribute__(cls, name)

    def __instancecheck__(cls, one):
        ran.append("__instancecheck__")
        raise RuntimeError

    __subclasscheck__ = __instancecheck__

    def __hash__(cls):
        if armed:
            ran.append("Meta.__hash__")
            raise RuntimeError
        return type.__hash__(cls)

    def __eq__(cls, other):
        if armed:
            ran.append("Meta.__eq__")
            raise RuntimeError
        return cls is other

    __repr__ = __len__ = trap("Meta.__repr__")


TRAPS = {
    name: trap(name)
    for name in (
        "__len__",
        "__hash__",
        "__eq__",
        "__repr__",
        "__str__",
        "__bool__",
        "__sizeof__",
        "__iter__",
        "__getattr__",
        "__contains__",
        "__dir__",
        "__reduce__",
        "__index__",
        "__format__",
        "__lt__",
    )
}


def kind(name, bases=(object,), meta=type, **more):
    return meta(name, bases, {**TRAPS, "__module__": "hostile", **more})


class Forever:
    def __len__(self):
        while armed:
            ran.append("for ever")

    __hash__ = __eq__ = __repr__ = __sizeof__ = __len__
    __class__ = property(__len__)
    __dict__ = property(__len__)


class Lies:
    @property
    def __class__(self):
        return trap("__class__")() or dict


class Slots:
    __slots__ = ("__weakref__", "a", "b")


class Proxy:
    """As werkzeug's and wrapt's: all is somebody else's."""

    __slots__ = ("_of",)
    __class__ = property(trap("__class__"))
    __dict__ = property(trap("__dict__"))
    __module__ = property(trap("__module__"))
    __getattr__ = __len__ = __iter__ = __bool__ = trap("proxy")

    def __getattribute__(self, name):
        return looked(self, name)


class Odd(mock.MagicMock):
    pass


class Text(str):
    __slots__ = ()
    __str__ = __repr__ = __format__ = __hash__ = trap("Text")


class Broken(types.ModuleType):
    __getattr__ = trap("module")

    def __getattribute__(self, name):
        return looked(self, name) if armed else types.ModuleType.__getattribute__(self, name)

    __dict__ = property(trap("module.__dict__"))


kinds = {
    "plain": kind("Plain"),
    "lists": kind("Lists", (list,)),
    "dicts": kind("Dicts", (dict,)),
    "ordered": kind("Ordered", (collections.OrderedDict,)),
    "deques": kind("Deques", (collections.deque,), maxlen=property(trap("maxlen"))),
    "errors": kind("Errors", (Exception,)),
    "getter": kind("Getter", __getattribute__=looked),
    "nameless": kind("Nameless", __module__=5),
    "propertied": kind(
        "Propertied", __module__=property(trap("__module__")), __dict__=property(trap("__dict__"))
    ),
    "meta": kind("MetaMade", meta=Meta),
    "metalists": kind("MetaLists", (list,), meta=Meta),
}
kept = []
big, more = kinds["lists"](), kinds["metalists"]()


def build():
    for name, one in kinds.items():
        kept.append([one() for _ in range(3)])
    for one in (Forever, Lies, Slots, Proxy):
        kept.append([one() for _ in range(3)])
    kept.append([mock.MagicMock(), mock.Mock(spec=dict), mock.MagicMock(__class__=dict), Odd()])
    kept.append(
        [
            object.__new__(threading.Thread),
            types.ModuleType.__new__(types.ModuleType),
            Text("x" * 500),
        ]
    )
    kept.append([asyncio.Future.__new__(asyncio.Future), asyncio.Task.__new__(asyncio.Task)])
    cache = functools.lru_cache(9)(functools.partial(int, base=7))
    cache("12")
    cache.__dict__["cache_info"] = trap("cache_info")
    kept.append(cache)
    list.extend(big, range(100))
    list.extend(more, range(60))
    sys.modules["hostile.broken"] = Broken("hostile.broken")
    sys.modules["hostile.raises"] = raises = types.ModuleType("hostile.raises")
    raises.__getattr__ = trap("module __getattr__")
    sys.modules["hostile.proxy"] = Proxy()
    sys.modules["hostile.none"] = None
    sys.modules["hostile.number"] = 7
    sys.modules[5] = types.ModuleType("five")
    sys.modules["hostile.half"] = types.ModuleType.__new__(types.ModuleType)


class OddTask(asyncio.Task):
    done = get_loop = get_coro = get_name = trap("task")


class OddThread(threading.Thread):
    ident = property(trap("ident"))

    def __getattribute__(self, name):
        return looked(self, name) if armed else threading.Thread.__getattribute__(self, name)


def start(loop):
    async def wait(value):
        await asyncio.sleep(3600)

    async def begin():
        kept.append(
            [asyncio.ensure_future(wait(kinds["plain"]())), asyncio.ensure_future(wait(Proxy()))]
        )
        loop.set_task_factory(lambda loop, coroutine, **more: OddTask(coroutine, loop=loop))
        kept.append([loop.create_task(wait(kinds["meta"]()))])
        loop.set_task_factory(None)

    asyncio.run_coroutine_threadsafe(begin(), loop).result(30)


class Held:
    pass


leaked = []
registry = {}


def leak(number):
    for _ in range(number):
        one = Held()
        one.inner = [kinds["plain"](), Proxy(), kinds["meta"](), kinds["propertied"]()]
        leaked.append(kinds["getter"]())
        registry[len(registry)] = one
