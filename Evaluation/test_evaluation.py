# SPDX-License-Identifier: Apache-2.0
"""python3 -m unittest: choosing cuts, weights, and rendering, without the program."""

import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import curves
import darknet
import page
import plots
import rules
import run

CONFIGURATION = """[net]
channels=3
[convolutional]
batch_normalize=1
filters=4
size=3
[maxpool]
[convolutional]
filters=2
size=1
[route]
layers=-1,0
[convolutional]
filters=5
size=1
[softmax]
"""


def curve(*values):
    return {"points": [{"pictures": 50 << at, "value": value} for at, value in enumerate(values)]}


def cut(name, r2, estimate, identity=0.9, passes=False, crossing=(1, 8), kl=None):
    """A cut of an assessment.json: R² of the decoders, and R² expected of the attacker with more images."""
    def asset(value, *found):
        outcome = "fails" if value > 0.15 else "passes"
        return {"outcome": outcome, "lower": value / 2, "estimate": value, "upper": 2 * value, "curves": [curve(*found)]}

    return {
        "name": name, "r2": r2, "r2Deviation": 0.01, "ssim": 0.3, "ssimOfMean": 0.29, "ssimGainError": 0.01,
        "decoderKLRatio": 0.9, "decoderKLRatioError": 0.02, "klMean": kl, "klNullMean": kl, "klAUC": kl and 0.5,
        "klAUCError": 0.02, "klPassFractionLower": 0.2, "retrievalTop1": 0.1, "class1Shot": 0.6, "class5Shot": None,
        "classChance": 0.2, "crossing": [{"shape": list(crossing)}], "gates": {"passes": passes},
        "reconstruction": {"decoder": "global"},
        "assets": {"appearance": asset(estimate, 0.0, estimate / 2), "identity": asset(identity, 0.1, identity),
                   "class": asset(0.7, 0.3, 0.4)},
        "cost": {"multiplyAddsInside": 90, "enclaveBytes": 1 << 20}}


def result(*cuts, paper=None):
    def plan(front, inside, milliseconds):
        return {"front": front, "mapping": "logits", "everythingInside": inside, "latencyMilliseconds": milliseconds,
                "enclaveBytes": 1 << 20, "boundaryBytes": 0 if inside else 2048, "multiplyAddsInside": 100 if inside else 90}

    return {
        "cuts": list(cuts), "paperRule": {"front": paper}, "images": 200, "trainingImages": 150, "testImages": 50,
        "klImages": 24, "validatorUnsure": 1, "baselineMean": 2.0, "attackerPictures": 100_000, "threads": 1,
        "gates": {"name": "standard", "maximumR2": 0.15}, "model": {"milliseconds": 5.0, "multiplyAdds": 100},
        "recommendation": {"everythingInside": True, "front": "logits", "mapping": "logits"},
        "plans": [plan(cut["name"], False, 4.0) for cut in cuts] + [plan("logits", True, 5.0)],
        "run": {"processorSeconds": 60.0}}


class RuleTests(unittest.TestCase):
    def accepted(self, found):
        return {rule: chosen and chosen["name"] for rule, chosen in rules.choices(found)}

    def test_each_rule_accepts_the_shallowest_cut_from_which_on_it_holds(self):
        found = result(
            cut("a", 0.05, 0.4, kl=1.0), cut("b", 0.5, 0.6, kl=3.0), cut("c", 0.02, 0.3), cut("d", 0.01, 0.05), paper="b")
        # The earlier rule would accept the first cut, were it not for the second.
        self.assertEqual(self.accepted(found), {
            "paper": "b", "earlier": "c", "today, appearance alone": "d", "today, all three": None})

    def test_the_earlier_rule_counts_errors_and_the_channel_kl(self):
        self.assertEqual(self.accepted(result(cut("a", 0.14, 0.1)))["earlier"], None)
        self.assertEqual(self.accepted(result(cut("a", 0.13, 0.1)))["earlier"], "a")
        told = cut("a", 0.05, 0.1, kl=1.0) | {"klAUC": 0.63}
        self.assertEqual(self.accepted(result(told))["earlier"], None)

    def test_the_strongest_attack_is_the_best_that_was_measured(self):
        few, many = cut("a", 0.12, 0.1), cut("a", 0.02, 0.5)
        found = rules.strongest([(few, 150), (many, 525)])
        self.assertEqual(found["appearance"], (0.25, 100))
        self.assertEqual(found["identity"], (0.9, 100))
        # (0.6 - 0.2) / 0.8 from one example beats the curve's 0.4.
        self.assertAlmostEqual(found["class"][0], 0.5)
        self.assertEqual(rules.broken(found), ["appearance", "identity", "class"])
        self.assertEqual(rules.broken({"appearance": (0.15, 10)}), [])

    def test_an_asset_that_was_not_attacked_does_not_hold(self):
        within, every = {"appearance": (0.1, 10)}, list(rules.LIMITS)
        self.assertEqual(rules.outcome(within, ["appearance"]), "holds")
        self.assertEqual(rules.outcome(within, every), "not attacked")
        self.assertEqual(rules.outcome({}, ["appearance"]), "not attacked")
        self.assertEqual(rules.outcome({"class": (0.5, 10)}, every), "broken")
        self.assertEqual(rules.outcome({"class": (0.5, 10), "appearance": (0, 10)}, ["appearance"]), "holds")


