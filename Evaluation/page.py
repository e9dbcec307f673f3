# SPDX-License-Identifier: Apache-2.0
"""Documentation/evaluation.md and its plots, from the measurements alone."""

import networks
import plots


def write(trained, priced, folder):
    pictures = folder / "evaluation"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, text in (drawings(trained, priced)).items():
        (pictures / name).write_text(text)
    (folder / "evaluation.md").write_text(markdown(trained, priced))
    print(f"wrote {folder}/evaluation.md and {pictures}")


def drawings(trained, priced):
    def by_depth(measure):
        return [(name, [(share(cut, result), measure(cut, result)) for cut in result["cuts"] if measure(cut, result) is not None])
                for name, result in trained.items()]

    gates = next(iter(trained.values()))["gates"]
    inside = "share of the arithmetic inside the enclave"
    largest = max(result["everythingInside"]["enclaveBytes"] for result in priced.values()) / 2**20
    largest = max([largest] + [cut["cost"]["enclaveBytes"] / 2**20 for result in priced.values() for cut in result["cuts"]])
    return {
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


def markdown(trained, priced):
    first = next(iter(trained.values()))
    processor = sum(result["run"]["processorSeconds"] for result in [*trained.values(), *priced.values()]) / 60
    lines = [
        "# Evaluation", "",
        "<!-- Written by `make evaluation` from the measurements; change Evaluation/page.py, not this file. -->", "",
        "The paper's evaluation repeated on public pretrained networks: what each cut leaks under two adversaries, what it",
        "costs, and which cut each rule chooses. `make evaluation` measures it again. It needs the networks and images in the",
        "folder that `INFENCLAVE_SHARED` names, and resumes after an interruption.", "",
        f"**Settings.** At most {networks.PICTURES} images for each network; a quarter of them tests the decoders. Channel KL on the first "
        f"{networks.KL_PICTURES}{too_few(networks.KL_PICTURES)}. Up to 8 cuts, with a trained decoder at those near the decision. Seed "
        f"{networks.SEED}; gates *{first['gates']['name']}*; {first_threads(priced)}. Times are the fastest of 7 runs outside any TEE, on a "
        f"machine with other load, so they are rough. Processor time: {processor:.0f} minutes in all. With so few images every leak below is a "
        "lower bound, and a decoder that fails does not show that there is nothing to find. "
        "[How to read the columns](reading-a-report.md).", "",
        "## What is recovered", ""]
    lines += interpretation(trained) + ["", "![R² of the best decoder by cut](evaluation/decoders.svg)", "",
                                        "![Channel KL by cut](evaluation/kl.svg)", ""]
    lines += ["## What each rule picks, and what it costs", ""] + choices(trained)
    lines += ["", "## Network by network", ""]
    for network in networks.TRAINED:
        if network.name in trained:
            lines += trained_section(network, trained[network.name])
    lines += ["## The paper's three networks: cost", ""] + costs(priced)
    return "\n".join(lines).rstrip() + "\n"


def first_threads(priced):
    threads = next(iter(priced.values()))["threads"]
    return "1 thread" if threads == 1 else f"{threads} threads"


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
    vectors = [name for name, result in trained.items() if not result["recommendation"]["everythingInside"]]
    text.append(
        f"- **The recommendation** is everything inside on {inside} of {len(trained)} networks"
        + (f", and a cut after pooling on {', '.join(vectors)}: a vector, from which ridge regression on so few images recovers "
           "nothing. That is weak evidence: the class can be read from such a vector, and an attacker with more images "
           "finds more." if vectors else "."))
    return text


def trained_section(network, result):
    validator = network.validator or "the model itself"
    rows = []
    for cut in result["cuts"]:
        rows.append([
            f"`{cut['name']}`", f"{share(cut, result):.0%}", f"{number(cut['klMean'])} / {number(cut['klNullMean'])}",
            number(cut["klAUC"]), f"{number(cut['r2'])} ± {number(cut['r2Deviation'])}", cut["reconstruction"]["decoder"],
            number(cut["ssim"] - cut["ssimOfMean"]), f"{cut['retrievalTop1']:.0%}", number(cut["decoderKLRatio"]),
            "within" if cut["gates"]["passes"] else "leaks"])
    unsure = result["validatorUnsure"]
    return [
        f"### {network.name}", "",
        f"{network.kind}. {result['images']} images (`{network.images}`), {result['testImages']} of them to test; validator: "
        f"{validator}, unsure of {unsure} of {result['klImages']}; uniform baseline {number(result['baselineMean'])} nats.", "",
        *table(["cut after", "inside", "KL matched / mismatched", "AUC", "R²", "decoder", "SSIM gain", f"top-1 of {result['testImages']}",
                "decoder-KL ratio", "gates"], rows), ""]


def choices(trained):
    rows = []
    for name, result in trained.items():
        whole, recommendation = everything(result), result["recommendation"]
        paper = result["paperRule"]["front"]
        chosen = [
            ("nothing protected", None, {"latencyMilliseconds": result["model"]["milliseconds"], "enclaveBytes": 0, "boundaryBytes": None}),
            ("paper's rule", paper or "everything inside", plan_of(result, paper) if paper else whole),
            ("informed, gates", "everything inside" if recommendation["everythingInside"] else recommendation["front"],
             plan_of(result, recommendation["front"], recommendation["mapping"])),
            ("everything inside", "", whole)]
        for rule, place, plan in chosen:
            cut = cut_named(result, place)
            if place is None:
                seen, found = "the image", "100%"
            elif cut is None:
                seen, found = "nothing", "chance"
            else:
                seen, found = number(cut["r2"]), f"{cut['retrievalTop1']:.0%}"
            crosses = plan["boundaryBytes"]
            rows.append([name, rule, f"`{place}`" if cut else (place or ""), seen, found, number(plan["latencyMilliseconds"], 1),
                         mebibytes(plan["enclaveBytes"]), "–" if crosses is None else f"{crosses / 1024:.1f}"])
    return [
        "Latency on this machine with an enclave factor of 1, transfer across the boundary included. For a TEE, multiply the time "
        "inside by its factor (`--enclave-factor`). A cut is recommended where it is more than 5 % faster than everything inside. "
        "These times vary by more than that from run to run, so they do not settle whether a cut within the gates is faster.", "",
        *table(["network", "rule", "cut after", "R² recovered", "identified", "ms", "enclave MiB", "KiB across"], rows)]


def costs(priced):
    lines = [
        "Random weights: cost does not depend on their values. Columns: latency inside (FrontNet and mapping unit), latency outside "
        "(BackNet), bytes across (their transfer is not in the latency), and the enclave memory that the engine plans: weights, "
        "activations and scratch. Rows were timed one after the other, so sums of neighbouring rows differ by timing noise.",
        "",
        "![Enclave memory by cut](evaluation/memory.svg)", ""]
    for name, result in priced.items():
        rows = []
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
