"""The answers that the desk has ready; a person sees the whole mail before it goes out."""

from typing import Literal, TypeAlias

TemplateName: TypeAlias = Literal["password_reset", "tracking", "invoice"]

_TEMPLATES: dict[TemplateName, tuple[str, str]] = {
    "password_reset": (
        "Setting a new password",
        (
            "here is how to sign in again: open https://harbour-pine.example/password, enter the address of this mail, "
            "and follow the link that we send you. An account that was locked is open again after that."
        ),
    ),
    "tracking": (
        "Where your parcel is",
        (
            "you can follow your parcel at https://harbour-pine.example/parcels with the number of your order. "
            "The page also shows the day of delivery."
        ),
    ),
    "invoice": (
        "Your invoice",
        (
            "your invoice is ready as a PDF at https://harbour-pine.example/invoices. "
            "There you can also change the address on it."
        ),
    ),
}


def filled(template: TemplateName, *, name: str) -> tuple[str, str]:
    """Return subject and body of the mail."""
    subject, words = _TEMPLATES[template]
    return subject, f"Dear {name},\n\n{words}\n\nKind regards\nHarbour & Pine, customer support\n"
