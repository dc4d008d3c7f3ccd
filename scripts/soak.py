"""A soak run: minutes of mixed requests with random faults, from clients of which some leave in the middle.

    python3 scripts/soak.py --seconds 180 --clients 12 --seed 1

It starts a demo upstream and a gateway of its own. Every request has to end in a whole answer or a well-formed error,
memory has to stay flat, and at the end no task and no file descriptor may be left over. The exit status is 1 when
something is wrong. Any Python 3 can start it, see bootstrap.py. What it does is in commands/soak_run.py.
"""

import argparse
import os
import signal
import sys

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap


def parse(argv: "list[str]") -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Many mixed requests with random faults, through a gateway.")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=12, help="how many at a time (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same one sends the same requests (default: %(default)s)"
    )
    return parser.parse_args(argv)


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        environment = bootstrap.Environment()
        environment.ensure(bootstrap.RUN)
        if os.path.abspath(sys.prefix) != environment.path:
            bootstrap.replace_process([environment.python, os.path.abspath(__file__), *sys.argv[1:]])
        from scripts.commands.soak_run import soak  # needs the packages of the environment

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        programs = os.path.dirname(environment.script("mitmdump"))
        wrong = soak(options.seconds, options.clients, options.seed, programs=programs)
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130
    for line in wrong:
        bootstrap.say("WRONG: " + line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
