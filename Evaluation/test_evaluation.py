# SPDX-License-Identifier: Apache-2.0
"""python3 -m unittest: choosing cuts, weights, and rendering, without the program."""

import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import darknet
import page
import plots
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

    def test_a_plot_is_xml_whatever_names_say(self):
        svg = plots.lines("a & b", "<x>", "y", [("<script>", [(0, 0.5), (1, 9)])], [("gate", 0.2)])
        self.assertTrue(xml.etree.ElementTree.fromstring(svg).tag.endswith("svg"))

    def test_numbers_have_no_negative_zero_and_say_when_they_are_absent(self):
        self.assertEqual([page.number(-0.001), page.number(None), page.number(1.005, 1)], ["0.00", "–", "1.0"])


if __name__ == "__main__":
    unittest.main()
