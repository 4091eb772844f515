"""Tools of an office and a small shop, as a model is offered them; nothing runs them, the calls are looked at."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

_DATE: Final = {"type": "string", "description": "As YYYY-MM-DD"}
_TIME: Final = {"type": "string", "description": "As HH:MM, 24 hours"}
_ORDER: Final = {"type": "integer", "description": "The order's number"}
_CURRENCY: Final = {"type": "string", "description": "ISO 4217 code, three capital letters"}
_UNIT: Final = {
    "type": "string",
    "enum": ["mile", "kilometre", "metre", "foot", "pound", "kilogram", "ounce", "gram", "celsius", "fahrenheit",
             "litre", "gallon"],
}  # fmt: skip
_COUNTRY: Final = {"type": "string", "description": "ISO 3166 code, two capital letters"}


def _words(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _listed(of: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": dict(of), "description": description}


def _tool(description: str, optional: str = "", /, **properties: Any) -> dict[str, JsonValue]:
    left_out = optional.split()
    return {
        "description": description,
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name not in left_out],
            "additionalProperties": False,
        },
    }


TOOLS: Final[Mapping[str, Mapping[str, JsonValue]]] = {
    "get_weather": _tool(
        "Get the weather of a city, now or on a day of the next week.", "date unit",
        city=_words("The city's name alone"), date=_DATE, unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
    ),
    "create_event": _tool(
        "Put an appointment into the user's calendar.", "duration_minutes attendees location",
        title=_words("What it is, in the user's words"), date=_DATE, start=_TIME,
        duration_minutes={"type": "integer", "description": "How long it takes, if the user says so"},
        attendees=_listed({"type": "string"}, "Who else comes, if the user says so"),
        location=_words("Where it is, if the user says so"),
    ),
    "find_events": _tool(
        "List the appointments of the user's calendar from one day to another, both included.",
        from_date=_DATE, to_date=_DATE,
    ),
    "cancel_event": _tool("Take an appointment out of the calendar.", event_id=_words("Such as EV-12")),
    "convert_currency": _tool(
        "Convert an amount of money at today's rate.",
        amount={"type": "number"}, from_currency=_CURRENCY, to_currency=_CURRENCY,
    ),
    "convert_unit": _tool(
        "Convert a length, weight, volume or temperature.", value={"type": "number"}, from_unit=_UNIT, to_unit=_UNIT,
    ),
    "find_order": _tool("Look up what state an order of the shop is in.", order_number=_ORDER),
    "change_order_status": _tool(
        "Set the state of an order of the shop.",
        order_number=_ORDER, status={"type": "string", "enum": ["open", "packed", "shipped", "cancelled"]},
    ),
    "refund_order": _tool(
        "Pay money back to the customer of an order.",
        order_number=_ORDER, amount={"type": "number", "description": "In euros"},
        reason={"type": "string", "enum": ["damaged", "late", "wrong_item", "other"]},
    ),
    "search_products": _tool(
        "Search the shop's products.", "max_price min_rating in_stock",
        category={"type": "string", "enum": ["kitchen", "garden", "office", "toys"]},
        max_price={"type": "number", "description": "In euros"},
        min_rating={"type": "integer", "description": "Stars, 1 to 5"},
        in_stock={"type": "boolean", "description": "True: only what is there now"},
    ),
    "book_room": _tool(
        "Book a meeting room.", "equipment",
        room={"type": "string", "enum": ["oak", "birch", "maple"]}, date=_DATE, start=_TIME, end=_TIME,
        people={"type": "integer", "description": "How many come in all"},
        equipment=_listed({"type": "string", "enum": ["projector", "whiteboard", "video"]}, "What is needed there"),
    ),
    "set_alarm": _tool(
        "Set an alarm.", "weekdays",
        time=_TIME,
        weekdays=_listed(
            {"type": "string", "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
            "On which days it repeats; left out: it rings once",
        ),
    ),
    "translate_text": _tool(
        "Translate a text.", text=_words("The text itself"),
        target_language=_words("ISO 639-1 code, two small letters"),
    ),
    "register_customer": _tool(
        "Enter a new customer of the shop.", "newsletter",
        name=_words("First and last name"),
        address={
            "type": "object",
            "properties": {"street": _words("Street and number as they are written there"), "city": _words("City"),
                           "postcode": _words("Postcode"), "country": _COUNTRY},
            "required": ["street", "city", "postcode", "country"],
            "additionalProperties": False,
        },
        newsletter={"type": "boolean", "description": "Whether they want it, if they said so"},
    ),
    "shipping_cost": _tool(
        "Tell what it costs to send a parcel.", "express",
        weight_kg={"type": "number"},
        destination={
            "type": "object",
            "properties": {"country": _COUNTRY, "postcode": _words("Postcode")},
            "required": ["country", "postcode"],
            "additionalProperties": False,
        },
        express={"type": "boolean", "description": "True: by the fastest way"},
    ),
    "forward_mail": _tool(
        "Pass a mail on.",
        mail_id={"type": "integer"}, to=_listed({"type": "string"}, "Addresses"),
    ),
}  # fmt: skip
"""By name: description and parameters."""


def functions(names: list[str]) -> list[JsonValue]:
    """Return the definitions of these tools, as `Offer` and `ToolCalls` read them."""
    return [{"name": name, **TOOLS[name]} for name in names]
