"""Starts the gateway: sets up what is missing, then becomes mitmdump (or mitmweb, mitmproxy) with the addon loaded.

Any Python 3 can start it; see bootstrap.py.
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from addons.gateway.status import shell_lines
from addons.gateway.wire import ports
from scripts import bootstrap

UPSTREAM = "https://generativelanguage.googleapis.com"
SETTINGS = "antigravity.toml"
WEB_PORT = 8081
"""mitmweb's own choice."""
MOST_WORKERS = 256
KEY_VARIABLES = ("GEMINI_API_KEYS", "GEMINI_API_KEY", "GOOGLE_API_KEY")
DEMO = """
************************************************************************
*  DEMO: {why}
*  A built-in stand-in answers, with made-up text. Gemini is not asked.
*  To use Gemini: set GEMINI_API_KEY, or write {settings} (see README.md).
************************************************************************
"""


def parse(argv: "list[str]") -> "tuple[argparse.Namespace, list[str]]":
    """Split the command line into the options of this script and what goes to mitmproxy as it stands."""
    end = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        prog="serve.py",
        description="Starts the gateway. The first start sets up .venv with everything that is needed.",
        epilog="What follows -- goes to mitmproxy as it stands, for instance: serve.py -- -w flows.mitm",
    )
    parser.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1, or all if the settings have allow_lan_access)"
    )
    parser.add_argument("--port", type=_port, default=8045, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--upstream",
        type=_upstream,
        default=UPSTREAM,
        metavar="URL",
        help="base of the Gemini API (default: %(default)s)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help=f"settings file (default: the one that ANTIGRAVITY_CONFIG names, else ./{SETTINGS}, "
        f"else {SETTINGS} of the checkout)",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes that share the port; auto: one per core (default: %(default)s)",
    )
    parser.add_argument("--demo", action="store_true", help="answer from the built-in demo")
    parser.add_argument(
        "--pages",
        action="store_true",
        help="keep the last requests, for their pages at /exchanges; the demo, --web and --console do",
    )
    parser.add_argument("--cassette", metavar="FOLDER", help="answer from recordings, or record; see --record")
    parser.add_argument(
        "--record",
        choices=("once", "none", "new", "all"),
        help="with --cassette: record if the folder has no recording, else answer from it alone (once, the default); "
        "answer from it alone (none); record what it does not have (new); record everything anew (all)",
    )
    parser.add_argument("--recorded-speed", action="store_true", help="with --cassette: answer when the recording did")
    tool = parser.add_mutually_exclusive_group()
    tool.add_argument("--web", dest="tool", action="store_const", const="mitmweb", help="watch in the browser")
    tool.add_argument("--console", dest="tool", action="store_const", const="mitmproxy", help="watch in the terminal")
    parser.add_argument("--web-port", type=_port, metavar="PORT", help="port of the web page (default: 8081)")
    parser.add_argument("--open-browser", action="store_true", help="with --web: open the page in a browser")
    parser.add_argument(
        "--print-env",
        choices=sorted(shell_lines.TOOLS),
        help="print the lines with which this tool finds the gateway, for a shell, and end",
    )
    parser.add_argument("--setup-only", action="store_true", help="set up what is missing and end")
    options = parser.parse_args(argv[:end])
    options.tool = options.tool or "mitmdump"
    if options.tool != "mitmweb" and (options.web_port or options.open_browser):
        parser.error("--web-port and --open-browser go with --web")
    if options.cassette == "":  # of a variable that is not set: Gemini would be asked
        parser.error("--cassette needs the name of a folder, and this is empty")
    if not options.cassette and (options.record or options.recorded_speed):
        parser.error("--record and --recorded-speed go with --cassette")
    if options.workers > 1 and options.tool != "mitmdump":
        parser.error("--web and --console show the requests of one process: leave --workers out, or say --workers 1")
    if options.workers > 1 and not hasattr(os, "fork"):
        parser.error("--workers needs a system that can fork, which this one can't: leave it out, or say --workers 1")
    return options, argv[end + 1 :]


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a port is a number from 1 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if text == "auto":
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if not text.isdecimal() or not 0 < int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers; it is 1 to {MOST_WORKERS}, or auto")
    return int(text)


def _upstream(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no URL; it has to start with https:// or http://")
    return text.rstrip("/")


def settings_file(given: "str | None", environ: "Mapping[str, str]", folders: "list[str]") -> "str | None":
    """The settings file to use: the one given, else the environment's, else the first that lies in `folders`."""
    named = given or environ.get("ANTIGRAVITY_CONFIG")
    if named:
        return os.path.abspath(named)
    for folder in folders:
        path = os.path.join(folder, SETTINGS)
        if os.path.isfile(path):
            return path
    return None


def allows_lan(path: "str | None") -> bool:
    """Whether a settings file opens the gateway to the network. Needs Python 3.11."""
    import tomllib

    if path is None:
        return False
    try:
        with open(path, encoding="utf-8-sig") as file:
            return tomllib.loads(file.read()).get("proxy", {}).get("allow_lan_access") is True
    except (OSError, ValueError, AttributeError):
        return False


def has_account(path: "str | None", environ: "Mapping[str, str]") -> bool:
    """Whether there is an account to call Gemini with. Needs Python 3.11.

    A settings file that cannot be read counts as one: the gateway says what is wrong with it.
    """
    import tomllib

    if any(environ.get(name, "").replace(",", "").strip() for name in KEY_VARIABLES):
        return True
    if path is None:
        return False
    try:
        with open(path, encoding="utf-8-sig") as file:
            return bool(tomllib.loads(file.read()).get("accounts"))
    except (OSError, ValueError):
        return True


def command(
    options: argparse.Namespace, extra: "list[str]", *, settings: "str | None", demo: bool, lan: bool
) -> "list[str]":
    """The program and its arguments. `extra` comes last, and what it sets is not set here."""
    chosen = {}
    if settings:
        chosen["antigravity_config"] = settings
    if demo:
        chosen["antigravity_demo"] = "true"
    if options.cassette:
        chosen["antigravity_cassette"] = os.path.abspath(options.cassette)
        if options.record:
            chosen["antigravity_cassette_record"] = options.record
        if options.recorded_speed:
            chosen["antigravity_cassette_speed"] = "recorded"
    if (demo or options.pages) and options.tool == "mitmdump":
        chosen["antigravity_pages"] = "true"
    arguments = ["-s", os.path.join(bootstrap.ROOT, "addons", "antigravity.py")]
    host = listen_host(options, lan=lan)
    arguments += ["--mode", f"reverse:{options.upstream}@{host}{':' if host else ''}{options.port}"]
    if options.tool == "mitmweb":
        arguments.append("--web-open-browser" if options.open_browser else "--no-web-open-browser")
        if options.web_port:
            arguments += ["--web-port", str(options.web_port)]
    for name, value in chosen.items():
        if not sets(extra, name):
            arguments += ["--set", name + "=" + value]
    return [options.tool, *arguments, *extra]


def program(environment: bootstrap.Environment, command: "list[str]") -> "list[str]":
    """What is run for a command: the environment's own mitmproxy, by scripts/launching. bench.py measures it."""
    return [environment.python, os.path.join(bootstrap.ROOT, "scripts", "launching"), *command]


def several(
    environment: bootstrap.Environment, options: argparse.Namespace, arguments: "list[str]", *, lan: bool
) -> "list[str]":
    """What is run for several workers, each a mitmdump with these arguments."""
    launcher = [environment.python, os.path.join(bootstrap.ROOT, "scripts", "workers")]
    place = ["--host", listen_host(options, lan=lan), "--port", str(options.port)]
    return [*launcher, "--workers", str(options.workers), *place, "--", *arguments]


def listen_host(options: argparse.Namespace, *, lan: bool) -> str:
    """The address to listen on; "" for all."""
    return str(options.host or ("" if lan else "127.0.0.1"))


def ports_taken(options: argparse.Namespace, extra: "list[str]", *, lan: bool) -> "str | None":
    """What is to be said of the ports before mitmproxy is started; None when they can be had.

    What `extra` says of ports is left to mitmproxy.
    """
    web = (options.web_port or WEB_PORT) if options.tool == "mitmweb" and not sets(extra, "web_port") else None
    if web == options.port:
        return f"The gateway and the web page can't both have port {web}: --web-port {web + 1}"
    no_server = "-n" in extra or "--no-server" in extra or sets(extra, "server")
    said = (
        None
        if no_server
        else ports.complaint(listen_host(options, lan=lan), options.port, "--port {port}", but=[web or 0])
    )
    if said or web is None or sets(extra, "web_host"):
        return said
    said = ports.complaint("127.0.0.1", web, "--web-port {port}", but=[options.port])
    return said and f"The web page: {said[:1].lower()}{said[1:]}"


def can_keep(folder: str) -> bool:
    """Whether mitmproxy can have its certificates in a folder: they are there, or can be made."""
    if os.path.isfile(os.path.join(folder, "mitmproxy-ca.pem")):
        return True
    while folder and not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def folder_of_mitmproxy(extra: "list[str]") -> "str | None":
    """Another folder for mitmproxy's certificates, where its own can't be written; None where that is not needed.

    It would end with a traceback otherwise. They are for connections by TLS, which few make to a gateway.
    """
    usual = os.path.expanduser(os.path.join("~", ".mitmproxy"))
    if sets(extra, "confdir") or (os.path.isabs(usual) and can_keep(usual)):
        return None
    try:
        return tempfile.mkdtemp(prefix="antigravity-")
    except OSError as e:
        raise bootstrap.SetupError(
            f"mitmproxy can't write its folder {usual}, nor a temporary one ({e.strerror}). "
            "Name one that it can write: serve.py -- --set confdir=FOLDER"
        ) from None


def sets(arguments: "list[str]", name: str) -> bool:
    """Whether arguments for mitmproxy set an option. mitmproxy refuses one that is set twice."""
    flag = "--" + name.replace("_", "-")
    for i, argument in enumerate(arguments):
        word, _, rest = argument.partition("=")
        if word == "--set":
            value = rest or "".join(arguments[i + 1 : i + 2])
            word = "" if value.split("=")[0] != name else flag
        if word == flag:
            return True
    return False


def serve(argv: "list[str]") -> None:
    """Set up, then become mitmproxy."""
    options, extra = parse(argv)
    settings = settings_file(options.config, os.environ, [os.getcwd(), bootstrap.ROOT])
    if settings and not os.path.isfile(settings):
        raise bootstrap.SetupError(f"There is no settings file {settings}.")
    if options.print_env:
        bootstrap.enter(__file__)
        from scripts.commands import print_env  # needs the packages of the environment

        host = listen_host(options, lan=allows_lan(settings))
        print_env.run(options.print_env, host, options.port, settings, os.environ)
        return
    environment = bootstrap.Environment()
    environment.ensure(bootstrap.RUN)
    if options.setup_only:
        bootstrap.say(f"The gateway is set up in {environment.path}.")
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - what follows reads TOML; the environment's Python can
        bootstrap.replace_process([environment.python, os.path.abspath(__file__), *argv])
    why = "asked for with --demo."
    demo = options.demo
    wants_account = not options.cassette and not sets(extra, "antigravity_config")  # else made-up text is recorded
    if not demo and wants_account and not has_account(settings, os.environ):
        why, demo = "NO ACCOUNT IS CONFIGURED.", True
    if demo and not sets(extra, "antigravity_demo"):
        bootstrap.say(DEMO.format(why=why, settings=SETTINGS))
    tool, *arguments = command(options, extra, settings=settings, demo=demo, lan=allows_lan(settings))
    folder = folder_of_mitmproxy(extra)
    if folder:
        bootstrap.say(f"mitmproxy's own folder can't be written; this time its certificates are in {folder}.")
        arguments += ["--set", "confdir=" + folder]
    running = program(environment, [tool, *arguments])
    if options.workers > 1:
        running = several(environment, options, arguments, lan=allows_lan(settings))
    complaint = ports_taken(options, extra, lan=allows_lan(settings))
    if complaint:
        raise bootstrap.SetupError(complaint)
    bootstrap.say("Running: " + " ".join(shlex.quote(part) for part in running))
    bootstrap.replace_process(running)


def main() -> int:
    bootstrap.open_streams()
    try:
        serve(sys.argv[1:])
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
