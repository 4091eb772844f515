"""x"""

from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence
from copilot_kit_evals.verdict.verdicts import Finding


def wiring(evidence: Evidence, rule: Rule) -> list[Finding]:
    return []
