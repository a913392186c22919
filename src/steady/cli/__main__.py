"""`python -m steady.cli` is `steady`."""

from steady.cli.main import main

main()