class PageTests(unittest.TestCase):
    def test_a_cut_that_is_broken_by_more_pictures_is_told_of(self):
        few, many = result(cut("d", 0.01, 0.05)), result(cut("d", 0.2, 0.4))
        pairs = [{"model": "net", "cut": "d", "few": 200, "all": 700, "before": few, "after": many}]
        lines = "\n".join(page.chosen({"net": few}, pairs))
        self.assertIn("| net | earlier rule | `d` | 0.20 (", lines)
        self.assertIn("Earlier rule: accepts a cut on 1 of 1 networks, of which 1 is broken (`d` of net).", lines)
        self.assertIn("Paper's rule: accepts a cut on 0 of 1 networks.", lines)

    def test_a_cut_that_nobody_attacked_is_not_called_safe(self):
        silent = result(cut("d", 0.01, 0.05))
        silent["cuts"][0]["assets"]["identity"]["curves"] = []
        silent["cuts"][0]["assets"]["class"]["curves"] = [curve(0.01, 0.02)]
        silent["cuts"][0]["class1Shot"] = None
        for asset in silent["cuts"][0]["assets"].values():
            asset["outcome"] = "passes"
        silent["cuts"][0]["gates"]["passes"] = True
        lines = page.chosen({"net": silent}, [])
        row = next(line for line in lines if line.startswith("| net | today, all three assets |"))
        self.assertNotIn("holds", row)
        self.assertIn("not attacked", row)
        self.assertIn("An asset was not attacked at `d` of net.", next(
            line for line in lines if line.startswith("- Today, all three assets:")))

    def test_the_coverage_says_which_intervals_hold(self):
        before, after = result(cut("d", 0.01, 0.05)), result(cut("d", 0.2, 0.4))
        pair = {"model": "squeezenet-1.1", "cut": "flatten_57", "few": 200, "all": 700, "before": before, "after": after,
                "verdict": before}
        # [0.025, 0.1] does not hold 0.2, and [0.45, 1.8] holds 0.9.
        self.assertEqual(curves.compared(pair, "appearance")[3:], (0.2, False))
        text = "\n".join(page.coverage([pair]))
        self.assertIn("R² is inside for 0 of 1 pairs of network and cut, the share identified for 1.", text)
        # The upper end of identity is 1.8, which bounds nothing.
        self.assertIn("Of the intervals that are bounded from above, 0 of 1 hold R², and 0 of 0 the share identified.", text)
        self.assertIn("`layer20_avgpool_flat` of tiny-darknet", text)

    def test_an_interval_is_that_of_the_cut_alone_and_a_deciding_measure_is_named(self):
        before, after = result(cut("d", 0.01, 0.05)), result(cut("d", 0.2, 0.4))
        before["cuts"][0]["assets"]["appearance"]["thisCut"] = {"lower": 0.1, "estimate": 0.2, "upper": 0.3}
        self.assertEqual(curves.compared({"before": before, "after": after}, "appearance"), (0.1, 0.2, 0.3, 0.2, True))
        leak = before["cuts"][0]
        leak["assets"]["class"] |= {"outcome": "fails", "decidedBy": {
            "measure": "decoderDivergenceRatio", "value": 0.69, "limit": 0.8}}
        self.assertEqual(page.asset(leak, "class"), "0.70 [0.35, 1.40] fails (decoderDivergenceRatio 0.69, limit 0.80)")
        leak["assets"]["class"]["decidedBy"] = {"measure": "classGain", "value": 0.7, "limit": 0.1}
        self.assertEqual(page.asset(leak, "class"), "0.70 [0.35, 1.40] fails")

    def test_what_is_not_measured_again_stays_and_is_marked(self):
        old = page.markdown({"tiny-darknet": result(cut("a", 0.5, 0.6))}, {}, [], {})
        self.assertNotIn(page.OLDER, old)
        new = page.markdown({"squeezenet-1.1": result(cut("a", 0.5, 0.6))}, {}, [], page.sections(old))
        self.assertEqual(new.count(page.OLDER), 1)
        self.assertIn("Not measured again, so their sections below and the plots are of an earlier version", new)
        self.assertNotIn("minutes of processor time", new)
        timed = result(cut("a", 0.5, 0.6))
        timed["run"] |= {"stages": {"costs": 6.0, "decoders": 60.0, "channel KL": 120.0}}
        self.assertIn("| squeezenet-1.1 | 1 | 2.0 | 3.0 | 3.1 |", page.markdown({"squeezenet-1.1": timed}, {}, [], {}))
        again = page.markdown({"squeezenet-1.1": result(cut("a", 0.5, 0.6))}, {}, [], page.sections(new))
        self.assertEqual(again, new)


