"""The operator's commands."""

import sys


def main() -> None:
    """The program `appanage`: runs one command; what goes wrong is told in a sentence."""
    from appanage.cli.commands import program

    try:
        program()
    except Exception as error:
        from appanage.cli.explanations import problem_of

        problem = problem_of(error)
        if problem is None:  # a fault of ours keeps its traceback
            raise
        sys.stderr.write(f"Error: {problem.sentence}\n")
        sys.exit(problem.exit_code)
