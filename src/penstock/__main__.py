"""`python -m penstock` is the `penstock` command."""

from penstock.master.cli import main

main()
