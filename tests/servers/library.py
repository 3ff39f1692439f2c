"""Containers whose bounds are written in other places than where they grow."""

import collections
import types

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
