"""A soak run: minutes of mixed requests with random faults, from clients of which some leave in the middle.

    python3 scripts/soak.py --seconds 180 --clients 12 --seed 1
    python3 scripts/soak.py --seconds 600 --workers 3 --valkey --kill-every 20 --stop-valkey

It starts a demo upstream and a gateway of its own. Every request has to end in a whole answer or a well-formed error,
memory has to stay flat, and at the end no task and no file descriptor may be left over. The exit status is 1 when
something is wrong. Any Python 3 can start it, see bootstrap.py. What it does is in commands/soak_run.py.

With several workers or a Valkey, no response may be lost that a client was given the id of, no account may be asked
while it is cooling, and a table is shown at the end. Workers are killed (`kill -9`), and Valkey is away twice, and
comes back empty once, as asked for.
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
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="of the gateway (default: %(default)s)")
    parser.add_argument("--valkey", action="store_true", help="what the workers share is in a Valkey")
    parser.add_argument(
        "--kill-every", type=float, default=0.0, metavar="SECONDS", help="kill a worker as often (default: never)"
    )
    parser.add_argument(
        "--stop-valkey", action="store_true", help="Valkey is away for 30 s twice, and comes back empty once"
    )
    options = parser.parse_args(argv)
    if options.kill_every and options.workers < 2:
        parser.error("--kill-every needs --workers 2 or more: others serve while one starts again")
    if options.stop_valkey and not options.valkey:
        parser.error("--stop-valkey goes with --valkey")
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        environment = bootstrap.Environment()
        environment.ensure(bootstrap.TEST if options.valkey else bootstrap.RUN)
        if os.path.abspath(sys.prefix) != environment.path:
            bootstrap.replace_process([environment.python, os.path.abspath(__file__), *sys.argv[1:]])
        from scripts.commands import soak_run  # needs the packages of the environment

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        programs = os.path.dirname(environment.script("mitmdump"))
        wrong = soak_run.run(soak_run.SoakPlan(**vars(options)), programs=programs)
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
