"""A small shop that an agent can look things up in: the same facts and the same errors each time."""

from typing import Annotated, Any, Final

from copilot_kit.outputs import ToolError
from copilot_kit.tools import Tool, tool

_CUSTOMERS: Final[dict[str, dict[str, object]]] = {
    "Ines Falk": {"country": "AT", "orders": [1042, 1077]},
    "Paul Roux": {"country": "FR", "orders": [1055]},
    "Mara Lind": {"country": "SE", "orders": [1061, 1063, 1080]},
}
_ORDERS: Final[dict[int, dict[str, object]]] = {
    1042: {"product": "kettle", "pieces": 1, "status": "shipped", "day": "2026-02-19", "total_eur": 43.7},
    1055: {"product": "vase", "pieces": 3, "status": "packed", "day": "2026-03-03", "total_eur": 86.1},
    1061: {"product": "lamp", "pieces": 2, "status": "shipped", "day": "2026-02-11", "total_eur": 118.4},
    1063: {"product": "cup", "pieces": 6, "status": "cancelled", "day": "2026-02-14", "total_eur": 53.4},
    1077: {"product": "lamp", "pieces": 1, "status": "open", "day": "2026-03-04", "total_eur": 59.2},
    1080: {"product": "teapot", "pieces": 1, "status": "open", "day": "2026-03-04", "total_eur": 37.3},
}
_PRODUCTS: Final[dict[str, dict[str, object]]] = {
    "cup": {"in_stock": 41, "price_eur": 8.9, "weight_kg": 0.35},
    "kettle": {"in_stock": 0, "price_eur": 43.7, "weight_kg": 1.25},
    "lamp": {"in_stock": 7, "price_eur": 59.2, "weight_kg": 2.6},
    "teapot": {"in_stock": 13, "price_eur": 37.3, "weight_kg": 0.9},
    "vase": {"in_stock": 2, "price_eur": 28.7, "weight_kg": 1.85},
}
_POSTAGE: Final = {"AT": (6.15, 1.45), "DE": (4.85, 0.95), "FR": (8.35, 1.75), "SE": (11.45, 2.25)}
"""Euros: a parcel, and each kilogram begun."""


@tool(effect="read")
def find_customer(name: Annotated[str, "First and last name"]) -> dict[str, object]:
    """Find a customer: country and numbers of orders."""
    if name not in _CUSTOMERS:
        whole = [one for one in _CUSTOMERS if name and name.casefold() in one.casefold()]
        hint = f"Did you mean {' or '.join(whole)}?" if whole else "Check the spelling with the user."
        raise ToolError(f"There is no customer {name!r}. Write first and last name. {hint}")
    return _CUSTOMERS[name]


@tool(effect="read")
def find_order(order_number: int) -> dict[str, object]:
    """Find an order: product, pieces, status, day of its last change, total in euros."""
    if order_number not in _ORDERS:
        raise ToolError(f"There is no order {order_number!r}. Numbers have four digits, from 1001 on.")
    return _ORDERS[order_number]


@tool(effect="read")
def find_product(product: str) -> dict[str, object]:
    """Find a product: pieces in stock, price in euros, weight of a piece in kilograms."""
    if product.casefold() not in _PRODUCTS:
        raise ToolError(f"There is no product {product!r}. There are: {', '.join(_PRODUCTS)}.")
    return _PRODUCTS[product.casefold()]


@tool(effect="read")
def shipping_cost(country: Annotated[str, "Where to"], weight_kg: float) -> dict[str, object]:
    """Tell the postage of a parcel in euros."""
    if country not in _POSTAGE:
        raise ToolError(f"The country {country!r} is not known. Write two capital letters; we send to AT, DE, FR, SE.")
    if not 0 < weight_kg <= 30:  # noqa: PLR2004  what the post takes
        raise ToolError(f"A parcel weighs more than 0 and at most 30 kg, not {weight_kg!r}.")
    parcel, each = _POSTAGE[country]
    kilograms = int(weight_kg) + (weight_kg > int(weight_kg))
    return {"postage_eur": round(parcel + each * kilograms, 2)}


TOOLS: Final[tuple[Tool[..., Any], ...]] = (find_customer, find_order, find_product, shipping_cost)
