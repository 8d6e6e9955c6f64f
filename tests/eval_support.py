"""What the whole-program tests of `mathcoder eval` share: a PostgreSQL server of their own, and a headless Chromium."""
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


def find_postgres():
    """The folder of initdb and pg_ctl, or None."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def find_chromium():
    """A Chromium that starts: on Ubuntu the name is there and starts a snap, which may not."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        path = shutil.which(name)
        if path is None:
            continue
        try:
            version = subprocess.run([path, "--version"], capture_output=True, timeout=30, text=True)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if version.returncode == 0 and "Chrom" in version.stdout:
            return path
    return None


class Postgres:
    """A server in a temporary folder, reached by its socket alone. initdb refuses root: then it runs as an unprivileged user."""

    def __init__(self, binaries):
        self.binaries = binaries
        self.folder = tempfile.mkdtemp(prefix="mathcoder-pg-")
        self.as_user = []
        if os.getuid() == 0:
            user = next((name for name in ("postgres", "nobody") if self._exists(name)), None)
            entry = pwd.getpwnam(user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.as_user = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        data = f"{self.folder}/data"
        self._run("initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.begin()
        self.url = f"postgresql://tester@/postgres?host={self.folder}"

    @staticmethod
    def _exists(name):
        try:
            pwd.getpwnam(name)
            return True
        except KeyError:
            return False

    def _run(self, program, *args):
        # The server inherits the streams of pg_ctl: a pipe would stay open.
        with open(f"{self.folder}.out", "w+") as out:
            done = subprocess.run([*self.as_user, str(self.binaries / program), *args], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=out, cwd="/", timeout=120, env={**os.environ, "LC_ALL": "C"})
            out.seek(0)
            if done.returncode != 0:
                raise RuntimeError(f"{program} failed: {out.read()}")
        os.unlink(f"{self.folder}.out")

    def query(self, sql):
        done = subprocess.run(["psql", "-X", "-A", "-t", "-q", self.url, "-c", sql], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("|") for line in done.stdout.splitlines() if line]

    def begin(self):
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-t", "60", "-l", f"{self.folder}/log", "-o",
                  f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off", "start")

    def crash(self):
        """Ends the server at once; begin() brings it back."""
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")

    def stop(self):
        try:
            self.crash()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Browser:
    """Headless Chromium, spoken to over the two pipes of --remote-debugging-pipe: JSON messages that end with NUL."""

    def __init__(self, path):
        self.profile = tempfile.mkdtemp(prefix="mathcoder-browser-")
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def place():
            # dup2 onto 3 and 4 must not overwrite the other end before it is copied.
            a, b = os.dup(to_browser), os.dup(from_browser)
            a, b = os.dup2(a, 40), os.dup2(b, 41)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-extensions",
             "--disable-background-networking", f"--user-data-dir={self.profile}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _receive(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read_end], [], [], max(0, end - time.monotonic()))
            if not ready:
                return None
            data = os.read(self.read_end, 1 << 20)
            if not data:
                raise RuntimeError("the browser is gone")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, seconds=60, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write_end, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self._receive(end - time.monotonic())
            if message is None:
                break
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            if "method" in message:
                self.events.append(message)
        raise RuntimeError(f"{method}: no answer in {seconds} s")

    def open(self, path):
        self.events.clear()
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        end = time.monotonic() + 60
        while not any(event["method"] == "Page.loadEventFired" for event in self.events) and time.monotonic() < end:
            message = self._receive(1)
            if message and "method" in message:
                self.events.append(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def complaints(self):
        """Exceptions, errors and warnings of the console, blocked loads."""
        found = []
        for event in self.events:
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"):
                found.append(event["params"]["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and event["params"]["type"] in ("error", "warning", "assert"):
                found.append(str(event["params"]["args"]))
        return found

    def requests(self):
        """Everything that was loaded besides the page itself."""
        urls = [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in urls[1:] if not url.startswith("data:")]

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.write_end)
        os.close(self.read_end)
        shutil.rmtree(self.profile, ignore_errors=True)
