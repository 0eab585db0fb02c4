"""`python -m lodestone` is the command `lodestone`."""

from __future__ import annotations

from lodestone.cli import main

if __name__ == "__main__":
    main(prog_name="lodestone")
