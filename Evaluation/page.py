# SPDX-License-Identifier: Apache-2.0
"""Documentation/evaluation.md and its plots, from the measurements alone."""

import re

import curves
import networks
import plots
import rules


def write(trained, priced, pairs, folder):
    pictures = folder / "evaluation"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, text in (drawings(trained, priced)).items():
        (pictures / name).write_text(text)
    page = folder / "evaluation.md"
    page.write_text(markdown(trained, priced, pairs, sections(page.read_text()) if page.exists() else {}))
    print(f"wrote {folder}/evaluation.md and {pictures}")


def drawings(trained, priced):
    def by_depth(measure):
        return [(name, [(share(cut, result), measure(cut, result)) for cut in result["cuts"] if measure(cut, result) is not None])
                for name, result in trained.items()]

    gates = next(iter(trained.values()))["gates"]
    inside = "share of the arithmetic inside the enclave"
    largest = max([networks.ENCLAVE_BYTES / 2**20] + [
        cost["enclaveBytes"] / 2**20 for result in priced.values()
        for cost in [result["everythingInside"], *(cut["cost"] for cut in result["cuts"])]])
    drawn = {
        "decoders.svg": plots.lines(
            "The informed adversary: best decoder by cut", inside, "R²: 1 = exact, 0 = no better than the mean image",
            by_depth(lambda cut, _: max(0, cut["r2"])), [("gate", gates["maximumR2"])]),
        "kl.svg": plots.lines(
            "The paper's adversary: nearest channel by cut", inside, "mean KL over the uniform baseline; the rule asks for 1",
            by_depth(lambda cut, result: cut["klMean"] and cut["klMean"] / result["baselineMean"]),
            [("the paper's rule", 1)], y_range=(0, 5)),
        "memory.svg": plots.lines(
            "Enclave memory by cut, the paper's networks", "share of the arithmetic inside, mapping unit included", "MiB",
            [(name, [(priced_share(cut, result), cut["cost"]["enclaveBytes"] / 2**20) for cut in result["cuts"]])
             for name, result in priced.items()],
            [("93 MiB", networks.ENCLAVE_BYTES / 2**20)], y_range=(0, 20 * (int(largest / 20) + 1))),
    }
    # Where something was not measured again, the earlier plot stays, as the sections do.
    if len(priced) < len(networks.PRICED):
        del drawn["memory.svg"]
    if len(trained) < len(networks.TRAINED):
        del drawn["decoders.svg"], drawn["kl.svg"]
    return drawn


OLDER = "*Measured with an earlier version: verdicts follow from the images at hand, and times predate Winograd's algorithm.*"


def sections(text):
    """{heading: section} of the third level of an existing page, for what is not measured again."""
    found = {}
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        found[heading] = re.split(r"^## ", body, flags=re.MULTILINE)[0].replace(OLDER, "").strip()
    return found


def older(heading, kept):
    """The section of something that was not measured again."""
    return [f"### {heading}", "", OLDER, "", kept[heading], ""] if heading in kept else []


def share(cut, result):
    return cut["cost"]["multiplyAddsInside"] / result["model"]["multiplyAdds"]


def priced_share(cut, result):
    return cut["cost"]["multiplyAddsInside"] / result["everythingInside"]["multiplyAddsInside"]


def number(value, digits=2):
    # Adding 0 makes -0.0 a plain 0.
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def mebibytes(count):
    return f"{count / 2**20:.1f}"


def table(heads, rows):
    return ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)] + [
        "| " + " | ".join(row) + " |" for row in rows]


def cut_named(result, name):
    return next((cut for cut in result["cuts"] if cut["name"] == name), None)


def plan_of(result, front, mapping=None):
    """The first plan with this front, the one with this mapping cut where several have it."""
    plans = [plan for plan in result["plans"] if plan["front"] == front]
    return next((plan for plan in plans if plan["mapping"] == mapping), plans[0] if plans else None)


def everything(result):
    return next(plan for plan in result["plans"] if plan["everythingInside"])


