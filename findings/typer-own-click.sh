#!/usr/bin/env bash
# typer 0.29.2 and click 8.5.1: Typer brings a copy of click and knows nothing of the installed one.
#
# Typer's commands are made by the module `typer._click`. A command of a Typer application is no
# `click.Command`, `typer.BadParameter` is no `click.ClickException`, and `click.UsageError` raised
# inside of a command is not caught: it ends as a traceback with exit status 1 instead of one line
# with status 2. It surprises because older programs import both and mix them freely.
#
# Seen: "isinstance: False, issubclass: False, click.UsageError: status 1 with a traceback,
#        typer.BadParameter: status 2".
# To do: raise and catch only the names that `typer` exports.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq typer==0.29.2 click==8.5.1

cat > program.py <<'PY'
import click
import typer

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(which: str):
    if which == "kinds":
        command = typer.main.get_command(app)
        print(f"isinstance: {isinstance(command, click.Command)}, "
              f"issubclass: {issubclass(typer.BadParameter, click.ClickException)}")
    elif which == "click":
        raise click.UsageError("not this value")
    else:
        raise typer.BadParameter("not this value")


app()
PY
kinds=$(venv/bin/python program.py kinds)
of_click=0; venv/bin/python program.py click 2> click.txt || of_click=$?
of_typer=0; venv/bin/python program.py typer 2> typer.txt || of_typer=$?
tracebacks="$(grep -c Traceback click.txt || true) $(grep -c Traceback typer.txt || true)"
if [ "$kinds; $of_click $of_typer; $tracebacks" != \
        "isinstance: False, issubclass: False; 1 2; 1 0" ]; then
    echo "changed: $kinds; statuses $of_click and $of_typer, tracebacks $tracebacks" >&2
    exit 1
fi
echo "$kinds, click.UsageError: status 1 with a traceback, typer.BadParameter: status 2"
