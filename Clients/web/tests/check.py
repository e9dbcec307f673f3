# SPDX-License-Identifier: Apache-2.0
"""The browser client in headless Chromium.

check.py units               pictures and formats, against the vectors of Tests/ImagingTests
check.py appraisals FILE     the verdicts that Tests/AttestationTests wrote, made again
check.py server PROGRAM      a server of the development TEE; PROGRAM is `infenclave`
check.py console PROGRAM     the console page of `infenclave proxy`

Prints what is wrong and ends with status 1, or what was checked. --chromium PATH names the browser."""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parents[2]
sys.path[:0] = [str(PACKAGE / "Tests/LeakageAssessmentTests/Browser"), str(HERE)]

import console as console_page  # noqa: E402
import devtools  # noqa: E402
import pages  # noqa: E402
import service  # noqa: E402

FIXTURES = PACKAGE / "Tests/ImagingTests/Fixtures"
# Pages can reach only this machine.
OFFLINE = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking",
           "--disable-component-update"]


def opened(chromium, origin, path, arguments=()):
    page = devtools.Page(chromium, "about:blank", arguments=[*OFFLINE, *arguments])
    page.call("Network.enable")
    page.call("Runtime.enable")
    page.load(origin + path)
    return page


def run(page, module, function, argument=None):
    """The result of an exported function of a module, as JSON."""
    call = f"import('/tests/{module}').then(m => m.{function}({json.dumps(argument)})).then(JSON.stringify)"
    return json.loads(page.evaluate(call))


def strangers(page):
    """Addresses on other machines that the page requested."""
    asked = [event["params"]["request"]["url"] for event in page.events
             if event["method"] == "Network.requestWillBeSent"]
    if not asked:
        return ["no request was seen at all"]
    return [url for url in asked if not url.startswith(("http://127.0.0.1:", "blob:", "data:"))]


def types():
    """The errors of the TypeScript compiler for the declarations, if there is one."""
    compiler = shutil.which("tsc")
    if not compiler:
        print("the types are not checked: there is no tsc; apt-get install node-typescript", file=sys.stderr)
        return []
    done = subprocess.run(
        [compiler, "--noEmit", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node", "--lib",
         "es2022,dom", str(HERE / "types.ts")], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout.splitlines()


def units(chromium):
    with pages.serve({"/": HERE.parent, "/fixtures/": FIXTURES}) as origin:
        page = opened(chromium, origin, "/tests/blank.html")
        try:
            faults = run(page, "units.js", "run")
            declared = set(re.findall(r"^export (?:class|function) (\w+)", (HERE.parent / "infenclave.d.ts").read_text(), re.M))
            exported = set(run(page, "units.js", "names"))
            faults["faults"] += [f"infenclave.d.ts and the module differ in {name}" for name in declared ^ exported]
            faults["faults"] += types()
            return faults["faults"] + strangers(page), f"{faults['checked']} vectors of pictures and formats agree"
        finally:
            page.close()


def appraisals(chromium, file):
    folder = pathlib.Path(file).resolve()
    with pages.serve({"/": HERE.parent, "/appraisals/": folder.parent}) as origin:
        page = opened(chromium, origin, "/tests/blank.html")
        try:
            result = run(page, "appraisals.js", "run", f"/appraisals/{folder.name}")
            return result["faults"] + strangers(page), f"{result['checked']} appraisals agree, {result['refused']} of Intel and Azure are refused, and {result['damaged']} damaged ones"
        finally:
            page.close()


def server(chromium, program):
    with tempfile.TemporaryDirectory() as folder:
        return service.check(chromium, program, pathlib.Path(folder), opened, run, strangers)


def console(chromium, program):
    with tempfile.TemporaryDirectory() as folder:
        return console_page.check(chromium, program, pathlib.Path(folder), opened, strangers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["units", "appraisals", "server", "console"])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--chromium")
    options = parser.parse_args()
    chromium = options.chromium or next(
        filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if not chromium:
        sys.exit("check.py needs Chromium: apt-get install chromium")
    if options.what != "units" and not options.file:
        parser.error(f"{options.what} needs a file")
    check = {"units": units, "appraisals": appraisals, "server": server, "console": console}[options.what]
    faults, checked = check(chromium, *([options.file] if options.what != "units" else []))
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(1)
    print(checked)


if __name__ == "__main__":
    main()
