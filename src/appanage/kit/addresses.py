"""E-mail addresses."""

from email_validator import EmailNotValidError, validate_email


def is_email_address(text: str) -> bool:
    """Whether `text` has the form of an address (RFC 5321); nobody is asked whether it exists."""
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True
