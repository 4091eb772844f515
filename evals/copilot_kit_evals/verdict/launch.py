"""The verdict on a candidate without an incumbent: whether users may see it at all."""

from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict import gains, gates
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.verdicts import Finding, Verdict, Word
from copilot_kit_evals.verdict.wiring import wiring


def launched(evidence: Evidence, rule: Rule) -> Verdict:
    """Return promote if every required reliability is shown and no must-pass item failed; hold if one is contradicted.

    Without a must-pass item and without a required reliability nothing says what is good enough: invalid.
    """
    compared = evidence.compared()
    findings = [
        *gates.must_pass(compared, rule),
        *gates.reliability(compared, rule),
        *gates.missing(compared, rule),
        *wiring(compared, rule),
        *gains.newly_works(evidence, rule),
        *gains.fragility(compared, rule),
        *gains.crutches(compared, rule),
    ]
    word, reasons, needed = _decided(evidence, findings)
    new = compared.candidate
    scored = [mark.mean for mark in new.marks if mark.all]
    return Verdict(
        verdict=word,
        kind="launch",
        incumbent=None,
        candidate=new.name,
        reasons=tuple(reasons),
        n_items=len(scored),
        difference=None,
        interval=None,
        p_exact=None,
        wins=0,
        losses=0,
        mean_candidate=sum(scored) / len(scored) if scored else None,
        cost_per_success={new.name: gates.per_success(new)},
        cost_usd={new.name: new.total_usd()},
        items_needed=needed,
        margin=rule.margin,
        sequential=evidence.sequential,
        findings=tuple(findings),
    )


def _decided(evidence: Evidence, findings: list[Finding]) -> tuple[Word, list[str], int | None]:
    gated = [one for one in findings if one.name in ("must_pass", "reliability")]
    ruined = [*evidence.problems, *(one.text for one in findings if one.name == "missing" and one.state == "fail")]
    if not any(mark.all for mark in evidence.candidate.marks):
        ruined.append(f"{evidence.candidate.name!r} has no score at all")
    if not gated:
        ruined.append("nothing says what is good enough: items need a required reliability, or must_pass")
    if ruined:
        return "invalid", ruined, None
    failed, left = ([one for one in gated if one.state == state] for state in ("fail", "open"))
    if failed or left:
        miswired = [one.text for one in findings if one.name == "wiring" and one.state == "fail"]
        if miswired:
            return "invalid", [f"probably wired wrongly, look here: {text}" for text in miswired], None
    if failed:
        return "hold", [one.text for one in failed], 0
    if left:
        needed = [one.figures["missing"] for one in left]
        return "inconclusive", [one.text for one in left], max(one for one in needed if isinstance(one, int))
    return "promote", [one.text for one in gated], 0
