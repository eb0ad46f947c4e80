"""`pre-function`: Python out of the configuration file. Kong's plugin of that name, in this house's language.

It runs as the worker, with all that the worker may do: there is no sandbox. That is why it is for the configuration
file only, whose author may do all of this anyway, and why the Admin API refuses it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

from ...shared.plugin import Hook, Plugin, Session, at_least_one_of, setting

PHASES: Final = ("certificate", "preread", "connected", "log")


class PreFunction(Plugin):
    """Runs the configuration's own Python for every session, without a sandbox."""

    version = "1.0.0"
    priority = 1000000
    checks = (at_least_one_of("init", *PHASES),)
    file_only = True

    @dataclass(frozen=True, slots=True)
    class Config:
        """Expressions or statements, run in their order; `session`, `worker` and `ctx` are theirs."""

        init: tuple[str, ...] = setting((), doc="Once, at the start: imports, functions, tables.")
        certificate: tuple[str, ...] = setting((), doc="Before TLS is terminated; where written in `stream {}`.")
        preread: tuple[str, ...] = setting((), doc="When the route is known; an expression that is False refuses.")
        connected: tuple[str, ...] = setting((), doc="When the upstream stands.")
        log: tuple[str, ...] = setting((), doc="When the session is over.")

    config: Config
    names: dict[str, Any]
    """The globals of all of them."""
    _codes: dict[str, tuple[CodeType, ...]]

    def configure(self) -> None:
        """Compile everything and run `init`."""
        if self.worker.place.startswith("record "):
            raise ValueError("it is for the configuration file only")
        self._codes = {
            phase: tuple(
                compiled(text, f"{phase} {number}") for number, text in enumerate(getattr(self.config, phase), 1)
            )
            for phase in ("init", *PHASES)
        }
        self.names = {"__name__": "pre_function", "worker": self.worker}
        for code in self._codes["init"]:
            if code.co_flags & inspect.CO_COROUTINE:
                raise ValueError("init cannot await")
            self.evaluate(code, self.names)

    def certificate(self, session: Session) -> Hook:
        """Run what is to decide before the handshake."""
        return self.decide("certificate", session)

    def preread(self, session: Session) -> Hook:
        """Run what is to decide where the session goes."""
        return self.decide("preread", session)

    def connected(self, session: Session) -> None:
        """Run what looks at sessions that have begun."""
        for code in self._codes["connected"]:
            self.evaluate(code, self.local(session))

    def log(self, session: Session) -> Hook:
        """Run what looks at sessions that are over."""
        return self.run(self._codes["log"], session, "")

    def decide(self, phase: str, session: Session) -> Hook:
        """Run a phase that may end the session."""
        return self.run(self._codes[phase], session, phase)

    def run(self, codes: tuple[CodeType, ...], session: Session, deciding: str) -> Hook:
        """Run codes; what has to be awaited of the first async one, and of all behind it."""
        names = self.local(session) if codes else {}
        for number, code in enumerate(codes):
            found = self.evaluate(code, names)
            if code.co_flags & inspect.CO_COROUTINE:
                return self.awaited(found, codes[number + 1 :], session, deciding)
            if judged(found, session, deciding):
                break
        return None

    async def awaited(
        self, work: Awaitable[Any], others: tuple[CodeType, ...], session: Session, deciding: str
    ) -> None:
        """The rest of a phase that has an async code."""
        if judged(await work, session, deciding):
            return
        more = self.run(others, session, deciding)
        if more is not None:
            await more

    def local(self, session: Session) -> dict[str, Any]:
        """The names that codes see: those of `init`, and the session's."""
        return {**self.names, "session": session, "ctx": session.ctx}

    def evaluate(self, code: CodeType, names: dict[str, Any]) -> Any:
        """Run one code: the value of an expression, None of statements, a coroutine of what awaits."""
        return eval(code, names)


def compiled(text: str, place: str) -> CodeType:
    """An expression, or else statements; raises ValueError with the line inside of the text."""
    name = f"<pre-function {place}>"
    text = inspect.cleandoc(text)
    code: CodeType
    try:
        code = compile(text, name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError:
        try:
            code = compile(text, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except SyntaxError as error:
            raise ValueError(f"{place}: line {error.lineno}: {error.msg}: {(error.text or '').strip()}") from None
    return code


def judged(found: Any, session: Session, deciding: str) -> bool:
    """Refuse the session of an expression that is False; whether that ended it."""
    if found is not False or not deciding:
        return False
    session.refuse(f"{deciding} is False", word="denied")
    return True
