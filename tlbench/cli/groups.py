"""Groups of commands."""

import click

from tlbench.core.errors import nearest


class Group(click.Group):
    """Answers a command that does not exist with the nearest, or with all that do."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first. Raises click.UsageError if there is none."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}; {nearest(args[0], known, 'commands')}")
        return super().resolve_command(ctx, args)
