# SPDX-License-Identifier: Apache-2.0
"""`make evaluation`: measures, then writes Documentation/evaluation.md and its plots from the measurements."""

import argparse
import pathlib
import sys

import curves
import networks
import page
import run

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / ".build/release/infenclave", help="the built infenclave")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / ".build/evaluation",
                        help="where measurements are kept; delete it to measure anew")
    parser.add_argument("--pages", type=pathlib.Path, default=ROOT / "Documentation", help="where to write the page")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", action="append", help="measure this network alone, and write no page; repeatable")
    parser.add_argument("--kept", action="store_true",
                        help="measure nothing, and write the page from what is kept; other sections stay, marked as earlier")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    try:
        shared = run.shared_folder()
        trained, priced = {}, {}
        for measure, listed, found in ((run.assess, networks.TRAINED, trained), (run.price, networks.PRICED, priced)):
            for network in listed:
                if options.only is None or network.name in options.only:
                    result = measure(
                        options.program, shared, network, options.threads, options.results, only_kept=options.kept)
                    if result is not None:
                        found[network.name] = result
    except run.Failed as failure:
        sys.exit(f"error: {failure}")
    if options.only is None:
        page.write(trained, priced, curves.kept(options.results), options.pages)


if __name__ == "__main__":
    main()
