# SPDX-License-Identifier: Apache-2.0
"""A page in headless Chromium, over DevTools' pipe: JSON messages that end with a zero byte, no library needed."""

import base64
import fcntl
import json
import os
import subprocess
import tempfile


class Page:
    def __init__(self, chromium, path, arguments=()):
        """Opens a file or an address; `arguments` are more of the browser's own."""
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, ours = os.pipe()
        theirs, from_browser = os.pipe()

        # The browser reads from 3 and writes to 4. Four ends are open, so both numbers are taken by now: by ends, or by
        # what this process was started with. Copies with high numbers are out of the way of either.
        high_read = fcntl.fcntl(to_browser, fcntl.F_DUPFD, 20)
        high_write = fcntl.fcntl(from_browser, fcntl.F_DUPFD, 20)

        def place():
            os.dup2(high_read, 3)
            os.dup2(high_write, 4)

        self.process = subprocess.Popen(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--force-device-scale-factor=1", "--no-first-run", "--disable-dev-shm-usage",
             f"--user-data-dir={self.profile.name}", "--remote-debugging-pipe", *arguments, "about:blank"],
            pass_fds=(3, 4), preexec_fn=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        # Only the browser holds its ends, so that its end is seen.
        for end in (to_browser, from_browser, high_read, high_write):
            os.close(end)
        self.output, self.input = os.fdopen(ours, "wb"), os.fdopen(theirs, "rb")
        self.number, self.session, self.rest = 0, None, b""
        # What the browser told by itself, in its order.
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.load(path)

    def load(self, path):
        self.call("Page.navigate", url=path if ":" in path else "file://" + os.path.abspath(path))
        self.evaluate("new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', done))")

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.output.write(json.dumps(message).encode() + b"\0")
        self.output.flush()
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def message(self):
        while b"\0" not in self.rest:
            found = self.input.read1(1 << 16)
            if not found:
                raise RuntimeError("the browser has gone")
            self.rest += found
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def show(self, width, height=900, scheme="light", media=""):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def key(self, name, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def screenshot(self, clip=None, scale=1.0):
        """PNG of the whole page, or of `clip` = (x, y, width, height)."""
        parameters = {"format": "png", "captureBeyondViewport": True}
        if clip:
            parameters["clip"] = dict(zip(("x", "y", "width", "height"), clip), scale=scale)
        return base64.b64decode(self.call("Page.captureScreenshot", **parameters)["data"])

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.profile.cleanup()