def markdown(trained, priced, pairs, kept):
    first = next(iter(trained.values()))
    processor = sum(result["run"]["processorSeconds"] for result in [*trained.values(), *priced.values()]) / 60
    absent = [network.name for network in (*networks.TRAINED, *networks.PRICED) if network.name not in {**trained, **priced}]
    lines = [
        "# Evaluation", "",
        "<!-- Written by `make evaluation` from the measurements; change Evaluation/page.py, not this file. -->", "",
        "The paper's evaluation repeated on public pretrained networks: what each cut leaks under two adversaries, what it",
        "costs, and which cut each rule chooses. `make evaluation` measures it again. It needs the networks and images in the",
        "folder that `INFENCLAVE_SHARED` names, and resumes after an interruption.", "",
        f"**Settings.** At most {networks.PICTURES} images for each network; a quarter of them tests the decoders. Channel KL on "
        f"{networks.KL_PICTURES}{too_few(networks.KL_PICTURES)}. Up to 8 cuts, with a trained decoder at those near the decision. Seed "
        f"{networks.SEED}; gates *{first['gates']['name']}* for an attacker with {first['attackerPictures']:,} images; "
        f"{threads(first)}. Times are the fastest of 7 runs outside any TEE, on a "
        f"machine with other load, so they are rough. Processor time: {processor:.0f} minutes in all. Every R² of the decoders "
        "below is a lower bound: an attacker with more images finds more, and a decoder that fails does not show that there is nothing to find. "
        "[How to read the columns](reading-a-report.md).", "",
        "## What is recovered", ""]
    lines += interpretation(trained) + ["", "![R² of the best decoder by cut](evaluation/decoders.svg)", "",
                                        "![Channel KL by cut](evaluation/kl.svg)", ""]
    if absent:
        lines += [f"Not measured again, so their sections below and the plots are of an earlier version, and the figures above leave them "
                  f"out: {', '.join(absent)}.", ""]
    lines += ["## Three rules against the strongest attack, and what they cost", ""] + chosen(trained, pairs)
    if pairs:
        lines += ["", "## What few images say of more", ""] + coverage(pairs)
    lines += ["", "## Network by network", ""]
    for network in networks.TRAINED:
        lines += trained_section(network, trained[network.name]) if network.name in trained else older(network.name, kept)
    lines += ["## The paper's three networks: cost", ""] + costs(priced, kept)
    return "\n".join(lines).rstrip() + "\n"


def threads(result):
    return "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"


def too_few(count):
    """Wilson's lower bound of n of n reaches 95 % at 52 (reading-a-report.md, Gates)."""
    return "" if count >= 52 else " (fewer than the 52 that the gate on the share of images needs, so only the AUC can satisfy the KL gates)"


def interpretation(trained):
    """Sentences that the measurements decide."""
    picked = [(name, cut_named(result, result["paperRule"]["front"])) for name, result in trained.items()
              if result["paperRule"]["front"]]
    text = []
    if picked:
        text.append(
            f"- **The paper's rule** picks a cut on {len(picked)} of {len(trained)} networks, and everything inside on the "
            "others. At its cuts the informed adversary recovers "
            + "; ".join(f"R² {number(cut['r2'])} and identifies {cut['retrievalTop1']:.0%} of the test images ({name}, `{cut['name']}`)"
                        for name, cut in picked) + ".")
    blind = [(name, [cut for cut in result["cuts"] if cut["klAUC"] is not None and abs(cut["klAUC"] - 0.5) <= 0.05])
             for name, result in trained.items()]
    blind = [(name, max(cuts, key=lambda cut: cut["r2"])) for name, cuts in blind if cuts]
    if blind:
        text.append(
            "- **Single channels reveal little where all channels together reveal much**: the channel KL is at chance (AUC 0.45 to 0.55) at cuts "
            "whose best decoder still reaches "
            + ", ".join(f"R² {number(cut['r2'])} ({name}, `{cut['name']}`)" for name, cut in blind) + ".")
    maps = [cut for result in trained.values() for cut in result["cuts"] if len(cut["crossing"][0]["shape"]) == 4
            and cut["crossing"][0]["shape"][2] > 1]
    passing = [cut for cut in maps if cut["gates"]["passes"]]
    text.append(
        f"- **No feature map is within the gates** at any of the {len(maps)} cuts where one crosses."
        if not passing else f"- Of {len(maps)} cuts where a feature map crosses, {len(passing)} are within the gates.")
    inside = sum(result["recommendation"]["everythingInside"] for result in trained.values())
    others = [f"{name} (`{result['recommendation']['front']}`)" for name, result in trained.items()
              if not result["recommendation"]["everythingInside"]]
    text.append(
        f"- **The recommendation** with all three assets protected is everything inside on {inside} of {len(trained)} networks"
        + (f", and a cut on {', '.join(others)}." if others else "."))
    return text


