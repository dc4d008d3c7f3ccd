"""Cases: exchanges as folders of files, translated again offline and compared. A bug report that runs.

    python3 scripts/cases.py export saved.flow cases/            each exchange of a saved file, into folders of its own
    python3 scripts/cases.py export saved.flow cases/ --id req_... --mask
    python3 scripts/cases.py run cases/                          show what is translated otherwise than recorded
    python3 scripts/cases.py update cases/                       take what is translated now as what is expected
    python3 scripts/cases.py list saved.flow --errors            which exchanges there are, by model, client, words ...
    python3 scripts/cases.py diff saved.flow#req_mfia req_hhch   two exchanges side by side
    python3 scripts/cases.py copy curl saved.flow#req_mfia       an exchange as curl, python, javascript, markdown, html
    python3 scripts/cases.py copy jsonl saved.flow               all as lines of a data set
    python3 scripts/cases.py cassette saved.flow tape/           recordings that answer offline, see serve.py --cassette
    python3 scripts/cases.py page saved.flow#req_mfia --out x.html   its page as one file, for any browser
    python3 scripts/cases.py timeline saved.flow#req_mfia        where the time of an exchange went
    python3 scripts/cases.py conversation saved.flow k3f9qa      all turns of a conversation, with tools and costs
    python3 scripts/cases.py cache saved.flow#req_mfia           why the prompt cache had no more of its turns
    python3 scripts/cases.py tokens saved.flow#req_mfia          what took the tokens of its prompt
    python3 scripts/cases.py costs saved.flow                    what its exchanges have cost

Any Python 3 can start it; see bootstrap.py. What it does is in commands/case_commands.py.
"""

import argparse
import os
import sys

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap

_SOME = "a case, a folder of cases, a recording, FLOWS (all of it), or FLOWS#REQ: an exchange of a saved file"


def parse(argv: "list[str]") -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="cases.py", description="Recorded exchanges, translated again offline.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser("run", help="translate cases again and show differences; exit status 1 if there are any")
    update = commands.add_parser("update", help="write what is translated now into the cases")
    for command in (run, update):
        command.add_argument("folders", nargs="+", metavar="FOLDER", help="a case, or a folder of cases")
    export = commands.add_parser("export", help="make cases of the exchanges of a saved file")
    export.add_argument("file", metavar="FLOWS", help="what mitmproxy saved with -w")
    export.add_argument("folder", metavar="FOLDER", help="where the cases go, a folder each")
    export.add_argument("--id", action="append", metavar="REQ", help="only the exchange with this request id")
    export.add_argument("--mask", action="store_true", help="put fillers in the place of what was said")
    shown = commands.add_parser("list", help="which exchanges there are; exit status 1 if none fits")
    shown.add_argument("names", nargs="+", metavar="WHAT", help=_SOME)
    shown.add_argument("--with", dest="q", default="", metavar="WORDS", help="that have these words in them")
    shown.add_argument("--texts", action="store_true", help="the words may be in requests and answers too")
    shown.add_argument("--errors", action="store_true", help="that did not go well")
    for name in ("model", "account", "endpoint", "outcome", "client", "conversation"):
        shown.add_argument(f"--{name}", default="", metavar="NAME", help=f"of this {name}")
    shown.add_argument("--json", action="store_true", help="print JSON, a line for each exchange")
    diff = commands.add_parser("diff", help="two exchanges side by side; exit status 1 if they differ")
    for name in ("before", "after"):
        where = "a case, a recording, or FLOWS#REQ: an exchange of a saved file; FLOWS#REQ/2: its second attempt"
        diff.add_argument(name, metavar=name.upper(), help=where)
    diff.add_argument("--json", action="store_true", help="print JSON")
    cassette = commands.add_parser("cassette", help="make a cassette of a saved file: recordings that answer offline")
    cassette.add_argument("file", metavar="FLOWS", help="what mitmproxy saved with -w")
    cassette.add_argument("folder", metavar="FOLDER", help="of the recordings; those of the same requests are replaced")
    cassette.add_argument("--ignore", action="append", metavar="PLACE", help="what does not count; see the README")
    cassette.add_argument("--mask", action="store_true", help="put fillers in the place of what was said")
    copy = commands.add_parser("copy", help="exchanges as programs, transcripts, or lines of a data set")
    copy.add_argument("form", choices=("curl", "python", "javascript", "markdown", "html", "jsonl"))
    copy.add_argument(
        "names",
        nargs="+",
        metavar="WHAT",
        help=_SOME,
    )
    copy.add_argument("--mask", action="store_true", help="put fillers in the place of what was said")
    copy.add_argument("--url", default="", help="of the gateway that programs ask, without /v1")
    copy.add_argument("--out", metavar="FILE", help="write there, and not to standard output")
    page = commands.add_parser("page", help="the page of an exchange, as one file of HTML")
    page.add_argument("name", metavar="WHAT", help="a case, a recording, or FLOWS#REQ")
    page.add_argument("--mask", action="store_true", help="put fillers in the place of what was said")
    page.add_argument("--out", metavar="FILE", help="write there, and not to standard output")
    for name, about in (
        ("timeline", "where the time of exchanges went"),
        ("tokens", "what took the tokens of their prompts"),
    ):
        told = commands.add_parser(name, help=about)
        told.add_argument("names", nargs="+", metavar="WHAT", help=_SOME)
        told.add_argument("--json", action="store_true", help="print JSON, a line for each exchange")
    costs = commands.add_parser("costs", help="what exchanges have cost, by model, account, day and conversation")
    costs.add_argument("names", nargs="+", metavar="WHAT", help=_SOME)
    costs.add_argument("--json", action="store_true", help="print JSON")
    for name, about in (
        ("conversation", "all turns of conversations, with tools and costs"),
        ("cache", "why the prompt cache had no more of the turns of conversations"),
    ):
        told = commands.add_parser(name, help=about)
        told.add_argument("name", metavar="WHAT", help="FLOWS, FLOWS#REQ, or a folder of cases")
        told.add_argument("id", nargs="?", default="", metavar="ID", help="of a conversation, or of an exchange in it")
        told.add_argument("--json", action="store_true", help="print JSON, a line for each conversation")
    options = parser.parse_args(argv)
    if not options.command:
        parser.error(f"a command is needed: {', '.join(commands.choices)}")
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        bootstrap.enter(__file__)
        from scripts.commands import case_commands  # needs the packages of the environment

        return case_commands.run(options)
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
