"""Runs a bundle's BackNet on real engines of the Open Inference Protocol and compares with the host's own engine.

    python3 scripts/engine_check.py FOLDER-OF-PROGRAMS [--engines triton,mlserver,kserve,ray] [--environments DIR] [--json FILE]

For each engine: ten photographs through client, enclave, engine and back, with the classes and probabilities compared; then, with two
replicas, one killed while pictures are classified. The engines come from PyPI into virtual environments (400 to 550 MB each) that are
kept. Needs the shared models and pictures (INFENCLAVE_SHARED) and Debian's own Python 3.11, in which Triton's wheel embeds itself."""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLES = os.path.join(ROOT, "Examples", "engines")
sys.path.insert(0, EXAMPLES)
import triton_repository  # noqa: E402

PACKAGES = {
    "triton": ["nvidia-pytriton==0.7.0", "onnxruntime", "numpy", "setuptools<81"],
    "mlserver": ["mlserver==1.7.1", "onnxruntime", "numpy"],
    "kserve": ["kserve==0.21.0", "onnxruntime", "numpy"],
    "ray": ["ray[serve]==2.60.0", "onnxruntime", "numpy"],
}
MODEL, FRONT, MAPPING = "mobilenet-v2-1.0", "add_20", "reshape_64"
# Engines in f32 differ by about 1e-6 in what leaves the BackNet; this is of a probability.
TOLERANCE = 1e-4


def free_port():
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, timeout=2):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.status, answer.read()


def wait(what, seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"engine-check: no {what} in {seconds} s")


