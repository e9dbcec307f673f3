# SPDX-License-Identifier: Apache-2.0
"""Runs a bundle's BackNet on real engines of the Open Inference Protocol and compares with the host's own engine.

    python3 scripts/engine_check.py FOLDER-OF-PROGRAMS [--engines triton,mlserver,kserve,ray] [--transport http|grpc]
        [--model mobilenet|demo] [--page] [--environments DIR] [--json FILE]

For each engine: ten pictures through client, enclave, engine and back, with the classes and probabilities compared; then, with two
replicas, one killed while pictures are classified. With gRPC, which needs the program `infenclave-grpc`, also a faulty engine beside a
healthy one, for each of several faults, and a limit on messages. --page runs the commands of Documentation/engines.md instead.

The engines come from PyPI into virtual environments (400 to 550 MB each) that are kept. Needs Debian's own Python 3.11 with libpython3.11, which
Triton's wheel embeds. The model is MobileNet-v2 with photographs if INFENCLAVE_SHARED has them, else the demo's."""

import argparse
import json
import os
import re
import shlex
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
sys.path[:0] = [EXAMPLES, os.path.join(ROOT, "Clients", "testing")]
import triton_repository  # noqa: E402
from deployment import free_port  # noqa: E402

PACKAGES = {
    "triton": ["nvidia-pytriton==0.7.0", "onnxruntime", "numpy", "setuptools<81"],
    "mlserver": ["mlserver==1.7.1", "onnxruntime", "numpy"],
    "kserve": ["kserve==0.21.0", "onnxruntime", "numpy"],
    "ray": ["ray[serve]==2.60.0", "onnxruntime", "numpy"],
}
DEMO = os.path.join(ROOT, "Examples", "demo")
PAGE = os.path.join(ROOT, "Documentation", "engines.md")
# The BackNet's outputs of engines in f32 differ by about 1e-6; this is the tolerance of a probability.
TOLERANCE = 1e-4


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
    raise SystemExit(f"{os.path.basename(sys.argv[0])}: no {what} in {seconds} s")


