"""What `copilot-kit stats judge` prints: agreement with people, leaning to a place, errors both ways, true rates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from copilot_kit.approval.bounds import Interval
from copilot_kit.cli.screen import told
from copilot_kit_evals.cli.sheets import as_json, number, sheet, span
from copilot_kit_evals.cli.stats.judge_verdicts import Verdicts, as_seen_by_judge

if TYPE_CHECKING:
    from copilot_kit_evals.stats.judges import PositionBias


def show_judge(found: Verdicts, *, confidence: float, json: bool) -> None:
    """Print how far the judge of these verdicts can be trusted."""
    from copilot_kit_evals.stats.judges import agreement

    human, judge = [one.human for one in found.paired], [one.judge for one in found.paired]
    clusters = found.clusters
    order = sorted({*human, *judge}, key=int) if found.kind == "scale" else None
    result = agreement(human, judge, clusters=clusters, confidence=confidence)
    intervals: dict[str, Any] = {"kappa": result.interval, "agreement": result.agreement_interval}
    report: dict[str, Any] = {
        "kappa": result.kappa, "kappa_error": result.error, "agreement": result.agreement,
        "expected_agreement": result.expected, "kind": found.kind,
        "categories": sorted({*human, *judge}) if order is None else order,
        "n_items": len({one.item for one in found.paired}), "n_verdicts": len(found.paired),
        "only_human": found.only_human, "only_judge": len(found.unlabelled), "cluster": found.cluster,
        "weighted_kappa": None, "position_bias": None, "position": None, "consistency": None,
        "sensitivity": None, "specificity": None, "corrected": None, "intervals": intervals,
    }  # fmt: skip
    if order is not None:
        report["weighted_kappa"] = {
            name: agreement(human, judge, order=order, weights=name, clusters=clusters, confidence=confidence).kappa
            for name in ("linear", "quadratic")
        }
    if found.kind == "pair":
        _add_position(report, found, confidence)
    if found.kind == "binary":
        _add_errors(report, found, confidence)
    _show(report, json=json)


def _add_position(report: dict[str, Any], found: Verdicts, confidence: float) -> None:
    from copilot_kit_evals.stats.judges import swap_consistency

    seen = [as_seen_by_judge(one) for one in found.paired]
    result = _lean(seen, found.clusters, confidence)
    once = list({(one.item, one.turned): both for one, both in zip(found.paired, seen, strict=True)}.values())
    judged = _lean(once, None, confidence)  # a verdict counts once, however many people judged the item
    report["position_bias"] = result.lean.mean
    report["position"] = {
        "judge_left": result.judge_left, "human_left": result.human_left, "error": result.lean.error,
        "decided": judged.decided, "left_of_decided": judged.decided_left,
    }  # fmt: skip
    report["intervals"]["position_bias"] = result.lean.interval
    if found.both_orders:
        first, swapped = [one for one, _ in found.both_orders], [other for _, other in found.both_orders]
        report["consistency"], report["intervals"]["consistency"] = swap_consistency(
            first, swapped, confidence=confidence
        )


def _lean(seen: Sequence[tuple[str, str]], clusters: Sequence[str] | None, confidence: float) -> "PositionBias":
    from copilot_kit_evals.stats.judges import position_bias

    human, judge = [one for one, _ in seen], [other for _, other in seen]
    return position_bias(human, judge, clusters=clusters, confidence=confidence)


def _add_errors(report: dict[str, Any], found: Verdicts, confidence: float) -> None:
    from copilot_kit_evals.stats.judges import accuracy

    human, judge = [int(one.human) for one in found.paired], [int(one.judge) for one in found.paired]
    known = accuracy(human, judge, confidence=confidence)
    report["sensitivity"], report["specificity"] = known.sensitivity, known.specificity
    report["confusion"] = {
        "true_positive": known.true_positive, "false_negative": known.false_negative,
        "false_positive": known.false_positive, "true_negative": known.true_negative,
    }  # fmt: skip
    report["intervals"]["sensitivity"] = known.sensitivity_interval
    report["intervals"]["specificity"] = known.specificity_interval
    if found.unlabelled:
        report["corrected"] = _corrected(human, judge, [int(one) for one in found.unlabelled], confidence)


def _corrected(human: Sequence[int], judge: Sequence[int], others: Sequence[int], confidence: float) -> dict[str, Any]:
    """Return the rate that people would have found, over the items that only the judge has seen."""
    from copilot_kit_evals.stats.arrays import NotUsable
    from copilot_kit_evals.stats.judges import accuracy, prediction_powered, rogan_gladen

    raw = sum(others) / len(others)
    report: dict[str, Any] = {"judge_rate": raw, "rogan_gladen": None, "prediction_powered": None}
    try:
        report["rogan_gladen"] = rogan_gladen(raw, len(others), accuracy(human, judge), confidence=confidence)
        report["prediction_powered"] = prediction_powered(human, judge, others, confidence=confidence)
    except NotUsable as error:
        told(str(error))
    return report


def _show(report: dict[str, Any], *, json: bool) -> None:
    if json:
        as_json(report)
        return
    ends: dict[str, Interval | None] = report["intervals"]
    rows = [
        (name.replace("_", " "), number(report[name]), span(ends.get(name)))
        for name in ("kappa", "agreement", "sensitivity", "specificity", "position_bias", "consistency")
        if name == "kappa" or report[name] is not None
    ]
    scales = report["weighted_kappa"] or {}
    rows += [(f"{name} kappa", number(value), "-") for name, value in scales.items()]
    for name, title in (("rogan_gladen", "Rogan-Gladen"), ("prediction_powered", "prediction-powered")):
        corrected = (report["corrected"] or {}).get(name)
        if corrected is not None:
            rows.append((f"rate, {title}", number(corrected.rate), span(corrected.interval)))
    sheet(("of the judge", "value", "interval"), rows)
    together = "" if report["cluster"] is None else f", taken together by {report['cluster']!r}"
    told(f"{report['n_verdicts']:,} pairs of verdicts on {report['n_items']:,} items{together}.")
