"""The tree of errors and the exit statuses.

HarnessError
├─ UsageError     what was asked for cannot be done, or the scenario is wrong
├─ ServerError    the server under test did not start, died, or could not be reached
├─ SessionError   one session missed what its script expects; counted, fatal above a share
├─ ProbeError     the probe is silent; the run goes on without it and says so
└─ RecordError    a run folder cannot be written or read

Every error says what happened, the likely reason, and what to do next. A leak is a finding, not an
error.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final


class ExitStatus(IntEnum):
    """What the process returns; CI reads these."""

    FLAT = 0
    LEAK = 1
    USAGE = 2
    INCONCLUSIVE = 3
    SERVER_FAILED = 4
    HARNESS_FAILED = 5
    INTERRUPTED = 130


GIT_SKIPPED: Final = 125
"""The status at which `git bisect run` tries another commit."""
GIT_ABORTED: Final = 255
"""The status at which `git bisect run` gives up. Most others mean that the commit is bad."""


class HarnessError(Exception):
    """Anything that the harness can explain to its user."""

    exit_status: ClassVar[ExitStatus] = ExitStatus.HARNESS_FAILED
    page: ClassVar[str] = ""
    """The page of the documentation about it, below `docs/`; empty where there is none."""

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        what = what.encode(errors="backslashreplace").decode()  # a server may send half a character
        super().__init__(what, why, hint)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return "\n  ".join(part for part in (self.what, self.why, self.hint) if part)


class UsageError(HarnessError):
    """The command line or configuration asks for something that cannot be done."""

    exit_status = ExitStatus.USAGE


class ScenarioNotFound(UsageError):
    """No file, or no scenario of that name."""


class ScenarioInvalid(UsageError):
    """The scenario file does not load, or holds no scenario, or asks for the impossible."""

    page = "reference/scenarios.md"


class ScriptFailed(UsageError):
    """The scenario's own code is wrong: it raised, or it left an action without `await`."""

    page = "reference/scenarios.md"


class FaultInvalid(UsageError):
    """A file among the embedded server's faults is not a fault."""


class ExtensionInvalid(UsageError):
    """A file that was added to a folder of the package does not fit in there."""

    page = "architecture.md#add-one-thing-one-file-each"


class UnknownProtocol(UsageError):
    """No chat protocol has that name."""

    page = "reference/scenarios.md#what-each-protocol-adds"


class ConfigInvalid(UsageError):
    """A configuration file is no TOML, or says what cannot be."""

    page = "reference/configuration.md"


class ServerError(HarnessError):
    """The server under test failed; there is nothing to judge, or only part of it."""

    exit_status = ExitStatus.SERVER_FAILED
    page = "troubleshooting.md#sessions-fail"


class ServerNotReady(ServerError):
    """It started, and no WebSocket handshake succeeded in time."""

    page = "troubleshooting.md#the-server-is-not-ready"


class ServerExited(ServerError):
    """The server's process is gone."""

    page = "troubleshooting.md#the-server-is-not-ready"


class NoSuchProcess(ServerError):
    """No process has that id."""

    page = "how-to/running-server.md"


class NotPermitted(ServerError):
    """Its memory may not be read by this user."""

    page = "how-to/running-server.md"


class OutOfMemoryGuard(ServerError):
    """The memory guard has ended the server: it, the machine or the harness was over a limit."""

    page = "troubleshooting.md#the-run-stopped-with-unconfirmed"


class NoMetrics(ServerError):
    """A remote server does not say how much memory it holds."""

    page = "how-to/remote.md"


class SessionError(HarnessError):
    """One session did not do what its script says."""

    exit_status = ExitStatus.SERVER_FAILED
    page = "troubleshooting.md#sessions-fail"


class HandshakeRefused(SessionError):
    """The WebSocket handshake failed, or was answered with another status than expected."""


class ConnectionLost(SessionError):
    """The server closed or reset the connection in the middle of the script."""


class ProtocolViolation(SessionError):
    """The server said something that the chat protocol does not allow, or reported an error."""


class NoReply(SessionError):
    """The wanted answer did not come within the scenario's own limit."""


class CheckFailed(SessionError):
    """An `assert` of the script does not hold of what the server said."""


class ProbeError(HarnessError):
    """The probe does not answer."""

    page = "troubleshooting.md#the-probe-is-silent"


class ProbeSilent(ProbeError):
    """No probe greeted, or it stopped answering."""


class ProbeVersionMismatch(ProbeError):
    """The probe in the server speaks another version of the wire."""


class RecordError(HarnessError):
    """A run folder cannot be written or read."""

    exit_status = ExitStatus.USAGE


class RecordNotWritable(RecordError):
    """The run folder takes no more data (disk full, no permission)."""


class RecordLost(RecordNotWritable):
    """A run that has begun cannot write what it measured or decided."""

    exit_status = ExitStatus.HARNESS_FAILED


class ReportsIncomplete(HarnessError):
    """The result is written, and a report of it is not."""


class OutputLost(HarnessError):
    """Standard output takes no more text."""


class UnknownSchema(RecordError):
    """The record was written by a version of the harness that this one does not know."""


class RecordDamaged(RecordError):
    """The record holds a line that is not a record line, before its last."""


class NotARun(RecordError):
    """There is no record at that place."""


class NotASeries(RecordError):
    """A table without the columns of a series."""
