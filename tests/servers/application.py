"""A hotel whose rooms, words and tasks pile up."""

import asyncio
import functools


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
