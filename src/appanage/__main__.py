"""`python -m appanage` is the command `appanage`."""

from appanage.cli import main

if __name__ == "__main__":
    main()
