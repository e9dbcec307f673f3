# SPDX-License-Identifier: Apache-2.0
"""The browser client against a real server of the development TEE."""

import contextlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "testing"))

import pages  # noqa: E402
from deployment import DEMO, PICTURES, Deployment  # noqa: E402

WEB = pathlib.Path(__file__).resolve().parents[1]


def check(chromium, program, folder, opened, run, strangers):
    """The faults, and the completed checks."""
    deployment = Deployment(program, folder)
    faults = []
    with contextlib.ExitStack() as stack:
        # The owner's site; the host has another origin.
        site = folder / "site"
        site.mkdir()
        (site / "policy.json").write_bytes(deployment.policy.read_bytes())
        mapped = {"/": WEB, "/site/": site, "/pictures/": DEMO / "client"}
        owner, stranger = stack.enter_context(pages.serve(mapped)), stack.enter_context(pages.serve(mapped))
        server = stack.enter_context(deployment.serve("--allow-origin", owner))
        page = opened(chromium, owner, "/tests/blank.html")
        stack.callback(page.close)
        arguments = {"server": server.url, "token": deployment.token.read_text(), "pictures": PICTURES}

        def expect(name, module="server.js", **more):
            print(f"  {name}", file=sys.stderr, flush=True)
            try:
                faults.extend(f"{name}: {fault}" for fault in run(page, module, name, {**arguments, **more}))
            except RuntimeError as error:
                faults.append(f"{name}: {error}")

        expect("unprovisioned")
        server.provision()
        # Chromium has ML-KEM; without it the same module seals with X25519 alone.
        expect("classifies", kem="X-Wing")
        expect("classifiesWithoutMLKEM", kem="X25519")
        expect("refusesTampering")
        expect("refusesPolicies")
        expect("refusesAnswers")
        expect("refusesReplay")
        expect("boundsAnswers")
        expect("cancels")
        expect("forgetsRejected")
        expect("attestsOldAgain")
        # New keys at once, without a grace period.
        expect("opensSession")
        server.provision()
        expect("attestsAgain")
        other = folder / "other.token"
        deployment.run("keygen", "token", "--out", other)
        expect("refusesToken", token=other.read_text())
        faults += example(page, owner, server.url, deployment.token)
        faults += strangers(page)
        faults += [f"the page complained: {text}" for text in complaints(page)]
        # Another origin gets nothing to read.
        page.load(stranger + "/tests/blank.html")
        expect("isNoAllowedOrigin")
        server.stop()
        page.load(owner + "/tests/blank.html")
        expect("isUnreachable")
        faults += strangers(page)
    return faults, "the browser client works against a real server, and no request left this machine"


def complaints(page):
    """The errors on the page's console that no test provoked."""
    return [json.dumps(event["params"]["exceptionDetails"].get("text"))
            for event in page.events if event["method"] == "Runtime.exceptionThrown"]


def example(page, owner, server, token):
    """The example page, as a person uses it: token, picture, answer."""
    print("  example page", file=sys.stderr, flush=True)
    page.load(f"{owner}/example/index.html?server={server}&policy=/site/policy.json")
    document = page.call("DOM.getDocument")["root"]["nodeId"]

    def choose(selector, file):
        node = page.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        page.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    choose("#token", token)
    choose("#picture", DEMO / "client/stop.png")
    page.evaluate("document.querySelector('#trial').click(); document.querySelector('form').requestSubmit()")
    said = page.evaluate("""new Promise(done => {
      const look = () => { const text = document.querySelector('#answer').innerText;
        if (text || performance.now() > 60000) done(text + document.querySelector('#status').innerText); else setTimeout(look, 50); };
      look(); })""")
    faults = [] if said.startswith("Stop") and "verified" in said else [f"example page: it says '{said}'"]
    checks = page.evaluate("document.querySelectorAll('#checks li').length")
    return faults + ([] if checks > 15 else [f"example page: it lists {checks} checks"])
