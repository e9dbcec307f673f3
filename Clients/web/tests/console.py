# SPDX-License-Identifier: Apache-2.0
"""The console page of `infenclave proxy`, against a real server of the development TEE."""

import contextlib
import importlib.util
import json
import pathlib
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "testing"))

import pages  # noqa: E402
from deployment import DEMO, Deployment  # noqa: E402

PACKAGE = pathlib.Path(__file__).resolve().parents[3]
# The report's rules of contrast, of width and of what screen readers need.
_spec = importlib.util.spec_from_file_location("report_check", PACKAGE / "Tests/LeakageAssessmentTests/Browser/check.py")
report_check = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(report_check)


# A camera that shows a test picture, and a person who allows it.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


class Proxy:
    """A running proxy; a context manager that ends it."""

    def __init__(self, deployment, url, *options, policy=None):
        self.process = subprocess.Popen(
            [deployment.program, "proxy", "--server", url, "--policy", str(policy or deployment.policy), "--token",
             str(deployment.token), "--tee", "development", "--listen", "127.0.0.1:0", *options],
            env=deployment.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log, self.origin = [], None
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"console at (http://127\.0\.0\.1:[0-9]+)/console", line)
            if found:
                self.origin = found[1]
                break
        if not self.origin:
            raise RuntimeError("infenclave proxy: " + "".join(self.log))
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(3600)


def wait(page, expression):
    """Waits until the expression is true; says what the page shows if it never is."""
    if not page.evaluate(f"""new Promise(done => {{ const look = () => {{
        if ({expression}) done(true); else if (performance.now() > 60000) done(false); else setTimeout(look, 50); }}; look(); }})"""):
        return [f"never: {expression}; the page says {page.evaluate('document.body.innerText.slice(0, 600)')}"]
    return []


def choose(page, selector, file):
    document = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])


def drop(page, file):
    """Drops a file as a person does with the mouse."""
    page.evaluate("document.querySelector('#drop').scrollIntoView({block: 'center'})")
    x, y = page.evaluate("(box => [box.x + box.width / 2, box.y + box.height / 2])(document.querySelector('#drop').getBoundingClientRect())")
    for kind in ("dragEnter", "dragOver", "drop"):
        page.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data={
            "items": [], "files": [str(file)], "dragOperationsMask": 1})


def text(page, selector):
    return page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")


