# SPDX-License-Identifier: Apache-2.0
"""Which cuts three rules accept, from an assessment.json, and what the strongest attack that was run finds there."""

# The rule before learning curves (tool versions up to the first gates for three assets): appearance alone, with the
# pictures at hand. Limits of R², of the SSIM gain, and of the decoder-KL over its null.
EARLIER = {"r2": 0.15, "gain": 0.05, "ratio": 0.5, "fraction": 0.95, "area": 0.65}
DEVIATIONS = 1.65
# The gates of today's standard, which the strongest attack is held against.
LIMITS = {"appearance": 0.15, "identity": 0.10, "class": 0.10}


def within_earlier(cut):
    """Whether one cut was within the earlier gates, each with its error against the cut."""
    channels = cut["klMean"] is None or cut["klPassFractionLower"] >= EARLIER["fraction"] or (
        cut["klAUC"] + DEVIATIONS * cut["klAUCError"] <= EARLIER["area"])
    return (
        channels
        and cut["r2"] + DEVIATIONS * cut["r2Deviation"] <= EARLIER["r2"]
        and cut["ssim"] - cut["ssimOfMean"] + DEVIATIONS * cut["ssimGainError"] <= EARLIER["gain"]
        and cut["decoderKLRatio"] is not None
        and cut["decoderKLRatio"] - DEVIATIONS * cut["decoderKLRatioError"] >= EARLIER["ratio"])


def first(result, accepts):
    """The shallowest cut from which on all are accepted; None where the deepest is not."""
    accepted = None
    for cut in reversed(result["cuts"]):
        if not accepts(cut):
            break
        accepted = cut
    return accepted


def choices(result):
    """[(rule, cut or None)]: the shallowest cut that each rule accepts."""
    paper = result["paperRule"]["front"]

    def outcome(cut, asset):
        return cut["assets"] is not None and cut["assets"][asset]["outcome"] == "passes"

    return [
        ("paper", next((cut for cut in result["cuts"] if cut["name"] == paper), None)),
        ("earlier", first(result, within_earlier)),
        # The verdict of an asset is over the cut and all deeper ones already.
        ("today, appearance alone", first(result, lambda cut: outcome(cut, "appearance"))),
        ("today, all three", first(result, lambda cut: cut["gates"]["passes"])),
    ]


def strongest(cuts):
    """What the strongest attack on one cut finds, over several assessments of it: {asset: (value, pictures)}.

    Values as measured, not extrapolated: R², the share identified, and the class beyond guessing."""
    found = {}

    def note(asset, value, pictures):
        if value is not None and value > found.get(asset, (-1, 0))[0]:
            found[asset] = value, pictures

    for cut, pictures in cuts:
        note("appearance", cut["r2"], pictures)
        for asset in LIMITS:
            for curve in (cut["assets"] or {}).get(asset, {}).get("curves", []):
                note(asset, curve["points"][-1]["value"], curve["points"][-1]["pictures"])
        for shots in ("class1Shot", "class5Shot"):
            if cut[shots] is not None and cut["classChance"] not in (None, 1):
                note("class", (cut[shots] - cut["classChance"]) / (1 - cut["classChance"]), pictures)
    return found


def broken(found):
    """The assets whose gate the strongest attack exceeds."""
    return [asset for asset, limit in LIMITS.items() if asset in found and found[asset][0] > limit]


def outcome(found, declared):
    """What the strongest attacks say of the assets that a rule protects: "broken" where one exceeds its gate, "not
    attacked" where none does and one of them was not attacked, else "holds"."""
    if any(asset in declared for asset in broken(found)):
        return "broken"
    return "holds" if all(asset in found for asset in declared) else "not attacked"
