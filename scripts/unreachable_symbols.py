#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the public symbols that a user of the Swift library cannot reach: `unreachable_symbols.py FOLDER`, of symbol
graphs.

A user can reach the declarations of InfenclaveClient and InfenclaveImaging, and every type that a reachable declaration
names, with its members. Other public declarations of the re-exported modules should have `package` access.
"""

import collections
import json
import pathlib
import sys

# Used by callers with a folder of collateral; its result is passed to CollateralSources. The other one is where the
# verification of saved evidence begins.
ENTRANCES = {"CollateralFolder", "SavedEvidenceAppraiser"}


def named(value):
    """The identifiers in a declaration."""
    if isinstance(value, dict):
        if "preciseIdentifier" in value:
            yield value["preciseIdentifier"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from named(one)


def main():
    symbols, members, linked, parent = {}, collections.defaultdict(list), collections.defaultdict(list), {}
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.symbols.json")):
        graph = json.loads(file.read_bytes())
        for symbol in graph["symbols"]:
            symbols[symbol["identifier"]["precise"]] = symbol | {"module": graph["module"]["name"]}
        for relation in graph["relationships"]:
            if relation["kind"] in ("memberOf", "requirementOf"):
                members[relation["target"]].append(relation["source"])
                parent[relation["source"]] = relation["target"]
            elif relation["kind"] in ("conformsTo", "inheritsFrom"):
                linked[relation["source"]].append(relation["target"])
    waiting = [key for key, symbol in symbols.items()
               if symbol["module"].startswith("Infenclave") or symbol["pathComponents"][0] in ENTRANCES]
    assert waiting, "there is no symbol graph of InfenclaveClient"
    met = set()
    while waiting:
        key = waiting.pop()
        if key in met or key not in symbols:
            continue
        met.add(key)
        symbol = symbols[key]
        waiting += [*named([symbol.get(part) for part in ("declarationFragments", "functionSignature", "swiftGenerics")]),
                    *linked[key], *members[key], *([parent[key]] if key in parent else [])]
    unmet = sorted(f"{symbol['module']}: {'.'.join(symbol['pathComponents'])}" for key, symbol in symbols.items()
                   if key not in met and "::SYNTHESIZED::" not in key)
    print("\n".join(unmet))
    return 1 if unmet else 0


if __name__ == "__main__":
    sys.exit(main())
