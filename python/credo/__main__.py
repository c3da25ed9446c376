"""`credo-python bench` and `python -m credo bench`."""

import sys


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] != ["bench"]:
        print("usage: credo-python bench [--help]", file=sys.stderr)
        return 2
    from .bench import main as bench

    return bench(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
