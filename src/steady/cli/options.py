"""Options that several commands take."""

import click

CONFIG = click.option(
    "--config",
    "config",
    metavar="FILE",
    default=None,
    help="The steady.yaml to use. Else $STEADY_CONFIG, the nearest steady.yaml upward, or what ships.",
)