class Tests(unittest.TestCase):
    def test_cuts_are_spread_evenly_with_both_ends(self):
        self.assertEqual(run.evenly(list(range(5)), 12), list(range(5)))
        self.assertEqual(run.evenly(list(range(101)), 5), [0, 25, 50, 75, 100])

    def test_weights_have_the_size_that_darknet_reads(self):
        with tempfile.TemporaryDirectory() as folder:
            configuration, weights = pathlib.Path(folder) / "a.cfg", pathlib.Path(folder) / "a.weights"
            configuration.write_text(CONFIGURATION)
            darknet.write(configuration, weights, seed=1)
            # Biases, scales, means and variances of the first; biases of the others; weights, the route being 2 + 4 wide.
            values = 4 * 4 + 4 * 27 + 2 + 2 * 4 + 5 + 5 * 6
            self.assertEqual(weights.stat().st_size, 20 + 4 * values)

    def test_processor_time_is_counted_for_the_stage_whose_progress_follows(self):
        program = """
import sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
print("decoders: 0 of 1", file=sys.stderr, flush=True); burn(0.2)
print("decoders: 1 of 1, 5.0 a second, 0 s left", file=sys.stderr, flush=True); burn(0.6)
print("about 2 s for 1 cuts", file=sys.stderr)
print("channel KL: 9 of 9, 5.0 a second, 0 s left", file=sys.stderr, flush=True); print("result")
"""
        printed, stages = run.watched([sys.executable, "-c", program])
        self.assertEqual((printed, set(stages)), ("result\n", {"decoders", "channel KL"}))
        self.assertGreaterEqual(stages["channel KL"], 0.58)
        self.assertGreaterEqual(stages["decoders"], 0.18)
        # The start of Python counts for the first stage; more than the stage itself took would be the other's.
        self.assertLess(stages["decoders"], 0.58)
        with self.assertRaises(run.Failed):
            run.watched([sys.executable, "-c", "raise SystemExit(3)"])

    def test_a_plot_is_xml_whatever_names_say(self):
        svg = plots.lines("a & b", "<x>", "y", [("<script>", [(0, 0.5), (1, 9)])], [("gate", 0.2)])
        self.assertTrue(xml.etree.ElementTree.fromstring(svg).tag.endswith("svg"))

    def test_numbers_have_no_negative_zero_and_say_when_they_are_absent(self):
        self.assertEqual([page.number(-0.001), page.number(None), page.number(1.005, 1)], ["0.00", "–", "1.0"])


if __name__ == "__main__":
    unittest.main()
