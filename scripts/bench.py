"""How quick the gateway is here: it and a bare mitmdump, in turn, over an upstream that answers at once.

    python3 scripts/bench.py                          # some three minutes; --quick: half a one
    python3 scripts/bench.py --only unary,stream      # a part of it
    python3 scripts/bench.py --svg bench.svg          # with a picture

Another gateway is measured beside it when it speaks OpenAI's chat API and runs already, with the stub as its upstream:

    python3 scripts/bench.py --stub-port 18080 --url other=http://127.0.0.1:4000/v1,key=sk-x,model=gemini/gemini-flash

All works are done by all in turn, round after round, and each ratio is taken within a round, so that a machine whose
speed varies does not spoil it. Nothing leaves the machine, and no account is needed. A wrong answer is counted and
shown, and makes the exit status 1. Any Python 3 can start it, see bootstrap.py; what it does is in benching/.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from urllib.parse import urlsplit

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap

GROUPS = ("unary", "connect", "stream", "paced", "history", "picture", "start")
ALWAYS = ("direct", "mitmdump", "gateway")
"""What is measured without being named."""
QUICK, USUAL = (2, 0.25), (5, 0.8)
"""Rounds, and seconds of each measurement."""


def parse(argv: "list[str]") -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Measures the gateway beside a bare mitmdump.")
    parser.add_argument("--quick", action="store_true", help="half a minute, with rougher numbers")
    parser.add_argument("--rounds", type=_rounds, metavar="N", help="default: 5; with --quick 2")
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="of each measurement (default: 0.8; 0.25)")
    parser.add_argument("--only", type=_groups, default=GROUPS, metavar="WORK,...", help="of " + ", ".join(GROUPS))
    parser.add_argument(
        "--url",
        type=_url,
        action="append",
        default=[],
        metavar="NAME=BASE_URL[,key=KEY][,model=MODEL]",
        help="another gateway, which runs already and asks the stub; may be given several times",
    )
    parser.add_argument("--stub-port", type=_port, default=0, metavar="PORT", help="the stub's (default: a free one)")
    parser.add_argument("--json", metavar="FILE", help="write all measurements there")
    parser.add_argument("--svg", metavar="FILE", help="draw the ratios there")
    options = parser.parse_args(argv)
    if options.url and not options.stub_port:
        parser.error("--url wants --stub-port: the port at which that gateway has its upstream, http://127.0.0.1:PORT")
    names = [name for name, *_ in options.url]
    if len(set(names)) < len(names):
        parser.error("two --url have the same name")
    for path in (options.json, options.svg):
        if path and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            parser.error(f"there is no folder for {path}")
    rounds, seconds = QUICK if options.quick else USUAL
    options.rounds = options.rounds or rounds
    options.seconds = options.seconds or seconds
    return options


def _rounds(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rounds; 1 to 1000 can be had")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to measure; 0.01 to 600 seconds can be had")
    return seconds


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a port is a number from 1 to 65535")
    return int(text)


def _groups(text: str) -> "tuple[str, ...]":
    named = [name.strip() for name in text.split(",")]
    for name in named:
        if name not in GROUPS:
            raise argparse.ArgumentTypeError(f"there is no work {name!r}; there are {', '.join(GROUPS)}")
    return tuple(name for name in GROUPS if name in named)


def _url(text: str) -> "tuple[str, str, int, str, dict[str, str]]":
    """Name, host, port, path, and the rest by name."""
    name, _, rest = text.partition("=")
    url, *more = rest.split(",")
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if not name or parts.scheme != "http" or not parts.hostname or not port:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=http://HOST:PORT/PATH")
    if name in ALWAYS:
        raise argparse.ArgumentTypeError(f"{name!r} is measured anyway; call the other one something else")
    members = dict(one.partition("=")[::2] for one in more)
    for member in members:
        if member not in ("key", "model"):
            raise argparse.ArgumentTypeError(
                f"{text!r}: after the URL there can be key=... and model=..., no {member!r}"
            )
    return name, parts.hostname, port, parts.path.rstrip("/"), members


def bench(options: argparse.Namespace) -> bool:
    """Measure, and print; returns whether all answers were right. Raises SetupError. Needs the environment."""
    from importlib.metadata import version

    from scripts.benching import bodies, machine, measures, picture, report
    from scripts.benching.stage import Stage, Target

    others = [
        Target(name, bodies.OPENAI, host, port, path, **members) for name, host, port, path, members in options.url
    ]
    date, told = time.strftime("%Y-%m-%d"), machine.described(version("mitmproxy"))
    busy = machine.busy()
    with tempfile.TemporaryDirectory(prefix="antigravity-bench-", ignore_cleanup_errors=True) as folder:
        stage = Stage(folder, options.stub_port)
        try:
            rounds = f"{options.rounds} round{'s' if options.rounds > 1 else ''} of {options.seconds:g} s"
            about = ", ".join(filter(None, (rounds, stage.cpus.told, busy)))
            bootstrap.say(f"{told}\n{about}; the stub is {stage.upstream}")
            work = measures.Bench(stage, others, options.only, options.seconds)
            for target, result in work.prepare():
                if result.wrong:
                    raise bootstrap.SetupError(
                        f"{target.name} gives no right answer to the first request: {result.error}\n"
                        f"Its upstream has to be {stage.upstream}, which answers as Gemini does."
                    )
            records = work.rounds(options.rounds, bootstrap.say)
        finally:
            stage.stop()
    print(f"{date}: {told}\n{about}\n\n{report.table(records)}", flush=True)
    if options.json:
        data = {"date": date, "machine": told, "about": about, "records": [vars(record) for record in records]}
        _write(options.json, json.dumps(data, indent=1) + "\n")
    if options.svg:
        _write(options.svg, picture.picture(report.lines(records), date, told, about))
    return not any(record.wrong for record in records)


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        raise bootstrap.SetupError(f"{path} can't be written: {e.strerror}") from None


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        bootstrap.enter(__file__)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return 0 if bench(options) else 1
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