class Process:
    """A program in a process group of its own, with a log. Whatever still runs at the end is killed."""

    started = []

    def __init__(self, arguments, folder, name, environment=None):
        self.log = os.path.join(folder, f"{name}.log")
        self.process = subprocess.Popen(
            arguments, stdout=open(self.log, "wb"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_STATE_HOME": folder, **(environment or {})}, start_new_session=True)
        self.started.append(self)

    def kill(self, number=signal.SIGKILL):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        self.process.wait()

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()


class Engines:
    """Starts replicas of one kind of engine."""

    def __init__(self, kind, environments, folder, bundle, instances=1, threads=1):
        self.kind, self.folder, self.bundle = kind, folder, bundle
        # Of Triton's Python backend.
        self.instances, self.threads = instances, threads
        self.environment = os.path.join(os.path.abspath(environments), kind)
        self.onnx = os.path.join(bundle, "backnet.onnx")
        self.install()

    @property
    def python(self):
        return os.path.join(self.environment, "bin", "python")

    def install(self):
        stamp = os.path.join(self.environment, "installed")
        wanted = "\n".join(PACKAGES[self.kind])
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return
        print(f"{self.kind}: installing {', '.join(PACKAGES[self.kind])}", flush=True)
        if not os.path.exists(self.python):
            subprocess.run(["/usr/bin/python3", "-m", "venv", self.environment], check=True)
        subprocess.run([self.python, "-m", "pip", "install", "-q", *PACKAGES[self.kind]], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)

    def start(self, number):
        port, other, third = free_port(), free_port(), free_port()
        process = getattr(self, self.kind)(f"{self.kind}-{number}", port, other, third)
        wait(
            f"{self.kind} (see {process.log})", 180,
            lambda: get(f"http://127.0.0.1:{port}/v2/models/backnet/ready")[0] == 200)
        return process, port, other

    def triton(self, name, http, grpc, metrics):
        site = subprocess.run(
            [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, text=True,
            capture_output=True).stdout.strip()
        wheel = os.path.join(site, "pytriton", "tritonserver")
        work = os.path.join(self.folder, name)
        shutil.copytree(os.path.join(wheel, "backends"), os.path.join(work, "backends"))
        stub = os.path.join(work, "backends", "python", "triton_python_backend_stub")
        shutil.copyfile(os.path.join(wheel, "python_backend_stubs", "3.11", "triton_python_backend_stub"), stub)
        os.chmod(stub, 0o755)
        triton_repository.make(self.bundle, "backnet", os.path.join(work, "models"), "python", self.instances)
        return Process(
            [os.path.join(wheel, "bin", "tritonserver"), "--model-repository", os.path.join(work, "models"),
             "--backend-directory", os.path.join(work, "backends"), "--http-address", "127.0.0.1", "--http-port",
             str(http), "--grpc-address", "127.0.0.1", "--grpc-port", str(grpc), "--metrics-address", "127.0.0.1",
             "--metrics-port", str(metrics), "--allow-gpu-metrics", "false"], self.folder, name,
            {"PATH": os.path.join(self.environment, "bin") + ":" + os.environ["PATH"], "OMP_NUM_THREADS": str(self.threads),
             "LD_LIBRARY_PATH": os.path.join(site, "nvidia_pytriton.libs")})

    def mlserver(self, name, http, grpc, metrics):
        work = os.path.join(self.folder, name)
        os.makedirs(work)
        settings = {
            "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0}
        model = {"name": "backnet", "implementation": "mlserver_backnet.BackNet", "parameters": {"uri": self.onnx}}
        for file, content in (("settings.json", settings), ("model-settings.json", model)):
            with open(os.path.join(work, file), "w") as target:
                json.dump(content, target)
        return Process(
            [os.path.join(self.environment, "bin", "mlserver"), "start", work], self.folder, name,
            {"PYTHONPATH": EXAMPLES})

    def kserve(self, name, http, grpc, _):
        return Process(
            [self.python, os.path.join(EXAMPLES, "kserve_server.py"), self.onnx, "--model_name=backnet",
             f"--http_port={http}", f"--grpc_port={grpc}"], self.folder, name, {"INFENCLAVE_LOOPBACK": "1"})

    def ray(self, name, http, *_):
        return Process(
            [self.python, os.path.join(EXAMPLES, "ray_backnet.py"), self.onnx, str(http)], self.folder, name,
            {"RAY_USAGE_STATS_ENABLED": "0", "HOME": self.folder})


class Service:
    """`infenclave serve` with a provisioned enclave."""

    def __init__(self, check, name, options):
        self.check = check
        self.process = Process(
            [check.program, "serve", check.bundle, "--tee", "development", "--listen", "127.0.0.1:0",
             "--admin-listen", "127.0.0.1:0", "--threads", "1", *options], check.folder, name)
        wait("server", 60, lambda: " serving " in self.process.text())
        self.port, self.admin = (
            re.search(pattern + r".* at http://127\.0\.0\.1:(\d+)", self.process.text()).group(1)
            for pattern in (" serving", "admin listener"))
        self.target = [
            "--server", f"http://127.0.0.1:{self.port}", "--policy", check.file("policy.json"), "--tee", "development"]
        check.run(
            "provision", *self.target, "--key", check.file("model.key"), "--owner-key", check.file("owner.key"),
            "--client-token", check.file("client.token"), "--per-minute", "100000", "--requests", "1000000")
        wait("readiness", 60, lambda: get(f"http://127.0.0.1:{self.admin}/health/ready")[0] == 200)

    def arguments(self, pictures):
        return [
            self.check.program, "classify", *self.target, "--token", self.check.file("client.token"), "--top", "5",
            "--json", *pictures]

    def classify(self, pictures):
        lines = self.check.run(*self.arguments(pictures)[1:]).splitlines()
        return [json.loads(line)["results"] for line in lines]

    def metric(self, name):
        text = get(f"http://127.0.0.1:{self.admin}/metrics")[1].decode()
        values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(name, line)]
        return sum(values)

    def backnet_milliseconds(self):
        stage = r'infenclave_stage_seconds_%s\{.*stage="backnet"'
        return 1000 * self.metric(stage % "sum") / max(1, self.metric(stage % "count"))


class Check:
    def __init__(self, programs, shared, folder):
        self.program, self.folder, self.shared = os.path.join(programs, "infenclave"), folder, shared
        self.bundle = self.file("model.infenclave")
        model = os.path.join(shared, "models", MODEL)
        self.run("keygen", "owner", "--out", self.file("owner.key"))
        self.run("keygen", "token", "--out", self.file("client.token"))
        self.run(
            "partition", os.path.join(model, "model.onnx"), "--preprocess", os.path.join(model, "preprocess.json"),
            "--labels", os.path.join(shared, "models", "labels", "imagenet-1k.txt"), "--front", FRONT, "--mapping",
            MAPPING, "--out", self.bundle, "--key-out", self.file("model.key"), "--owner-key", self.file("owner.key"))
        self.run("policy", self.bundle, "--tee", "development", "--out", self.file("policy.json"))
        self.pictures, self.classes = self.right_pictures()

    def file(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        done = subprocess.run(
            [self.program, *arguments], text=True, capture_output=True,
            env={**os.environ, "XDG_STATE_HOME": self.folder})
        if done.returncode:
            raise SystemExit(f"engine-check: infenclave {arguments[0]}: {done.stderr}{done.stdout}")
        return done.stdout

    def right_pictures(self):
        """Ten photographs that ONNX Runtime classifies as their names say."""
        with open(os.path.join(self.shared, "models", "evaluation.json")) as file:
            predicted = json.load(file)["models"][MODEL]["predicted"]
        with open(os.path.join(self.shared, "images", "labels.json")) as file:
            labels = {entry["file"]: entry["class_id"] for entry in json.load(file)["imagenet"]}
        right = sorted(name for name, index in predicted.items() if labels.get(name) == index)[:100:10]
        if len(right) != 10:
            raise SystemExit(f"engine-check: found {len(right)} photographs of a known class, expected 10")
        return [os.path.join(self.shared, "images", name) for name in right], [predicted[name] for name in right]


def compare(expected, found, classes):
    """How far probabilities are apart, at most."""
    worst = 0.0
    for one, other, right in zip(expected, found, classes):
        if other[0]["index"] != right:
            raise SystemExit(f"engine-check: class {other[0]['index']}, expected {right}")
        known = {entry["index"]: entry["probability"] for entry in one}
        for entry in other:
            worst = max(worst, abs(known.get(entry["index"], 0.0) - entry["probability"]))
    if worst > TOLERANCE:
        raise SystemExit(f"engine-check: probabilities differ by {worst}, expected at most {TOLERANCE}")
    return worst


def classify_while(service, check, rounds, action):
    """Classifies in four clients at a time, does something in the middle, and counts the answers."""
    answers, failures, lock = [0], [], threading.Lock()
    half = threading.Event()

    def client():
        for _ in range(rounds):
            done = subprocess.run(
                service.arguments(check.pictures), text=True, capture_output=True,
                env={**os.environ, "XDG_STATE_HOME": check.folder})
            with lock:
                answers[0] += len(done.stdout.splitlines())
                if done.returncode:
                    failures.append(done.stderr + done.stdout)
                if answers[0] >= 2 * rounds * len(check.pictures):
                    half.set()

    started = time.monotonic()
    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    half.wait(300)
    action()
    for thread in clients:
        thread.join()
    if failures:
        raise SystemExit(f"engine-check: {len(failures)} commands failed: {failures[0]}")
    return answers[0], answers[0] / (time.monotonic() - started)


def check_engine(kind, check, expected, environments):
    engines = Engines(kind, environments, check.folder, check.bundle)
    # Ray Serve has its replicas behind one address.
    started = [engines.start(number) for number in range(1 if kind == "ray" else 2)]
    service = None
    try:
        addresses = ",".join(f"oip+http://127.0.0.1:{port}/backnet" for _, port, _ in started)
        service = Service(check, f"serve-{kind}", ["--backnet", addresses])
        worst = compare(expected, service.classify(check.pictures), check.classes)
        milliseconds = service.backnet_milliseconds()
        lost = None
        rounds = 3
        if len(started) == 2:
            answers, rate = classify_while(service, check, rounds, started[0][0].kill)
            lost = 4 * rounds * len(check.pictures) - answers
            if lost:
                raise SystemExit(f"engine-check: {kind}: {lost} requests were lost")
            wait("notice of the end", 30, lambda: service.metric("infenclave_backnet_engine_healthy") == 1)
        else:
            _, rate = classify_while(service, check, rounds, lambda: None)
        return {
            "engine": kind, "versions": PACKAGES[kind][0], "replicas": len(started), "largestDifference": worst,
            "backNetMilliseconds": round(milliseconds, 2), "picturesPerSecond": round(rate, 1), "lost": lost,
            "retries": service.metric("infenclave_backnet_engine_retries_total")}
    finally:
        if service:
            service.process.kill(signal.SIGTERM)
        for process, _, _ in started:
            process.kill(signal.SIGTERM if kind == "ray" else signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs")
    parser.add_argument("--engines", default="triton,mlserver,kserve,ray")
    parser.add_argument("--environments", default=os.path.join(ROOT, ".build", "engines"))
    parser.add_argument("--json")
    arguments = parser.parse_args()
    shared = os.environ.get("INFENCLAVE_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
    if not os.path.isdir(os.path.join(shared, "models", MODEL)):
        print("engine-check: skipped, INFENCLAVE_SHARED names no folder with the shared models")
        return
    results = []
    with tempfile.TemporaryDirectory(prefix="engine-check-") as folder:
        check = Check(os.path.abspath(arguments.programs), shared, folder)
        own = Service(check, "serve-own", [])
        expected = own.classify(check.pictures)
        compare(expected, expected, check.classes)
        own_milliseconds = own.backnet_milliseconds()
        own.process.kill(signal.SIGTERM)
        print(f"own engine: {own_milliseconds:.2f} ms for the BackNet", flush=True)
        for kind in arguments.engines.split(","):
            result = check_engine(kind, check, expected, arguments.environments)
            results.append(result)
            print(
                "{engine}: right classes on 10 photographs, probabilities within {largestDifference:.1e}, "
                "{backNetMilliseconds} ms for the BackNet, {picturesPerSecond} pictures/s, lost: {lost}, "
                "asked again: {retries:.0f}".format(**result), flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"ownBackNetMilliseconds": own_milliseconds, "engines": results}, file, indent=2)
    print(f"{len(results)} passed, 0 failed")


if __name__ == "__main__":
    try:
        main()
    finally:
        for process in Process.started:
            process.kill()
