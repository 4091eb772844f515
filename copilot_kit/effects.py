"""What a tool does to the world, and what each of its arguments is for: the words that tools declare and gates read."""

from typing import Literal, TypeAlias

Effect: TypeAlias = Literal["read", "write", "external"]
"""read changes nothing, write changes something of the user's, external leaves the house (mail, money, posts)."""
ArgumentRole: TypeAlias = Literal["destination", "object", "content", "wording"]
"""What an argument is for: whom it reaches, what it acts on, what it carries, how that is worded."""
