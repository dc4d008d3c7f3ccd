"""Names of models in this tree that are past their date: Google has retired the model, or does so soon.

    python3 scripts/models.py                      names that are retired today; exit status 1 if there are any
    python3 scripts/models.py --within 60          and those that are within 60 days
    python3 scripts/models.py --on 2027-01-01      as it will be on that day
    python3 scripts/models.py --tests              in the tests too, whose days stand still

The dates are in mapping/gemini/catalogue.py. Any Python 3 can start it; see bootstrap.py. What it does is in
commands/model_names.py.
"""

import argparse
import os
import sys

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap


def parse(argv: "list[str]") -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="models.py", description="Names of retired models in this tree.")
    parser.add_argument("--on", metavar="YYYY-MM-DD", help="the day to go by (default: today)")
    parser.add_argument("--within", type=int, default=0, metavar="DAYS", help="name what retires so soon, too")
    parser.add_argument("--tests", action="store_true", help="look at the tests, too")
    parser.add_argument("--folder", default=bootstrap.ROOT, help="another tree")
    return parser.parse_args(argv)


def main() -> int:
    options = parse(sys.argv[1:])
    try:
        bootstrap.enter(__file__)
        from scripts.commands import model_names  # needs the Python of the environment

        return model_names.run(options)
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