class Process:
    """A program in a separate process group, with a log. Processes that still run at the end are killed."""

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
        # For Triton's Python backend only.
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
        subprocess.run([self.python, "-m", "pip", "install", "-q", "--no-compile", *PACKAGES[self.kind]], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)

    def start(self, number, **options):
        """A replica: its process and its ports of HTTP and gRPC."""
        port, other, third = free_port(), free_port(), free_port()
        process = getattr(self, self.kind)(f"{self.kind}-{number}", port, other, third, **options)

        def ready():
            if process.process.poll() is not None:
                raise SystemExit(f"engine-check: {self.kind} ended")
            return get(f"http://127.0.0.1:{port}/v2/models/backnet/ready")[0] == 200

        try:
            wait(self.kind, 180, ready)
        except SystemExit as reason:
            raise SystemExit(f"{reason}; its log ends with:\n{process.text()[-8000:]}")
        return process, port, other

    def wheel(self, work):
        """Triton's program in the wheel, the folder of its backends, and the environment variables that it needs."""
        site = subprocess.run(
            [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, text=True,
            capture_output=True).stdout.strip()
        wheel = os.path.join(site, "pytriton", "tritonserver")
        backends = os.path.join(work, "backends")
        shutil.copytree(os.path.join(wheel, "backends"), backends)
        stub = os.path.join(backends, "python", "triton_python_backend_stub")
        shutil.copyfile(os.path.join(wheel, "python_backend_stubs", "3.11", "triton_python_backend_stub"), stub)
        os.chmod(stub, 0o755)
        return os.path.join(wheel, "bin", "tritonserver"), backends, {
            "PATH": os.path.join(self.environment, "bin") + ":" + os.environ["PATH"],
            "LD_LIBRARY_PATH": os.path.join(site, "nvidia_pytriton.libs")}

    def triton(self, name, http, grpc, metrics):
        work = os.path.join(self.folder, name)
        program, backends, variables = self.wheel(work)
        triton_repository.make(self.bundle, "backnet", os.path.join(work, "models"), "python", self.instances)
        return Process(
            [program, "--model-repository", os.path.join(work, "models"), "--backend-directory", backends,
             "--http-address", "127.0.0.1", "--http-port", str(http), "--grpc-address", "127.0.0.1", "--grpc-port",
             str(grpc), "--metrics-address", "127.0.0.1", "--metrics-port", str(metrics), "--allow-gpu-metrics",
             "false"], self.folder, name, {**variables, "OMP_NUM_THREADS": str(self.threads)})

    def mlserver(self, name, http, grpc, metrics, more={}):
        work = os.path.join(self.folder, name)
        os.makedirs(work)
        settings = {
            "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0,
            **more}
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

    def kill_replica(self):
        """Kills one of the processes that are Ray Serve's replicas. Their environment names this run's folder."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline") as title, open(f"/proc/{entry}/environ") as environment:
                    ours = f"HOME={self.folder}" in environment.read().split("\0")
                    if ours and title.read().startswith("ray::ServeReplica:"):
                        return os.kill(int(entry), signal.SIGKILL)
            except OSError:
                continue
        raise SystemExit("engine-check: Ray Serve has no process of a replica")

    def ray(self, name, http, *_):
        return Process(
            [self.python, os.path.join(EXAMPLES, "ray_backnet.py"), self.onnx, str(http)], self.folder, name,
            {"RAY_USAGE_STATS_ENABLED": "0", "HOME": self.folder})


class Service:
    """`infenclave serve` with a provisioned enclave."""

    def __init__(self, check, name, options, provisioned=()):
        self.check, self.provisioned = check, provisioned
        self.process = Process(
            [check.server, "serve", check.bundle, "--tee", "development", "--listen", "127.0.0.1:0",
             "--admin-listen", "127.0.0.1:0", "--threads", "1", *options], check.folder, name)
        wait("server", 60, lambda: " serving " in self.process.text())
        self.port, self.admin = (
            re.search(pattern + r".* at http://127\.0\.0\.1:(\d+)", self.process.text()).group(1)
            for pattern in (" serving", "admin listener"))
        self.target = [
            "--server", f"http://127.0.0.1:{self.port}", "--policy", check.file("policy.json"), "--tee", "development"]
        self.provision()
        wait("readiness", 60, lambda: get(f"http://127.0.0.1:{self.admin}/health/ready")[0] == 200)

    def provision(self):
        """Provisions, or renews; returns the enclave's counts up to then."""
        check = self.check
        return json.loads(check.run(
            "provision", *self.target, "--key", check.file("model.key"), "--owner-key", check.file("owner.key"),
            "--client-token", check.file("client.token"), "--per-minute", "1000000", "--requests", "10000000", "--json",
            *self.provisioned))

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
    """A bundle, its owner's keys, ten pictures and their classes."""

    def __init__(self, programs, folder, shared=None, grpc=False, front="stage2.pool"):
        self.program, self.folder = os.path.join(programs, "infenclave"), folder
        self.server = os.path.join(programs, "infenclave-grpc") if grpc else self.program
        if not os.path.exists(self.server):
            raise SystemExit(f"engine-check: {self.server} is missing; `make grpc` builds it")
        self.bundle = self.file("model.infenclave")
        self.run("keygen", "owner", "--out", self.file("owner.key"))
        self.run("keygen", "token", "--out", self.file("client.token"))
        model, self.pictures, self.classes = self.mobilenet(shared) if shared else self.demo(front)
        self.run(
            "partition", *model, "--out", self.bundle, "--key-out", self.file("model.key"), "--owner-key",
            self.file("owner.key"))
        self.run("policy", self.bundle, "--tee", "development", "--out", self.file("policy.json"))

    def demo(self, front):
        """The model that this project trained, and one picture of each class."""
        pictures = sorted(os.listdir(os.path.join(DEMO, "pictures")))[:10]
        with open(os.path.join(DEMO, "labels.txt")) as file:
            labels = [line.strip().lower().replace(" ", "-") for line in file]
        arguments = [
            os.path.join(DEMO, "classifier.onnx"), "--labels", os.path.join(DEMO, "labels.txt"), "--front",
            front, "--mapping", "logits"]
        with open(os.path.join(DEMO, "labels.txt")) as file:
            self.first_label = file.read().splitlines()[labels.index("stop")]
        classes = [labels.index(os.path.splitext(name)[0].split("-", 1)[1]) for name in pictures]
        return arguments, [os.path.join(DEMO, "pictures", name) for name in pictures], classes

    def mobilenet(self, shared):
        """MobileNet-v2, and ten photographs that ONNX Runtime classifies as their names say."""
        models, name = os.path.join(shared, "models"), "mobilenet-v2-1.0"
        with open(os.path.join(models, "evaluation.json")) as file:
            predicted = json.load(file)["models"][name]["predicted"]
        with open(os.path.join(shared, "images", "labels.json")) as file:
            labels = {entry["file"]: entry["class_id"] for entry in json.load(file)["imagenet"]}
        right = sorted(file for file, index in predicted.items() if labels.get(file) == index)[:100:10]
        if len(right) != 10:
            raise SystemExit(f"engine-check: found {len(right)} photographs of a known class, expected 10")
        arguments = [
            os.path.join(models, name, "model.onnx"), "--preprocess", os.path.join(models, name, "preprocess.json"),
            "--labels", os.path.join(models, "labels", "imagenet-1k.txt"), "--front", "add_20", "--mapping",
            "reshape_64"]
        return arguments, [os.path.join(shared, "images", file) for file in right], [predicted[file] for file in right]

    def file(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        done = subprocess.run(
            [self.program, *arguments], text=True, capture_output=True,
            env={**os.environ, "XDG_STATE_HOME": self.folder})
        if done.returncode:
            raise SystemExit(f"engine-check: infenclave {arguments[0]}: {done.stderr}{done.stdout}")
        return done.stdout


def compare(expected, found, classes):
    """The largest difference of probabilities."""
    worst = 0.0
    if not len(expected) == len(found) == len(classes) == 10:
        raise SystemExit(f"engine-check: {len(expected)}, {len(found)} and {len(classes)} results, expected 10")
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
    """Classifies in four concurrent clients, performs an action in the middle, and counts the answers."""
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


def address(transport, replica):
    _, http, grpc = replica
    return f"oip+{transport}://127.0.0.1:{grpc if transport == 'grpc' else http}/backnet"


def check_engine(kind, check, expected, environments, transport, faults):
    engines = Engines(kind, environments, check.folder, check.bundle)
    # Ray Serve has its replicas behind one address.
    started = [engines.start(number) for number in range(1 if kind == "ray" else 2)]
    service = None
    try:
        addresses = ",".join(address(transport, replica) for replica in started)
        service = Service(check, f"serve-{kind}", ["--backnet", addresses])
        worst = compare(expected, service.classify(check.pictures), check.classes)
        milliseconds = service.backnet_milliseconds()
        rounds = 3
        answers, rate = classify_while(
            service, check, rounds, engines.kill_replica if kind == "ray" else started[0][0].kill)
        lost = 4 * rounds * len(check.pictures) - answers
        if lost:
            raise SystemExit(f"engine-check: {kind}: {lost} requests were lost")
        if len(started) == 2:
            wait("notice of the end", 30, lambda: service.metric("infenclave_backnet_engine_healthy") == 1)
        retries = service.metric("infenclave_backnet_engine_retries_total")
        if faults:
            check_faults(engines, check, expected, started[-1])
        if kind == "mlserver" and transport == "grpc":
            check_limit(engines, check)
        return {
            "engine": kind, "transport": transport, "versions": PACKAGES[kind][0], "replicas": len(started),
            "largestDifference": worst, "backNetMilliseconds": round(milliseconds, 2),
            "picturesPerSecond": round(rate, 1), "lost": lost, "retries": retries}
    finally:
        if service:
            service.process.kill(signal.SIGTERM)
        for process, _, _ in started:
            process.kill(signal.SIGTERM if kind == "ray" else signal.SIGKILL)


# The fault of an engine, and the line of the host's log about it.
FAULTS = {
    "lies": "computes another model", "shape": "expected FP32", "nan": "not finite", "short": "bytes of",
    "model": "is of the model 'other'", "twice": "named twice", "garbage": "is no inference.ModelInferResponse",
    "huge": "resourceExhausted", "refuses": "out of order", "unloaded": "is not ready", "stalls": "no answer within",
    "limit": "raise the engine's limit on messages to",
}


def check_faults(engines, check, expected, honest):
    """One replica has each of these faults beside a healthy one: the fault is found, and every picture gets the right answer."""
    control, port = check.file(f"{engines.kind}-fault"), free_port()

    def behave(behaviour):
        with open(control + ".new", "w") as file:
            file.write(behaviour)
        os.rename(control + ".new", control)

    behave("honest")
    faulty = Process(
        [engines.python, os.path.join(ROOT, "scripts", "faulty_engine.py"), str(port), str(honest[2]), control],
        check.folder, f"{engines.kind}-faulty")
    service = Service(
        check, f"serve-{engines.kind}-faulty",
        ["--backnet", f"oip+grpc://127.0.0.1:{port}/backnet,{address('grpc', honest)}", "--backnet-timeout", "3"])
    healthy = lambda: service.metric("infenclave_backnet_engine_healthy")
    try:
        for fault, reason in FAULTS.items():
            behave("honest")
            wait(f"two engines before it {fault}", 60, lambda: healthy() == 2)
            # Numbers as typed contents instead of raw ones are accepted, too.
            behave("typed")
            compare(expected, service.classify(check.pictures), check.classes)
            said = len(service.process.text())
            behave(fault)
            if fault != "lies":
                compare(expected, service.classify(check.pictures), check.classes)
            wait(f"notice of an engine that {fault}", 90, lambda: healthy() == 1)
            compare(expected, service.classify(check.pictures), check.classes)
            if reason not in service.process.text()[said:]:
                raise SystemExit(f"engine-check: {fault}: {service.process.text()[said:]!r} lacks {reason!r}")
        print(f"{engines.kind}: beside it an engine was found that went wrong in each of {len(FAULTS)} ways", flush=True)
    finally:
        service.process.kill(signal.SIGTERM)
        faulty.kill()


def check_limit(engines, check):
    """If the limit of a real engine is too low, the log names the required number of bytes."""
    limited = engines.start("limited", more={"grpc_max_message_length": 1000})
    log = check.file("serve-limited.log")
    server = Process(
        [check.server, "serve", check.bundle, "--tee", "development", "--listen", "127.0.0.1:0", "--backnet",
         address("grpc", limited)], check.folder, "serve-limited")
    try:
        wait(f"name of the limit, see {log}", 30, lambda: re.search(
            r"larger than max.*raise the engine's limit on messages to \d+ bytes or more", server.text()))
        print("mlserver: a limit of 1000 bytes on messages is named with what it would have to be", flush=True)
    finally:
        server.kill(signal.SIGTERM)
        limited[0].kill()


# The page for operators

def page_commands(name):
    """The commands of a worked example: the block whose first line is a comment that begins with its name."""
    with open(PAGE) as file:
        blocks = re.findall(r"```sh\n(.*?)```", file.read(), re.DOTALL)
    found = [block for block in blocks if block.startswith(f"# {name}")]
    if len(found) != 1:
        raise SystemExit(f"engine-check: {PAGE} has {len(found)} examples '{name}'")
    return found[0]


def check_page(kind, check, environments):
    """Runs an example as the page has it; as root in separate namespaces, because its ports are fixed and it stops
    nothing."""
    engines = Engines(kind, environments, check.folder, check.bundle)
    folder, programs = check.file(f"page-{kind}"), check.file(f"page-{kind}-programs")
    os.makedirs(folder)
    os.makedirs(programs)
    shutil.copytree(check.bundle, os.path.join(folder, "model.infenclave"))
    for name in ("model.key", "owner.key", "client.token", "policy.json"):
        shutil.copy(check.file(name), folder)
    os.symlink(os.path.join(ROOT, "Examples"), os.path.join(folder, "Examples"))
    os.symlink(check.pictures[0], os.path.join(folder, "picture.png"))
    os.symlink(check.program, os.path.join(programs, "infenclave"))
    if kind == "triton":
        # The wheel's program replaces an installed one.
        program, backends, variables = engines.wheel(os.path.join(check.folder, "page-triton-wheel"))
        with open(os.path.join(programs, "tritonserver"), "w") as file:
            file.write("#!/bin/sh\n" + "".join(f"export {key}={shlex.quote(value)}\n" for key, value in variables.items()))
            file.write(f'exec {shlex.quote(program)} --backend-directory {shlex.quote(backends)} "$@"\n')
        os.chmod(os.path.join(programs, "tritonserver"), 0o755)
    isolated = os.getuid() == 0
    script = "set -eu\n" + ("ip link set lo up\n" if isolated else "") + page_commands(kind) + page_commands("serve")
    alone = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"] if isolated else []
    path = f"{programs}:{os.path.join(engines.environment, 'bin')}:{os.environ['PATH']}"
    example = Process(
        [*alone, "bash", "-c", script], folder, f"page-{kind}",
        {"PATH": path, "INFENCLAVE_LOOPBACK": "1", "HOME": check.folder, "XDG_STATE_HOME": check.folder})
    try:
        code = example.process.wait(900)
        if code or not re.search(rf"% +{check.first_label}$", example.text(), re.MULTILINE):
            raise SystemExit(f"engine-check: the page's example of {kind} ended with {code}: {example.text()[-3000:]}")
        print(f"{kind}: the commands of {os.path.relpath(PAGE, ROOT)} answer '{check.first_label}'", flush=True)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"engine-check: the page's example of {kind} hangs: {example.text()[-3000:]}")
    finally:
        example.kill(signal.SIGTERM)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs")
    parser.add_argument("--engines", default="triton,mlserver,kserve,ray")
    parser.add_argument("--transport", choices=["http", "grpc"], default="http")
    parser.add_argument("--model", choices=["mobilenet", "demo"])
    parser.add_argument("--page", action="store_true", help="run the worked examples of the page instead")
    parser.add_argument("--environments", default=os.path.join(ROOT, ".build", "engines"))
    parser.add_argument("--json")
    arguments = parser.parse_args()
    # Then the started processes end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    shared = os.environ.get("INFENCLAVE_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
    network = os.path.join(shared, "models", "mobilenet-v2-1.0")
    if arguments.model == "demo" or arguments.page:
        shared = None
    elif arguments.model is None and not os.path.isdir(network):
        if os.environ.get("INFENCLAVE_SHARED_REQUIRED"):
            parser.error(f"INFENCLAVE_SHARED_REQUIRED is set, and {network} is missing")
        shared = None
    kinds = arguments.engines.split(",")
    if arguments.transport == "grpc" and "ray" in kinds:
        print("ray: skipped with gRPC; its example has routes of HTTP", flush=True)
        kinds.remove("ray")
    results = []
    with tempfile.TemporaryDirectory(prefix="engine-check-") as folder:
        check = Check(os.path.abspath(arguments.programs), folder, shared, arguments.transport == "grpc")
        if arguments.page:
            kinds = [kind for kind in kinds if kind != "mlserver"]
            for kind in kinds:
                check_page(kind, check, arguments.environments)
            print(f"{len(kinds)} passed, 0 failed")
            return
        print("with " + ("MobileNet-v2 and ten photographs" if shared else "the demo's model and ten of its pictures"), flush=True)
        own = Service(check, "serve-own", [])
        expected = own.classify(check.pictures)
        compare(expected, expected, check.classes)
        own_milliseconds = own.backnet_milliseconds()
        own.process.kill(signal.SIGTERM)
        print(f"own engine: {own_milliseconds:.2f} ms for the BackNet", flush=True)
        for kind in kinds:
            # How the host treats a faulty engine does not depend on the honest one beside it.
            faults = arguments.transport == "grpc" and kind == kinds[0]
            result = check_engine(kind, check, expected, arguments.environments, arguments.transport, faults)
            results.append(result)
            print(
                "{engine} over {transport}: right classes of 10 pictures, probabilities within {largestDifference:.1e}, "
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