def trained_section(network, result):
    validator = network.validator or "the model itself"
    rows = []
    for cut in result["cuts"]:
        rows.append([
            f"`{cut['name']}`", f"{share(cut, result):.0%}", f"{number(cut['klMean'])} / {number(cut['klNullMean'])}",
            number(cut["klAUC"]), f"{number(cut['r2'])} ± {number(cut['r2Deviation'])}", cut["reconstruction"]["decoder"],
            number(cut["ssim"] - cut["ssimOfMean"]), f"{cut['retrievalTop1']:.0%}", number(cut["decoderKLRatio"]),
            *(asset(cut, name) for name in rules.LIMITS)])
    unsure = result["validatorUnsure"]
    return [
        f"### {network.name}", "",
        f"{network.kind}. {result['images']} images (`{network.images}`), {result['testImages']} of them to test; validator: "
        f"{validator}, unsure of {unsure} of {result['klImages']}; uniform baseline {number(result['baselineMean'])} nats.", "",
        *table(["cut after", "inside", "KL matched / mismatched", "AUC", "R²", "decoder", "SSIM gain", f"top-1 of {result['testImages']}",
                "decoder-KL ratio", *(f"{name}, more images" for name in rules.LIMITS)], rows), ""]


def asset(cut, name):
    """What the attacker with more images is expected to find of an asset here or deeper, with its interval, and the verdict."""
    found = cut["assets"][name]
    interval = f"{number(found['estimate'])} [{number(found['lower'])}, {number(found['upper'])}] {found['outcome']}"
    decision = found.get("decidedBy")
    # Another measure of the asset decides.
    if decision and decision["measure"] not in ("extrapolatedRSquared", "identification", "classGain"):
        interval += f" ({decision['measure']} {number(decision['value'])}, limit {number(decision['limit'])})"
    return interval


RULES = {
    "paper": "paper's rule", "earlier": "earlier rule", "today, appearance alone": "today, appearance alone",
    "today, all three": "today, all three assets"}


def choices(trained, pairs):
    """The shallowest cut that each rule accepts, against the strongest attack that was run on it."""
    rows, told = [], []
    for name, result in trained.items():
        whole = everything(result)
        for rule, cut in rules.choices(result):
            plan = plan_of(result, cut["name"]) if cut else whole
            costs = [number(plan["latencyMilliseconds"], 1), mebibytes(plan["enclaveBytes"]),
                     f"{plan['boundaryBytes'] / 1024:.1f}", f"{1 - plan['multiplyAddsInside'] / result['model']['multiplyAdds']:.0%}"]
            if cut is None:
                rows.append([name, RULES[rule], "everything inside", "–", "–", "–", "nothing crosses", *costs])
                continue
            attacks = [(cut, result["trainingImages"])]
            for pair in pairs:
                if (pair["model"], pair["cut"]) == (name, cut["name"]):
                    attacks += [(pair[which]["cuts"][0], pair[which]["trainingImages"]) for which in ("before", "after")]
            found = rules.strongest(attacks)
            # What a rule protects: appearance alone, unless it is today's for all three.
            declared = list(rules.LIMITS) if rule == "today, all three" else ["appearance"]
            outcome = rules.outcome(found, declared)
            told.append((rule, name, cut["name"], outcome))
            figure = lambda asset: f"{number(found[asset][0])} ({found[asset][1]})" if asset in found else "–"
            rows.append([name, RULES[rule], f"`{cut['name']}`", figure("appearance"), figure("identity"), figure("class"),
                         "**broken**" if outcome == "broken" else outcome, *costs])
    return rows, told


def chosen(trained, pairs):
    rows, told = choices(trained, pairs)
    lines = [
        "The shallowest cut that each rule accepts, and what the strongest attack that was run on it finds: R², the share of images that "
        "are identified, the class beyond guessing, each with the number of images that the attack learned from. *Broken*: an attack exceeds the gate "
        f"(R² {rules.LIMITS['appearance']}) of the asset that the rule protects. *Not attacked*: no attack measured one of these assets, which says nothing. The paper's rule, the earlier one and the third protect appearance; the last "
        "protects all three assets.", "",
        *table(["network", "rule", "cut after", "R² (images)", "identified", "class", "outcome", "ms", "enclave MiB", "KiB across",
                "arithmetic outside"], rows), ""]
    for rule in RULES:
        accepted = [(name, cut, outcome) for of, name, cut, outcome in told if of == rule]
        lost, open_cuts = (
            [f"`{cut}` of {name}" for name, cut, outcome in accepted if outcome == wanted] for wanted in ("broken", "not attacked"))
        untried = f" An asset was not attacked at {', '.join(open_cuts)}." if open_cuts else ""
        lines.append(f"- {RULES[rule][0].upper()}{RULES[rule][1:]}: accepts a cut on {len(accepted)} of {len(trained)} networks"
                     + (f", of which {len(lost)} " + ("is" if len(lost) == 1 else "are") + f" broken ({', '.join(lost)})." if lost
                        else "; none of them is broken." if accepted else ".") + untried)
    return lines + [
        "", "Latency on this machine with an enclave factor of 1, transfer across the boundary included. For a TEE, multiply the time "
        "inside by its factor (`--enclave-factor`). The plan that `assess` recommends must also gain more than 5 % over everything inside "
        "and move 1 % of the arithmetic out."] + decided(trained)


