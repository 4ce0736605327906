"""The commands and what they take. What they do is imported when they run, so that --help is fast."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from appanage.cli.console import Problem, remark, say

program = typer.Typer(
    name="appanage",
    help="A self-hosted platform for apps that act on behalf of organizations.\n\n"
    "Settings come from the environment (APPANAGE_…) or from the TOML file that APPANAGE_CONFIG names.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
organizations = typer.Typer(
    help="Create organizations, and say which one runs the platform.", no_args_is_help=True
)
domains = typer.Typer(help="Vouch for domains of organizations.", no_args_is_help=True)
people = typer.Typer(help="Create people, and set their passwords.", no_args_is_help=True)
tokens = typer.Typer(help="Create personal access tokens.", no_args_is_help=True)
keys = typer.Typer(help="Rotate signing keys.", no_args_is_help=True)
audit = typer.Typer(help="Verify the audit log.", no_args_is_help=True)
for name, group in {
    "organization": organizations,
    "domain": domains,
    "person": people,
    "token": tokens,
    "keys": keys,
    "audit": audit,
}.items():
    program.add_typer(group, name=name)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data folder. Without it APPANAGE_DATA, or else this user's folder for program data.",
        show_default=False,
    ),
]


@program.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from appanage import __version__

        say(__version__)
        raise typer.Exit


@program.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 8080,
    data: Data = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Web processes.")] = 1,
    role: Annotated[
        str,
        typer.Option(metavar="all|web", help="all: web processes and a job worker; web: without the worker."),
    ] = "all",
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve demonstration data, to this machine only.")
    ] = False,
) -> None:
    """Serve the platform.

    Starts the database, applies migrations, and runs the web processes and a job worker. Without APPANAGE_DATABASE_URL an embedded PostgreSQL runs in the data folder. Ctrl-C finishes the requests that are
    running and stops everything.
    """
    from appanage.kit.process import importing

    with importing():
        from appanage.cli.serving import ROLES, Serving

    if role not in ROLES:
        raise Problem(f"There is no role {role}. Choose one of: {', '.join(ROLES)}.", exit_code=2)
    Serving(host, port, data, workers, role, demo=demo).run()


@program.command()
def worker(
    data: Data = None,
    parent: Annotated[int | None, typer.Option(hidden=True, help="The process to end with.")] = None,
) -> None:
    """Do the jobs of the queue.

    Rotates signing keys and removes what has expired, until it is told to stop. `appanage serve` runs one by itself; run more of them beside `serve --role web`.
    """
    from appanage.cli.opening import opened
    from appanage.cli.processes import stopping_cleanly
    from appanage.jobs.worker import run
    from appanage.kit.process import die_with_parent

    if parent is not None:
        die_with_parent(parent)
    with stopping_cleanly(), opened(data) as deployment:
        run(deployment)


@program.command()
def migrate(data: Data = None) -> None:
    """Bring the database to the present schema.

    Also makes the first signing key. Harmless to repeat.
    """
    from appanage.cli.console import progress
    from appanage.cli.opening import connected, settings_of
    from appanage.storage.migrate import head

    with connected(settings_of(data)) as deployment:
        with progress("Applying migrations"):
            deployment.prepare()
        say(f"The database is at the present schema, {head()}.")


@organizations.command("create")
def create_organization(
    name: Annotated[str, typer.Argument(help="Its name, as people know it.")],
    plan: Annotated[
        str, typer.Option(metavar="standard|free", help="A free one has no administrators' console.")
    ] = "standard",
    operator: Annotated[
        bool, typer.Option("--operator", help="It runs the platform: its people review and suspend apps.")
    ] = False,
    data: Data = None,
) -> None:
    """Create an organization and print its id."""
    from appanage.cli import administration

    say(administration.create_organization(data, name=name, plan=plan, is_operator=operator))


@organizations.command("appoint")
def appoint_organization(
    organization: Annotated[str, typer.Argument(metavar="ID|NAME", help="The organization.")],
    data: Data = None,
) -> None:
    """Make an organization the one that runs the platform.

    There is one at most. From then on its Full Administrators can make its people App Reviewers and Operators.
    """
    from appanage.cli import administration

    say(f"{administration.appoint_organization(data, organization=organization)} runs the platform.")


@domains.command("verify")
def verify_domain(
    domain: Annotated[str, typer.Argument(help="Such as example.com; its subdomains are others.")],
    organization: Annotated[str, typer.Option(metavar="ID|NAME", help="Whose it is.")],
    data: Data = None,
) -> None:
    """Vouch that a domain is an organization's.

    Make sure of it first: apps that are shared with the domain are sent to this organization.
    """
    from appanage.cli import administration

    say(administration.verify_domain(data, domain=domain, organization=organization))


@domains.command("remove")
def remove_domain(
    domain: Annotated[str, typer.Argument(help="A verified domain.")], data: Data = None
) -> None:
    """Forget that a domain is somebody's."""
    from appanage.cli import administration

    remark(f"It was a domain of {administration.remove_domain(data, domain=domain)}.")


