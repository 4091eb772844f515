"""The standing rule that a call would give: in words, and with what it would have let through so far."""

from dataclasses import dataclass

from copilot_kit.cli.screen import dim
from copilot_kit.display import in_margin
from copilot_kit.journal import Journal, Store
from copilot_kit.records import Principal, Proposal, StandingRule


@dataclass(frozen=True, slots=True)
class Offer:
    """A rule as a person sees it before they grant it."""

    rule: StandingRule
    lines: tuple[str, ...]


async def offer_of(store: Store, proposal: Proposal, *, by: Principal, width: int) -> Offer | None:
    """Return the narrowest rule for calls like this one; None where there is none worth having."""
    from copilot_kit.approval import standing

    rule = standing.offered(proposal, by=by)
    untrusted = rule is None
    if rule is None:
        rule = standing.offered(proposal, by=by, accepts_untrusted=True)
    if rule is None:
        return None
    lines = ["", "  a standing rule: from now on", *in_margin(standing.in_words(rule).split("\n"), width=width)]
    if untrusted:
        lines.append("  Nothing that you or the application said names its target; the rule would accept that.")
    if isinstance(store, Journal):
        matched, looked_at = await standing.would_have_matched(store, rule)
        lines.append(f"  It would have matched {matched} of the last {looked_at} calls of this tool.")
    lines.append(dim("  Listed and revoked with: copilot-kit gate rules"))
    return Offer(rule, tuple(lines))
