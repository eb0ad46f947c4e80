"""A plugin for tests that does what clients tell it: the first line of a plain session, the first label of an SNI."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from penstock.plugin import LogPath, Plugin, Session

from ._greeting import GREETING


class Puppet(Plugin):
    """Does as it is told."""

    version = "2.0.0"
    name = "puppet"
    priority = 500

    @dataclass(frozen=True, slots=True)
    class Config:
        """Where it tells what it saw."""

        path: LogPath
        mark: str = "global"

    config: Config

    def init_worker(self) -> None:
        self.told({"phase": "init_worker", "mark": self.config.mark})

    async def certificate(self, session: Session) -> None:
        session.ctx["certificate"] = True
        if (session.sni or "").startswith("wait."):
            await asyncio.sleep(0.05)
            session.ctx["hello"] = len(session.first_bytes)
        if (session.sni or "").startswith("early."):
            session.refuse("too early", word="denied")

    async def preread(self, session: Session) -> None:
        word, *rest = self.order(session)
        await getattr(self, f"do_{word}", self.do_nothing)(session, *rest)

    def connected(self, session: Session) -> None:
        session.ctx["connected"] = session.status

    def log(self, session: Session) -> None:
        if self.order(session)[0] == "logfails":
            raise RuntimeError("no log today")
        self.told({"phase": "log", "mark": self.config.mark, "ctx": session.ctx, "record": session.record()})

    def order(self, session: Session) -> list[str]:
        if session.sni:
            return session.sni.split(".")[:1]
        if "order" not in session.ctx:
            session.ctx["order"] = session.first_bytes.decode("latin-1").split() or ["nothing"]
        order: list[str] = session.ctx["order"]
        return order

    def told(self, what: object) -> None:
        with Path(self.config.path).open("a") as file:
            file.write(json.dumps(what) + "\n")

    async def do_nothing(self, session: Session, *_: str) -> None:
        pass

    async def do_look(self, session: Session, *_: str) -> None:
        session.ctx["seen"] = {
            "client": [session.client_addr, session.client_port],
            "server": [session.server_addr, session.server_port],
            "listener": session.listener,
            "route": session.route,
            "service": session.service,
            "tls": [session.is_tls, session.sni, session.alpn, session.tls_versions[:1], session.tls is not None],
            "ciphers": len(session.ciphers),
            "ja4": session.ja4,
            "first": len(session.first_bytes),
            "variable": session.variable("protocol"),
            "mapped": session.text("<$mapped>"),
        }

    async def do_refuse(self, session: Session, *_: str) -> None:
        session.refuse("told to", word="denied", status=503, last=GREETING)

    async def do_answer(self, session: Session, *_: str) -> None:
        session.answer(b"answered\n")

    async def do_service(self, session: Session, name: str = "other", *_: str) -> None:
        session.set_service(name)

    async def do_upstream(self, session: Session, name: str = "pool", *_: str) -> None:
        session.set_upstream(name)

    async def do_target(self, session: Session, host: str, port: str, *_: str) -> None:
        session.set_target(host, int(port))

    async def do_tls(self, session: Session, port: str, *_: str) -> None:
        session.set_target("127.0.0.1", int(port))
        session.set_tls(True, verify=False, sni="peer.test")

    async def do_idle(self, session: Session, seconds: str, *_: str) -> None:
        session.set_timeouts(idle=float(seconds))

    async def do_rate(self, session: Session, rate: str, *_: str) -> None:
        session.set_rates(download=int(rate))

    async def do_field(self, session: Session, *_: str) -> None:
        session.add_field("puppet.told", [1, 2])
        session.add_field("client_ip", None)

    async def do_raise(self, *_: object) -> None:
        raise ZeroDivisionError("on purpose")

    async def do_sleep(self, _session: Session, seconds: str = "30", *_: str) -> None:
        await asyncio.sleep(float(seconds))

    async def do_cancel(self, *_: object) -> None:
        raise asyncio.CancelledError


class Sleeper(Plugin):
    """Blocks the loop when it is told to; plain, and before the other."""

    name = "sleeper"
    priority = 600

    def preread(self, session: Session) -> None:
        if session.first_bytes.startswith(b"block"):
            time.sleep(0.06)  # the fault itself: more than the 50 ms a plain hook may take unnoticed
        elif session.first_bytes.startswith(b"plainraise"):
            raise KeyError("plain")
