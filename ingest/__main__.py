import sys

from ingest.cli import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
