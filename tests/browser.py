"""A headless Chromium for tests, driven over a pipe with the DevTools protocol: no server, no library."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
TROUBLE = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


class Browser:
    """One page in a browser of its own. `browser("Domain.method", ...)` sends a command and returns its answer."""

    def __init__(self):
        self.profile = tempfile.mkdtemp()
        read, answers = os.pipe()
        commands, write = os.pipe()
        self.answers, self.commands = read, write

        def connect():  # the browser looks for its pipes at 3 and 4; a copy first, for the pipes may be there already
            for copy, place in zip((os.dup(commands), os.dup(answers)), (3, 4)):
                os.dup2(copy, place)

        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={self.profile}"],
            preexec_fn=connect,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self.session, self.sent, self.rest, self.events = {}, 0, b"", []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = {"sessionId": self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")
        self("Emulation.setDeviceMetricsOverride", width=1120, height=900, deviceScaleFactor=2, mobile=False)

    def __call__(self, method, **parameters):
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": parameters, **self.session}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.sent:
            self.events.append(answer)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def receive(self, patience=60):
        while b"\0" not in self.rest:
            assert select.select([self.answers], [], [], patience)[0], "the browser does not answer"
            part = os.read(self.answers, 1 << 20)
            assert part, "the browser has gone"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def js(self, expression):
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression, seconds=30):
        end = time.monotonic() + seconds
        while not self.js(expression):
            assert time.monotonic() < end, f"never came true: {expression}"
            time.sleep(0.02)

    def open(self, path):
        self("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && Boolean(window.aevb?.ready)")

    def mouse(self, kind, place):
        self("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", buttons=1, clickCount=1)

    def drag(self, *places):
        """Press at the first place, move over the others and let go at the last; one place is a click."""
        self.mouse("mousePressed", places[0])
        for place in places[1:]:
            self.mouse("mouseMoved", place)
        self.mouse("mouseReleased", places[-1])

    def key(self, key, shift=False):
        for kind in ("keyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 * shift)

    def trouble(self):
        """What the console said, and every request but that for the page itself."""
        said = [e for e in self.events if e.get("method") in TROUBLE and "'level': 'warning'" not in str(e)]
        asked = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return said + [url for url in asked if not url.startswith(("data:", "file:", "about:"))]

    def close(self):
        self("Browser.close")
        self.process.wait(20)
        os.close(self.answers)
        os.close(self.commands)
        shutil.rmtree(self.profile, ignore_errors=True)
