"""The command line: the commands there are, and how each of their errors is told."""

import errno
import sys
from typing import Any

import click

from commands.console import Commands
from commands.data import data_commands
from commands.doctor import doctor
from commands.evaluate import evaluate
from commands.rules import rule_commands
from commands.run import audit, backtest, explain, tradability
from commands.signals import signal_commands
from commands.train import train
from feeds.errors import HuiceError

UNUSABLE = {
    errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR,
}  # fmt: skip


class Main(Commands):
    """A group whose errors are one line on standard error and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
            sys.exit(code if isinstance(code, int) else 0)
        except click.exceptions.NoArgsIsHelpError as asked:
            click.echo(asked.format_message())
            sys.exit(2)
        except click.NoSuchOption as refused:
            near = f" (did you mean {refused.possibilities[0]}?)" if refused.possibilities else ""
            self.refuse(f"option must be one that --help lists, was {refused.option_name}{near}")
        except click.MissingParameter as refused:
            name = refused.param.opts[-1] if refused.param and refused.param.opts else "argument"
            self.refuse(f"{name if name.startswith('-') else name.upper()} must be given, was missing")
        except click.ClickException as refused:
            self.refuse(refused.format_message())
        except HuiceError as refused:
            self.refuse(str(refused))
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted: what was finished is kept, the same command goes on from there", err=True)
            sys.exit(130)
        except OSError as problem:
            if problem.errno not in UNUSABLE:
                raise
            self.refuse(f"folder must be writable and have free space, was {problem.filename} ({problem.strerror})")
        except UnicodeEncodeError as problem:
            self.refuse(f"text must fit the terminal's encoding (try PYTHONUTF8=1), was {problem.encoding}")

    @staticmethod
    def refuse(text: str) -> None:
        click.echo(f"error: {' '.join(text.split())}", err=True)
        sys.exit(2)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="huice")
def main() -> None:
    """Backtests of model scores on Chinese A-shares against a market that refuses.

    The quickest start:  huice backtest --strategy top10 --signal lstm_thoughts
    """


for command in (
    audit, backtest, data_commands, doctor, evaluate, explain, rule_commands, signal_commands, tradability, train,
):  # fmt: skip
    main.add_command(command)


if __name__ == "__main__":
    main()
