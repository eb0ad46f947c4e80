"""A small declarative document."""

from __future__ import annotations

from typing import Final

DOCUMENT: Final = """_format_version: "3.0"
services:
- name: s
  url: tcp://127.0.0.1:9
  routes:
  - {name: r, protocols: [tls], snis: [r.test]}
  plugins:
  - {name: ip-restriction, config: {deny: [10.0.0.1]}}
"""
