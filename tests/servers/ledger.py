"""Records that one list and one dict hold."""

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
