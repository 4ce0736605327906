"""Appanage: a self-hosted platform for apps that act on behalf of organizations."""

__version__ = "0.1.0"
