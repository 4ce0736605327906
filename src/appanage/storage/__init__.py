"""How things are kept: PostgreSQL, one transaction for one request."""

from appanage.storage.base import Record
from appanage.storage.engine import Database, Transaction

__all__ = ["Database", "Record", "Transaction"]