def decided(trained):
    """The processor time that each rule takes to decide."""
    rows = []
    for name, result in trained.items():
        stages = result["run"].get("stages")
        if not stages:
            continue
        divergence, attacks = stages.get("channel KL", 0), stages.get("decoders", 0)
        rows.append([name, f"{len(result['cuts'])}", *(
            number(seconds / 60, 1) for seconds in (divergence, attacks + divergence, sum(stages.values())))])
    if not rows:
        return []
    return [
        "", "What each rule takes to decide, in minutes of processor time. The paper's rule needs the channel KL. The earlier rule needs decoders "
        "as well; their learning curves, which only today's rule reads, are included, because one fit makes both. Today's rule needs all that "
        "was run: also the costs of the cuts, and bounds and white-box attacks where they can change the decision.", "",
        *table(["network", "cuts", "paper's rule", "earlier rule", "today's rule"], rows)]


def coverage(pairs):
    """How often an interval from a few images holds what more images find."""
    rows, held = [], {"appearance": 0, "identity": 0}
    # Of the intervals that an upper end below 1 bounds: how many there are, and how many hold.
    bounded, kept = dict(held), dict(held)
    for pair in pairs:
        row = [pair["model"], f"`{pair['cut']}`", f"{pair['few']}", f"{pair['all']}"]
        for asset in held:
            lower, estimate, upper, truth, inside = curves.compared(pair, asset)
            held[asset] += inside
            bounded[asset] += upper < 1
            kept[asset] += inside and upper < 1
            row += [f"{number(estimate)} [{number(lower)}, {number(upper)}]", number(truth), "yes" if inside else "**no**"]
        verdict = pair["verdict"]["cuts"][0]["assets"]
        rows.append(row + [f"{verdict[name]['outcome']}" for name in rules.LIMITS])
    absent = [f"`{cut}` of {model}" for model, cut, _ in curves.PAIRS
              if (model, cut) not in [(pair["model"], pair["cut"]) for pair in pairs]]
    return [
        "The tool's interval from a few images, at the number of images that the attacks learn from with all of them, and what they find with "
        "all (`python3 Evaluation/curves.py`). The last three columns are the tool's verdicts from the few images, for an attacker with "
        f"{curves.ATTACKER:,}. "
        f"R² is inside for {held['appearance']} of {len(pairs)} pairs of network and cut, the share identified for {held['identity']}."
        " An upper end of 1.00 bounds nothing. Of the intervals that are bounded from above, "
        f"{kept['appearance']} of {bounded['appearance']} hold R², and {kept['identity']} of {bounded['identity']} the share identified."
        + (f" Not measured this time: {', '.join(absent)}." if absent else ""), "",
        *table(["network", "cut after", "few", "all", "R² from few", "R² of all", "inside", "identified from few", "identified of all",
                "inside", *rules.LIMITS], rows)]


def costs(priced, kept):
    lines = [
        "Random weights: cost does not depend on their values. Columns: latency inside (FrontNet and mapping unit), latency outside "
        "(BackNet), bytes across (their transfer is not in the latency), and the enclave memory that the engine plans: weights, "
        "activations and scratch. Rows were timed one after the other, so sums of neighbouring rows differ by timing noise.",
        "",
        "![Enclave memory by cut](evaluation/memory.svg)", ""]
    for name in (network.name for network in networks.PRICED):
        if name not in priced:
            lines += older(name, kept)
            continue
        rows, result = [], priced[name]
        entries = [(f"`{cut['name']}`", cut["cost"]) for cut in result["cuts"]] + [("everything inside", result["everythingInside"])]
        for place, cost in entries:
            rows.append([
                place, f"{cost['multiplyAddsInside'] / result['everythingInside']['multiplyAddsInside']:.0%}",
                number(cost["frontMilliseconds"] + (cost["mappingMilliseconds"] or 0), 1), number(cost["backMilliseconds"], 1),
                f"{cost['boundaryBytes'] / 1024:.0f}", mebibytes(cost["enclaveBytes"]),
                "yes" if cost["enclaveBytes"] <= networks.ENCLAVE_BYTES else "no"])
        fits = sum(row[-1] == "yes" for row in rows)
        lines += [f"### {name}", "", f"{fits} of these {len(rows)} plans fit into 93 MiB.", "",
                  *table(["cut after", "inside", "ms inside", "ms outside", "KiB across", "enclave MiB", "fits 93 MiB"], rows), ""]
    return lines
