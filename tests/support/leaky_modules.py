"""Modules of a server in which things pile up in every way, and what the probe is to call them."""

from __future__ import annotations

APPLICATION = """
import asyncio, functools

class Room:
    def __init__(self, name):
        self.name = name
        self.door = Door()

class Door:
    pass

class Hotel:
    def __init__(self):
        self.by_name = {}

    def let(self, name):
        self.by_name[name] = Room(name)

    async def wait(self, room):
        await asyncio.sleep(600)

@functools.lru_cache(None)
def price(number):
    return number * 100

hotel = Hotel()
words = []

def say(number):
    for _ in range(number):
        words.append("%06d" % len(words) * 20)

def let(number):
    for _ in range(number):
        hotel.let("room %d" % len(hotel.by_name))

def wait_in(number):
    tasks.extend(asyncio.ensure_future(hotel.wait(Room("lobby"))) for _ in range(number))

tasks = []
"""
LEDGER = """
used = [{} for _ in range(100)]
lines, pages = [], {}

def number(count):
    return "".join(["page", str(count)])

def write(count):
    for one in range(count):
        line, page = used.pop(), number(one)
        line.update(page=page, paid="".join(["p", str(one)]), owed="".join(["o", str(one)]))  # here
        lines.append(line)
        pages[page] = line
"""
TOWN = """
import array, asyncio, atexit, collections, contextvars, functools, logging, weakref

class Person:
    pass

class Signal:
    receivers = []

class Bag(dict):
    def __len__(self):
        raise RuntimeError("nobody may ask")

@functools.lru_cache(maxsize=None)
def rendered(number):
    return str(number) * 50

class Room:
    @functools.lru_cache(maxsize=None)
    def picture(self, number):
        return [number]

def seen(number, before={}):
    before[number] = number

def called(number):
    called.calls.append(number)

called.calls = []
room = Room()
present, supposed_weak, people = weakref.WeakSet(), set(), []
by_user, counts, bag = collections.defaultdict(list), collections.Counter(), Bag()
latest, scores = collections.deque(), array.array("d")
log = logging.getLogger("town")
variable = contextvars.ContextVar("users", default=[])
begun = asyncio.Future(loop=__import__("__main__").loop)

def grow(number):
    for place in range(len(people), len(people) + number):
        one = Person()
        people.append(one)
        present.add(one)
        supposed_weak.add(one)
        Signal.receivers.append(one)
        weakref.finalize(one, print)
        by_user[place].append(one)
        counts[str(place)] += 1
        bag[place] = one
        latest.append(one)
        scores.append(place)
        rendered(place)
        room.picture(place)
        seen(place)
        called(place)
        variable.get().append(one)
        begun.add_done_callback(lambda _, one=one: one)
        atexit.register(lambda one=one: one)
        log.addHandler(logging.NullHandler())
        log.addFilter(lambda _, one=one: True)
        logging.getLogger("town.%d" % place)
"""
NAMES = {
    *(
        "town.people",
        "town.present.data",
        "town.supposed_weak",
        "town.Signal.receivers",
        "weakref.finalize._registry",
    ),
    *("town.by_user", "town.counts", "town.bag", "town.latest", "town.scores"),
    *(
        "town.rendered cache",
        "town.Room.picture cache",
        "seen.__defaults__[0]",
        "called.calls",
        "town.variable default",
    ),
    *("town.begun._callbacks", "atexit", "logging.Logger.handlers", "logging.Logger.filters"),
    "logging.Manager.loggerDict",
}
INN = """
import asyncio, contextvars, functools

class Guest: pass
class Meal: pass
class Key: pass
class Bell: pass
class Bill: pass
class Name: pass
class Wish: pass

guest = contextvars.ContextVar("guest")
errors, lists, names, wishes = [], [], {Name(): 1}, []

async def stay(key):
    guest.set(Guest())
    await asyncio.sleep(600)

async def dine():
    meal = Meal()
    await stay(Key())

def pay(bill):
    raise ValueError

async def open():
    asyncio.get_running_loop().create_task(dine())
    asyncio.get_running_loop().call_later(600, functools.partial(print, Bell()))
    wishes.append(asyncio.get_running_loop().create_future())
    wishes[0].set_result(Wish())
    try:
        pay(Bill())
    except ValueError as error:
        errors.append(error)
    await asyncio.sleep(0)
"""
CHAINS = {
    "Guest": ("task", "dine", "context <", "contextvar guest"),
    "Meal": ("task", "dine", "local meal (/inn.py:21)"),
    "Key": ("task", "dine", "awaits", "local key (/inn.py:17)"),
    "Bell": ("event loop", "._scheduled", "._callback <functools.partial>", ".args"),
    "Bill": (".errors", ".__traceback__", ".tb_next", ".tb_frame", "local bill (/inn.py:24)"),
    "Name": (".names", "key"),
    "Wish": (".wishes", "._result"),
}
LIBRARY = """
import asyncio, collections, types

MOST = 40

class Settings:
    most = 30

settings = Settings()

class Shelf:
    most = 10

    def __init__(self, most):
        self.most = most
        self.books = {}

class Latest(collections.OrderedDict):
    limit = 5

class Task:
    pass

def reader(most):
    read = []
    def note(book):
        read.append(book)
        del read[:-most]
    return note

shelf, latest, titles, note = Shelf(20), Latest(), [], reader(7)
state, job = types.SimpleNamespace(pages={}), Task()

def grow():
    shelf.books[1] = latest[1] = 1
    titles.append("title")
    note("book")
    state.pages[1] = 1
    job.pages = [1]
"""
