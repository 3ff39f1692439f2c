"""Found first on PYTHONPATH by each Python of the server: starts the probe, then runs the
sitecustomize that it hides.

Tools that the server calls may run on an older Python and read this file too: it keeps to the
syntax of Python 3.5.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location

MODULE = "_leak_harness_probe"
INJECTED = __file__.rpartition("/")[0]
PROBE = INJECTED.rpartition("/")[0]


def start_probe(folder: str) -> None:
    """Load the probe by its path, under a name that no server uses, and let it listen in
    `folder`.
    """

    def report(error: BaseException) -> None:
        tell(folder, error)

    try:
        if sys.version_info < (3, 9):
            raise RuntimeError(
                "the probe needs Python 3.9 or later, this is %s" % sys.version.split()[0]
            )
        if MODULE not in sys.modules:  # else an earlier run has put it into this process
            spec = spec_from_file_location(
                MODULE, PROBE + "/__init__.py", submodule_search_locations=[PROBE]
            )
            if spec is None or spec.loader is None:
                raise ImportError("no probe in %s" % PROBE)
            sys.modules[MODULE] = module_from_spec(spec)
            spec.loader.exec_module(sys.modules[MODULE])
        __import__(MODULE + ".start", fromlist=["start"]).start(folder, report)
    except Exception as error:  # noqa: BLE001 - the server must start whatever is wrong with the probe
        report(error)


def tell(folder: str, error: BaseException) -> None:
    """Leave word for the harness, where the folder still takes it."""
    from traceback import format_exception  # noqa: PLC0415 - dear, and hardly ever needed

    text = "".join(format_exception(type(error), error, error.__traceback__))
    try:
        file = os.open(
            "%s/%d.error" % (folder, os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
        )
    except OSError:
        return
    os.write(file, text.encode("utf-8", "backslashreplace"))
    os.close(file)


def run_hidden() -> None:
    """Run the sitecustomize that would have been found without ours, as itself; what it raises
    is Python's to tell.
    """
    spec = PathFinder.find_spec(
        "sitecustomize", [entry for entry in sys.path if entry.rstrip("/") != INJECTED]
    )
    if spec is None or spec.loader is None:
        return
    sys.modules["sitecustomize"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["sitecustomize"])


if (
    __name__ == "sitecustomize"
):  # else a server that runs already has loaded this, and starts the probe itself
    if os.environ.get("LEAK_HARNESS_PROBE"):
        start_probe(os.environ["LEAK_HARNESS_PROBE"])
    run_hidden()