def looks(page):
    """Contrast, width and accessibility, light and dark, on a screen and on a phone."""
    faults = []
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for scheme in ("light", "dark"):
        for width in (1280, 360):
            page.show(width, scheme=scheme)
            for rule in (report_check.CONTRAST, report_check.OVERFLOW, report_check.ACCESSIBLE):
                faults += [f"{scheme}, {width} wide: {fault}" for fault in page.evaluate(rule)]
    colours = []
    for scheme in ("light", "dark"):
        page.show(1280, scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    return faults + ([] if colours[0] != colours[1] else [f"both schemes are {colours[0]}"])


def keyboard(page):
    """The elements that the tab key reaches, in order."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = []
    for _ in range(12):
        page.key("Tab", 9)
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className || document.activeElement.tagName"))
    return [f"the keyboard does not reach {wanted}: {reached}" for wanted in ("skip", "file", "camera", "SUMMARY") if wanted not in reached]


def check(chromium, program, folder, opened, strangers):
    """The faults, and the completed checks."""
    deployment = Deployment(program, folder)
    faults = []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(deployment.serve())
        proxy = stack.enter_context(Proxy(deployment, server.url))
        page = opened(chromium, proxy.origin, "/console", CAMERA)
        stack.callback(page.close)
        faults += wait(page, "document.querySelector('#status').innerText.startsWith('Nothing is sent')")
        faults += wait(page, "document.querySelector('#servers').innerText.includes('not provisioned')")
        choose(page, "#file", DEMO / "client/stop.png")
        faults += wait(page, "document.querySelector('#result').innerText.includes('not provisioned')")
        server.provision()
        faults += wait(page, "document.querySelector('#status').innerText.startsWith('Verified: 1 of 1')")
        choose(page, "#file", DEMO / "client/pedestrian-crossing.png")
        faults += wait(page, "document.querySelector('#result').innerText.startsWith('Pedestrian crossing')")
        faults += wait(page, "document.querySelector('#seen').naturalWidth === 64")
        shown = {name: text(page, name) for name in ("#classes", "#stages", "#host", "#servers", "#requests", "#policy-path")}
        measurement = json.loads(deployment.policy.read_bytes())["measurements"]["development"][0]
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        shown["#servers"] = text(page, "#servers")
        for selector, parts in {
            "#classes": ["Pedestrian crossing", "%"], "#stages": ["Decode", "Encrypt", "Network, host and enclave"],
            "#host": ["Sealed request", "bytes", "Crosses to the host", "stage2.pool", "6,144 bytes"], "#requests": ["picture", "answered", "notProvisioned"],
            "#servers": [measurement, "development-signature", "report-data", "passed", "protects nothing", "stage2.pool",
                         "6,144 bytes", "without noise", "seconds were left", " ago"],
            "#policy-path": ["policy.json"],
        }.items():
            faults += [f"{selector} lacks '{part}': {shown[selector][:300]}" for part in parts if part not in shown[selector]]
        drop(page, DEMO / "client/stop.png")
        faults += wait(page, "document.querySelector('#result').innerText.startsWith('Stop')")
        faults += [] if page.evaluate("!document.querySelector('#drop').classList.contains('over')") else ["it looks as if something were still held over it"]
        faults += looks(page) + keyboard(page) + camera(page)
        # A file that is no picture, by its name in markup.
        bad = folder / "<img src=x onerror=alert(1)>.png"
        bad.write_bytes(b"no picture")
        choose(page, "#file", bad)
        faults += wait(page, "/JPEG|picture/.test(document.querySelector('#result').innerText) && !document.querySelector('#result').innerText.startsWith('Classifying')")
        faults += [] if page.evaluate("document.querySelectorAll('#result img').length") == 0 else ["a name became markup"]
        for _ in range(55):
            page.evaluate("fetch('/console/classify', {method: 'POST', body: 'x', headers: {'content-type': 'image/png'}}).then(r => r.text())")
        page.evaluate("fetch('/console/state').then(r => r.json()).then(s => { window.kept = s.requests.length; })")
        # There were 55 of them, and others before.
        faults += [] if page.evaluate("window.kept === 50") else [f"{page.evaluate('window.kept')} requests are kept, not the last fifty"]
        faults += [f"the page complained: {event['params']['exceptionDetails'].get('text')}"
                   for event in page.events if event["method"] == "Runtime.exceptionThrown"]
        faults += other_origins(page, stack, proxy) + rejected(page, stack, deployment, server, folder) + key(page, stack, deployment, server, folder)
        # Last, for all of these pages.
        faults += strangers(page)
    return faults, "the console shows what it has to, in both schemes and on a phone, and no request left this machine"


def camera(page):
    """A picture of the camera is classified as a file is, and the camera is released."""
    page.evaluate("document.querySelector('#camera').click()")
    faults = wait(page, "document.querySelector('#video').videoWidth > 0 && !document.querySelector('#viewfinder').hidden")
    page.evaluate("window.track = document.querySelector('#video').srcObject.getTracks()[0]; document.querySelector('#seen').src = 'data:,'")
    faults += looks(page)
    page.evaluate("document.querySelector('#shoot').click()")
    faults += wait(page, "document.querySelector('#seen').naturalWidth === 64 && /%$/.test(document.querySelector('#result').innerText)")
    faults += wait(page, "window.track.readyState === 'ended' && document.querySelector('#viewfinder').hidden")
    faults += [] if page.evaluate("document.querySelector('#requests').rows[0].innerText.includes('answered')") else [
        "the camera's picture is not among the requests"]
    # Closed without a picture.
    page.evaluate("document.querySelector('#camera').click()")
    faults += wait(page, "document.querySelector('#video').videoWidth > 0")
    page.evaluate("window.track = document.querySelector('#video').srcObject.getTracks()[0]; document.querySelector('#close').click()")
    faults += wait(page, "window.track.readyState === 'ended' && document.querySelector('#viewfinder').hidden")
    # Refused.
    page.evaluate("navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('not allowed')); document.querySelector('#camera').click()")
    return faults + wait(page, "document.querySelector('#result').innerText === 'The camera cannot be used: not allowed'")


def other_origins(page, stack, proxy):
    """A page of another origin reads nothing and makes the proxy do nothing."""
    elsewhere = stack.enter_context(pages.serve({"/": pathlib.Path(__file__).parent}))
    page.load(elsewhere + "/blank.html")
    said = page.evaluate(f"""Promise.all(['state', 'classify'].map(path => fetch('{proxy.origin}/console/' + path,
        path === 'state' ? {{}} : {{method: 'POST', body: 'x'}}).then(() => 'read', () => 'refused'))).then(all => all.join())""")
    return [] if said == "refused,refused" else [f"a page of another origin: {said}"]


def rejected(page, stack, deployment, server, folder):
    """An enclave that the policy does not describe is shown with the failed checks."""
    policy = folder / "other.json"
    policy.write_text(json.dumps({**json.loads(deployment.policy.read_bytes()), "maximumLeaseSeconds": 60}))
    proxy = stack.enter_context(Proxy(deployment, server.url, policy=policy))
    page.load(proxy.origin + "/console")
    faults = wait(page, "document.querySelector('#servers').innerText.includes('Evidence rejected')")
    shown = text(page, "#servers")
    faults += [f"a rejected enclave lacks '{part}'" for part in ("lease_too_long", "Not served") if part not in shown]
    choose(page, "#file", DEMO / "client/stop.png")
    return faults + wait(page, "document.querySelector('#result').innerText.includes('not attested')")


def key(page, stack, deployment, server, folder):
    """With --api-key the page asks for it, and shows nothing before."""
    file = folder / "key"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    file.chmod(0o600)
    proxy = stack.enter_context(Proxy(deployment, server.url, "--api-key", str(file)))
    page.load(proxy.origin + "/console")
    faults = wait(page, "!document.querySelector('#key-form').hidden")
    faults += [] if text(page, "#servers") == "" else ["the page shows servers without the key"]
    page.evaluate("document.querySelector('#key').value = '0123456789abcdef0123456789abcdef'; document.querySelector('#key-form').requestSubmit()")
    return faults + wait(page, "document.querySelector('#status').innerText.startsWith('Verified')")
