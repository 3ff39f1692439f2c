"""One person is kept in every kind of container."""

import array
import asyncio
import atexit
import collections
import contextvars
import functools
import logging
import weakref


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