@domains.command("list")
def list_domains(
    organization: Annotated[
        str | None, typer.Option(metavar="ID|NAME", help="Those of one organization.")
    ] = None,
    data: Data = None,
) -> None:
    """Print the verified domains, each with the id and the name of its organization."""
    from appanage.cli import administration

    for line in administration.list_domains(data, organization=organization):
        say(line)


@people.command("create")
def create_person(  # noqa: PLR0917 – each is an option with a name
    organization: Annotated[
        str, typer.Option(metavar="ID|NAME", help="The organization, by id or exact name.")
    ],
    email: Annotated[str, typer.Option(help="The address to sign in with.")],
    first_name: Annotated[str, typer.Option(help="The first name.")] = "",
    last_name: Annotated[str, typer.Option(help="The last name.")] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE", help="A role by name or key, such as “Full Administrator”; may be repeated."
        ),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a password from standard input, one line.")
    ] = False,
    data: Data = None,
) -> None:
    """Create a person in an organization and print the id."""
    from appanage.cli import administration
    from appanage.directory.service import Profile

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    profile = Profile(email=email.strip(), first_name=first_name.strip(), last_name=last_name.strip())
    say(
        administration.create_person(
            data, profile, organization=organization, roles=role or [], password=password
        )
    )


@people.command("set-password")
def set_password(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose password it is.")],
    data: Data = None,
) -> None:
    """Set a person's password.

    It is read from standard input, one line. Everything the person is signed in with ends: browser sessions and personal tokens.
    """
    from appanage.cli import administration

    administration.set_password_of(data, email=email, password=sys.stdin.readline().rstrip("\r\n"))
    say(f"The password of {email} is set.")


@tokens.command("create")
def create_token(
    account: Annotated[str, typer.Option(metavar="EMAIL", help="Whose token it is.")],
    hours: Annotated[int, typer.Option(min=1, help="How long it lives.")] = 12,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What it is for, as the person finds it in their account.")
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE", help="A scope; may be repeated. Without any: all that the person's roles allow."
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Create a token and print it.

    On standard output there is the token and nothing else.
    """
    from appanage.cli import administration

    secret = administration.create_token(data, email=account, hours=hours, scopes=scope or [], label=label)
    remark(f"A personal access token of {account} for {hours} h. It is shown this once.")
    say(secret.reveal())


@keys.command("rotate")
def rotate_keys(data: Data = None) -> None:
    """Make a new signing key.

    It is published at once and signs after the notice; tokens that are signed with older keys stay valid.
    """
    from appanage.cli import administration

    say(administration.rotate_keys(data))


@audit.command("verify")
def verify_audit_log(data: Data = None) -> None:
    """Check that no event was altered.

    Nor removed, nor put in another order. Ends with 1 and names the places otherwise.
    """
    from appanage.cli import administration

    faults = administration.broken_links(data)
    for fault in faults:
        say(fault)
    if faults:
        raise Problem("The audit log was tampered with, or the database was restored in parts.")
    say("The audit log is whole.")


@program.command()
def demo(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything a program needs, as JSON.")
    ] = False,
    data: Data = None,
) -> None:
    """Print how to use the running demonstration.

    With --json also fresh personal access tokens and the app's client secret.
    """
    from appanage.cli.demo.description import describe

    say(describe(data, as_json=as_json))


@program.command()
def doctor(data: Data = None) -> None:
    """Check everything and say what to do.

    Looks at configuration, data folder, database, migrations, signing keys, limits, clocks and the audit log. Ends with
    1 when something is wrong.
    """
    from appanage.cli.doctor import examine

    findings = examine(data)
    for finding in findings:
        say(str(finding))
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)
