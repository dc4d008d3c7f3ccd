"""The accounts of the settings file: add one, list them, check whether each can call its upstream.

    python3 scripts/accounts.py add me@example.com                              asks for an API key
    python3 scripts/accounts.py add bot --credentials bot.json --upstream vertex --project my-project --location global
    python3 scripts/accounts.py list
    python3 scripts/accounts.py check
    python3 scripts/accounts.py remove bot

Any Python 3 can start it; see bootstrap.py. What it does is in commands/account_commands.py.
"""

import argparse
import os
import sys

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap, serve

KEY_HELP = "The key is asked for and not shown; env:NAME in its place names an environment variable that holds it."


def parse(argv: "list[str]") -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="accounts.py", description="The accounts of the gateway's settings file.")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: the one that serve.py takes)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    add = commands.add_parser("add", help="add an account", description="Add an account. " + KEY_HELP)
    add.add_argument("label", nargs="?", help="what the account is to be called, an e-mail address for instance")
    add.add_argument("--credentials", metavar="FILE", help="credentials file of Google's, or adc, in place of a key")
    add.add_argument("--upstream", choices=("gemini", "vertex", "code-assist"), default="gemini")
    add.add_argument("--project", help="Google Cloud project")
    add.add_argument("--location", help="for vertex: global, us, eu, europe-west4, ...")
    add.add_argument("--base-url", metavar="URL", help="another base of the upstream")
    add.add_argument(
        "--models", metavar="PATTERN", nargs="+", action="extend", help="what the account may serve (default: all)"
    )
    remove = commands.add_parser("remove", help="take an account out of the settings file")
    remove.add_argument("label", help="as list shows it")
    commands.add_parser("list", help="show the accounts")
    check = commands.add_parser("check", help="call the upstream of each account")
    check.add_argument("--upstream", default=serve.UPSTREAM, metavar="URL", help="base URL for accounts of gemini")
    check.add_argument("--model", help="to count tokens with (default: the newest flash model that is known)")
    options = parser.parse_args(argv)
    if not options.command:
        parser.error("a command is needed: add, list, check or remove")
    if options.command == "add" and options.label is None:
        if len(options.models or []) < 2:
            add.error("the label of the account is missing")
        options.label = options.models.pop()  # it stood after the patterns
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        bootstrap.enter(__file__)
        from scripts.commands import account_commands  # needs the packages of the environment

        path = serve.settings_file(options.config, os.environ, [os.getcwd(), bootstrap.ROOT])
        if path and options.command != "add" and not os.path.isfile(path):
            raise bootstrap.SetupError(f"There is no settings file {path}.")
        return account_commands.run(options, path or os.path.join(os.getcwd(), serve.SETTINGS), os.environ)
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
