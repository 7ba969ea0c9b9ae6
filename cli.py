"""The same door as the console script `sfn-sim`."""

from sfn_sim.cli import main

if __name__ == "__main__":
    main()
