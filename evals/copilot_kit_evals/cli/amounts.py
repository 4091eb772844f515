"""Amounts of money as a person writes them on the command line."""

from decimal import Decimal, InvalidOperation

from copilot_kit.errors import UsageError


def dollars(text: str | None) -> Decimal | None:
    """Return the amount of `--budget-usd`; raises `UsageError` for what is none above 0."""
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount <= 0:
        raise UsageError(f"--budget-usd is {text!r}. Write an amount of dollars above 0, such as 2.50.")
    return amount
