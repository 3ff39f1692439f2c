"""Objects that tasks, timers, errors and futures hold."""

import asyncio
import contextvars
import functools


class Guest:
    pass


class Meal:
    pass


class Key:
    pass


class Bell:
    pass


class Bill:
    pass


class Name:
    pass


class Wish:
    pass


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
