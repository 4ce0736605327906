"""django-oauth-toolkit, of PyPI: what Django projects use."""

from peers.python_peer import PythonPeer


class DjangoOauthToolkit(PythonPeer):
    name = "django-oauth-toolkit"
    about = (
        "Django on granian (WSGI, one thread), SQLite in WAL mode with `synchronous=NORMAL`. The client secret is kept "
        "in the clear, since hashing it as is the default would take it a quarter of a second a request. Opaque tokens."
    )
    packages = ("django==5.2.8", "django-oauth-toolkit==3.4.1")
    application = "django_server:application"
    introspection_path = "/o/introspect/"
    token_path = "/o/token/"
