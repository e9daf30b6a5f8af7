"""A child process that does not outlive us, even when we are killed without a word.

On Linux the kernel does it: ``setpriv --pdeathsig`` asks for a signal when the parent dies. It is set by a program of
its own, after any change of user, because such a change would clear it. Elsewhere a small shell holds the reading end
of a pipe whose writing end is ours: when we die the pipe closes, and the shell sends the signal.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import IO

# $$ stays the number of the main shell in the sub-shell: the process that `exec` then turns into the command.
_LIFELINE_SCRIPT = 'sent=$1; shift; (read -r _; kill -s "$sent" $$) <&0 >/dev/null 2>&1 & exec "$@" </dev/null'

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class BoundProcess:
    """A running child, in a session of its own, so that Ctrl-C in the terminal reaches us and not it.

    Start it from the main thread: the kernel takes the end of the starting thread for the death of the parent.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        last_signal: signal.Signals = signal.SIGTERM,
        before: Sequence[str] = (),
        output: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command`; `last_signal` is what it gets when we die; `before` is a prefix that changes the user."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a bound process must be started from the main thread")
        words = [os.fspath(word) for word in command]
        self._lifeline: int | None = None
        if kernel_watches_parents():
            stdin: int = subprocess.DEVNULL
            argv = [*before, "setpriv", "--pdeathsig", last_signal.name.removeprefix("SIG"), "--", *words]
        else:
            stdin, self._lifeline = os.pipe()
            argv = [*before, "/bin/sh", "-c", _LIFELINE_SCRIPT, "sh", last_signal.name.removeprefix("SIG"), *words]
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=output if output is not None else subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        finally:
            if self._lifeline is not None:
                os.close(stdin)

    @property
    def pid(self) -> int:
        """The number of the command itself: what comes before it is replaced by it."""
        return self._process.pid

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._cut_lifeline()
        return code

    def wait(self, *, timeout_seconds: float) -> int | None:
        """Wait for the end; None if it still runs after that time."""
        try:
            self._process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            return None
        return self.poll()

    def send(self, sent: signal.Signals) -> None:
        """Send a signal to the command alone."""
        self._process.send_signal(sent)

    def kill_group(self) -> None:
        """Kill whatever is left of the command and of the processes it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left; macOS says it with the second
            os.killpg(self.pid, signal.SIGKILL)
        if self._process.poll() is None:
            self._process.wait()
        self._cut_lifeline()

    def _cut_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


def end_with_parent(sent: signal.Signals = signal.SIGTERM) -> None:
    """The same, asked by a child that somebody else starts; to be called first thing in it, from its main thread."""
    parent = os.getppid()
    if sys.platform.startswith("linux"):
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(sent))
            if os.getppid() != parent:  # it died meanwhile
                os.kill(os.getpid(), sent)
            return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), sent)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


@cache
def kernel_watches_parents() -> bool:
    """Whether ``setpriv --pdeathsig`` is there to be used."""
    if not sys.platform.startswith("linux") or shutil.which("setpriv") is None:
        return False
    probe = subprocess.run(["setpriv", "--pdeathsig", "TERM", "--", "true"], capture_output=True, check=False)
    return probe.returncode == 0
