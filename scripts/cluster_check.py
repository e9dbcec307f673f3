# SPDX-License-Identifier: Apache-2.0
"""Checks the cluster examples on one machine.

    python3 scripts/cluster_check.py FOLDER-OF-PROGRAMS [--only kubernetes,kserve,image,slurm,ray] [--environments DIR]

kubernetes: chart, manifests and the chart's values on the page for operators, against the schemas of two versions. kserve: KServe's
resources against its own classes. image: the OCI image from Debian packages serves and classifies as an ordinary user
without capabilities on a read-only root, run by runc. slurm, ray: an assessment in four shards on a job array of two nodes and on a Ray cluster of two, compared with a single run.

Needs root and Debian's mmdebstrap, buildah, runc, munge, slurmctld, slurmd and slurm-client; checks whose programs are missing are reported and
skipped. Python packages go into virtual environments that are kept."""

import argparse
import glob
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from engine_check import page_commands

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLUSTER = os.path.join(ROOT, "Examples", "cluster")
DEMO = os.path.join(ROOT, "Examples", "demo")
PACKAGES = {
    "check": ["kubernetes-validate==1.37.0", "helm-python-sdk==0.2.2", "pyyaml"],
    "kserve": ["kserve==0.21.0", "onnxruntime", "numpy"],
    "ray": ["ray[serve]==2.60.0", "onnxruntime", "numpy"],
}
VERSIONS = ["1.30", "1.37"]


class Skipped(Exception):
    pass


def need(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing or os.getuid() != 0:
        raise Skipped(f"it needs root and {', '.join(missing) or 'nothing else'}")


def environment(name, folder):
    home = os.path.join(os.path.abspath(folder), name)
    python, stamp, wanted = os.path.join(home, "bin", "python"), os.path.join(home, "installed"), "\n".join(PACKAGES[name])
    if not (os.path.exists(stamp) and open(stamp).read() == wanted):
        if not os.path.exists(python):
            subprocess.run(["/usr/bin/python3", "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-compile", *PACKAGES[name]], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)
    return python


def run(arguments, **options):
    done = subprocess.run(arguments, text=True, capture_output=True, **options)
    if done.returncode:
        raise SystemExit(f"cluster-check: {' '.join(arguments[:3])} …: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


# Kubernetes

VALIDATE = r'''
import glob, json, os, sys, yaml, helm_python as helm, kubernetes_validate
cluster, versions, page = sys.argv[1], sys.argv[2].split(","), json.loads(sys.argv[3])
count = 0
def check(text, where):
    global count
    for document in yaml.safe_load_all(text):
        if not document or document["apiVersion"].startswith(("serving.kserve.io", "monitoring.coreos.com")):
            continue
        for version in versions:
            kubernetes_validate.validate(document, version, strict=True)
            count += 1
chart = os.path.join(cluster, "helm")
minimal = {"tee": "snp"}
full = {"tee": "development", "runtimeClassName": "kata-qemu-snp", "replicas": 3,
        "backnet": ["oip+http://triton-0:8000/backnet,oip+http://triton-1:8000/backnet"],
        "devices": {"sgx.intel.com/epc": "128Mi"}, "serviceMonitor": {"enabled": True},
        "nodeSelector": {"zone": "a"}, "tolerations": [{"operator": "Exists"}],
        "networkPolicy": {"engines": [{"podSelector": {"matchLabels": {"app": "triton"}}}]}}
# The findings of lint are returned as data. Values that the schema refuses have to be found, to show that it checks.
def lint(values):
    return [error for version in versions for error in helm.lint(
        chart, values=values, strict=True, kube_version=f"v{version}.0")["errors"]]
for values in (minimal, full, page):
    if lint(values):
        raise SystemExit(f"helm lint: {lint(values)}")
if not lint({}):
    raise SystemExit("helm lint finds nothing in values without a TEE")
print("helm lint finds nothing")
with helm.Chart.load(chart) as loaded:
    for values in (minimal, full, page):
        rendered = loaded.render(values, name="signs", namespace="prod")
        for name, text in rendered.items():
            check(text, name)
    plain = loaded.render(minimal, name="infenclave", namespace="default")
    for wrong in ({}, {"tee": "none"}, {"tee": "snp", "replicas": "x"}, {"tee": "snp", "unknown": 1}, {"tee": "snp", "backnet": ["http://x"]},
                  {"tee": "snp", "backnet": ["oip+http://x/m"]}):
        try:
            loaded.render(wrong, name="signs", namespace="prod")
        except Exception:
            continue
        raise SystemExit(f"values that mean nothing were taken: {wrong}")
text = "# SPDX-License-Identifier: Apache-2.0\n# Made from the chart by `make cluster-manifests`; edit that.\n"
for name in sorted(plain):
    if plain[name].strip():
        text += "---\n" + plain[name].strip() + "\n"
target = os.path.join(cluster, "kubernetes", "infenclave.yaml")
if os.environ.get("WRITE"):
    open(target, "w").write(text)
elif open(target).read() != text:
    raise SystemExit("kubernetes/infenclave.yaml is not what the chart gives: make cluster-manifests")
for path in glob.glob(os.path.join(cluster, "kubernetes", "*.yaml")):
    check(open(path).read(), path)
print(count, "documents are valid in", " and ".join(versions))
'''

KSERVE = r'''
import glob, os, re, sys, yaml, kserve
from kubernetes import client
def check(value, kind, where):
    listed = re.fullmatch(r"list\[(.+)\]", kind)
    if listed:
        for index, entry in enumerate(value):
            check(entry, listed.group(1), f"{where}[{index}]")
        return
    known = getattr(kserve, kind, None) or getattr(client, kind, None)
    if known is None:
        plain = {"str": str, "int": int, "bool": bool, "float": (int, float)}.get(kind)
        if plain and not isinstance(value, plain):
            raise SystemExit(f"{where}: {value!r} is no {kind}")
        return
    if not isinstance(value, dict) or not hasattr(known, "attribute_map"):
        return
    names = {json: name for name, json in known.attribute_map.items()}
    for key, entry in value.items():
        if key not in names:
            raise SystemExit(f"{where}: {kind} has no member {key}")
        if hasattr(known, "openapi_types"):
            check(entry, known.openapi_types[names[key]], f"{where}.{key}")
kinds = {"InferenceService": "V1beta1InferenceService", "ServingRuntime": "V1alpha1ServingRuntime"}
for path in sorted(glob.glob(os.path.join(sys.argv[1], "kserve", "*.yaml"))):
    for document in yaml.safe_load_all(open(path)):
        check(document, kinds[document["kind"]], os.path.basename(path))
        print(os.path.basename(path), "has the members of KServe's", document["kind"])
'''


def page_values():
    """The parts of the page for operators about clusters: the chart's values, and existing files."""
    commands = page_commands("kubernetes").replace("\\\n", " ").strip().splitlines()[1:]
    chart, values = None, {}
    for command in commands:
        words = shlex.split(command)
        if words[:2] == ["kubectl", "apply"]:
            files = [words[index + 1] for index, word in enumerate(words) if word == "-f"]
            missing = [path for path in files if not os.path.exists(os.path.join(ROOT, path))]
            assert files and not missing, f"{command}: {missing} are missing"
        elif words[:2] == ["helm", "install"]:
            chart = words[3]
            for pair in [words[index + 1] for index, word in enumerate(words) if word == "--set"]:
                key, value = pair.split("=", 1)
                listed = re.fullmatch(r"(\w+)\[(\d+)\]", key)
                if listed:
                    values.setdefault(listed.group(1), []).insert(int(listed.group(2)), value)
                else:
                    values[key] = value
            for pair in [words[index + 1] for index, word in enumerate(words) if word == "--set-json"]:
                key, value = pair.split("=", 1)
                values[key] = json.loads(value)
        else:
            raise AssertionError(f"the page has a command for clusters that is not checked: {command}")
    assert chart == "Examples/cluster/helm" and values, f"the page installs {chart} with {values}"
    return values


def kubernetes(check):
    print(run([
        environment("check", check.environments), "-c", VALIDATE, CLUSTER, ",".join(VERSIONS), json.dumps(page_values())]).strip())


def kserve(check):
    print(run([environment("kserve", check.environments), "-c", KSERVE, CLUSTER]).strip())


# The image

def container(root, bundles, image, arguments):
    """The configuration that a container engine gives an OCI runtime for this image, without privileges, and with the
    machine's network."""
    user, group = map(int, image["User"].split(":"))
    owned = ["nosuid", "nodev", f"uid={user}", f"gid={group}"]
    tmpfs = lambda path: {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": owned}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": user, "gid": group}, "args": image["Entrypoint"] + arguments, "env": image["Env"], "cwd": "/",
            "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
            "noNewPrivileges": True},
        "root": {"path": root, "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            tmpfs("/state"), tmpfs("/tmp"),
            {"destination": "/bundles", "type": "bind", "source": bundles, "options": ["rbind", "ro"]}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
    }


def image(check):
    need("mmdebstrap", "buildah", "runc")
    folder, root = check.file("oci"), check.file("root")
    print(run([os.path.join(CLUSTER, "image", "build"), check.programs, folder]).strip())
    with open(os.path.join(folder, "index.json")) as file:
        manifest = json.load(file)["manifests"][0]["digest"].split(":")[1]
    blob = lambda digest: os.path.join(folder, "blobs", "sha256", digest)
    with open(blob(manifest)) as file:
        manifest = json.load(file)
    with open(blob(manifest["config"]["digest"].split(":")[1])) as file:
        config = json.load(file)["config"]
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/usr/bin/infenclave"], config
    os.makedirs(root)
    for layer in manifest["layers"]:
        run(["tar", "-xf", blob(layer["digest"].split(":")[1]), "-C", root])
    bundle = check.bundle()
    key = check.policy()
    os.chown(key, *map(int, config["User"].split(":")))
    home, name, log = check.file("container"), f"infenclave-check-{os.getpid()}", check.file("image.log")
    os.makedirs(home)
    with open(os.path.join(home, "config.json"), "w") as file:
        arguments = ["serve", "/bundles/" + os.path.basename(bundle), "--tee", "development", "--listen", "127.0.0.1:0",
                     "--admin-listen", "127.0.0.1:0", "--development-key", "/bundles/" + os.path.basename(key)]
        json.dump(container(root, os.path.dirname(bundle), config, arguments), file)
    runtime = ["runc", "--root", check.file("runc")]
    server = subprocess.Popen(
        [*runtime, "run", "--bundle", home, name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(log, "wb"))
    try:
        end = time.monotonic() + 60
        text = ""
        while " serving " not in text:
            text = open(log).read()
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"cluster-check: the image does not serve: {text}")
            time.sleep(0.1)
        process = json.loads(run([*runtime, "state", name]))["pid"]
        with open(f"/proc/{process}/status") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        assert status["Uid"].split() == ["65532"] * 4, status["Uid"]
        for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            assert int(status[capabilities], 16) == 0, (capabilities, status[capabilities])
        with open(f"/proc/{process}/mountinfo") as file:
            options = {words[4]: words[5].split(",") for words in map(str.split, file)}
        assert "ro" in options["/"], options["/"]
        url = "http://" + re.search(r"127\.0\.0\.1:\d+", text.split(" serving ")[1]).group()
        admin = text.split("admin listener at ")[1].split()[0]
        with urllib.request.urlopen(admin + "/health/live", timeout=5) as answer:
            assert answer.status == 200
        check.classify(url)
        run([*runtime, "kill", name, "TERM"])
        assert server.wait(30) == 0, "SIGTERM does not end it well"
        print("the image, run by runc, classifies as user 65532 without capabilities on a read-only root, and ends on SIGTERM")
    finally:
        if server.poll() is None:
            subprocess.run([*runtime, "delete", "--force", name], check=False)
            server.wait()


# Assessments

ASSESS = [
    os.path.join(DEMO, "classifier.onnx"), "--images", os.path.join(DEMO, "pictures"), "--limit", "24", "--validator",
    os.path.join(DEMO, "validator.onnx"), "--cut", "stem.pool", "--cut", "stage2.pool", "--cut", "stage3.pool", "--trained",
    "none", "--threads", "1", "--white-box", "0", "--bound-pictures", "6"]


def compare(one, other, where="assessment"):
    """Compares sums to 1e-9 and counts exactly; timings are left out."""
    if isinstance(one, dict):
        for key in one.keys() | other.keys():
            if key not in ("cost", "milliseconds", "model", "plans", "recommendation"):
                assert key in one and key in other, f"{where}.{key} is in one only"
                compare(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), f"{where}: {len(one)} and {len(other)} entries"
        for index, pair in enumerate(zip(one, other)):
            compare(*pair, f"{where}[{index}]")
    elif isinstance(one, float) or isinstance(other, float):
        assert abs(one - other) <= 1e-9 * max(1, abs(one)), f"{where}: {one} and {other}"
    else:
        assert one == other, f"{where}: {one} and {other}"


def compare_reports(check, folder):
    with open(os.path.join(check.whole(), "assessment.json")) as one:
        with open(os.path.join(folder, "assessment.json")) as other:
            compare(json.load(one), json.load(other))


def slurm(check):
    need("slurmctld", "slurmd", "sbatch", "munged")
    home = check.file("slurm")
    for folder in ("state", "spool.n1", "spool.n2"):
        os.makedirs(os.path.join(home, folder))
    host = socket.gethostname()
    ports = []
    listeners = [socket.socket() for _ in range(3)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
    for listener in listeners:
        listener.close()
    key = os.path.join(home, "munge.key")
    with open(key, "wb") as file:
        file.write(os.urandom(128))
    os.chmod(key, 0o600)
    with open(os.path.join(home, "cgroup.conf"), "w") as file:
        file.write("CgroupPlugin=cgroup/v1\n" if os.path.isdir("/sys/fs/cgroup/memory") else "")
    with open(os.path.join(home, "slurm.conf"), "w") as file:
        file.write(f"""ClusterName=check
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool.%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.%n.log
ReturnToService=2
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 State=UP
""")
    environ = {**os.environ, "SLURM_CONF": os.path.join(home, "slurm.conf"), "XDG_STATE_HOME": check.folder}
    processes = []

    def start(*arguments):
        processes.append(subprocess.Popen(
            arguments, env=environ, stdin=subprocess.DEVNULL, stdout=open(os.path.join(home, "daemons.log"), "ab"),
            stderr=subprocess.STDOUT))

    try:
        os.chmod(check.folder, 0o755)
        start("munged", "--foreground", "--force", f"--socket={home}/munge.socket", f"--key-file={key}",
              f"--log-file={home}/munge.log", f"--pid-file={home}/munge.pid", f"--seed-file={home}/munge.seed")
        time.sleep(1)
        start("slurmctld", "-D")
        for node in ("n1", "n2"):
            start("slurmd", "-D", "-N", node)
        end = time.monotonic() + 60
        while run(["sinfo", "-h", "-o", "%t %D"], env=environ).strip() != "idle 2":
            if time.monotonic() > end:
                raise SystemExit(f"cluster-check: Slurm's nodes are not up: see {home}")
            time.sleep(0.5)
        out = check.file("slurm-report")
        started = time.monotonic()
        job = run(
            [os.path.join(CLUSTER, "slurm", "assess.sh"), "4", out, *ASSESS], cwd=check.folder,
            env={**environ, "INFENCLAVE": check.program, "SBATCH_OPTIONS": f"--chdir={check.folder}"}).strip()
        while True:
            state = run(["squeue", "-h", "-o", "%T"], env=environ).split()
            if not state:
                break
            if time.monotonic() - started > 900:
                raise SystemExit(f"cluster-check: job {job} is not done: {state}")
            time.sleep(1)
        if not os.path.exists(os.path.join(out, "assessment.json")):
            logs = "".join(open(path, errors="replace").read() for path in glob.glob(out + ".shards/*.log"))
            raise SystemExit(f"cluster-check: Slurm made no report: {logs}")
        compare_reports(check, out)
        with open(os.path.join(home, "slurmctld.log")) as file:
            nodes = set(re.findall(r"NodeList=(n[12])\b", file.read()))
        assert nodes == {"n1", "n2"}, f"shards ran on {sorted(nodes)}"
        print(f"four shards on a Slurm array of two nodes equal a single run ({time.monotonic() - started:.0f} s)")
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


RAY = r'''
import os, subprocess, sys
import ray
from ray.cluster_utils import Cluster
cluster = Cluster()
for number in range(2):
    # A node without given ports ends when its agents have not reported theirs after 15 s, and on a busy machine they need
    # longer. These ports are free, because the cluster has a separate network namespace. The dashboard takes most of a
    # head's start.
    first = 21000 + 10 * number
    cluster.add_node(
        wait=False, num_cpus=1, object_store_memory=100 << 20, node_ip_address="127.0.0.1", include_dashboard=False,
        metrics_agent_port=first, metrics_export_port=first + 1, dashboard_agent_listen_port=first + 2,
        runtime_env_agent_port=first + 3)
cluster.wait_for_nodes(300)
done = subprocess.run([sys.executable, *sys.argv[1:]], env={**os.environ, "RAY_ADDRESS": cluster.address})
cluster.shutdown()
sys.exit(done.returncode)
'''


def ray(check):
    need("unshare", "ip")
    python = environment("ray", check.environments)
    out = check.file("ray-report")
    started = time.monotonic()
    # Two nodes on one machine need a separate network namespace: otherwise Ray uses the machine's first address.
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    said = run(
        [*alone, python, "-c", RAY, os.path.join(CLUSTER, "ray", "assess.py"), "4", out, *ASSESS], cwd=check.folder, env={
            **os.environ, "INFENCLAVE": check.program, "RAY_USAGE_STATS_ENABLED": "0", "HOME": check.folder,
            "XDG_STATE_HOME": check.folder, "RAY_raylet_start_wait_time_s": "300",
            "RAY_gcs_server_request_timeout_seconds": "300"})
    compare_reports(check, out)
    assert "4 shards on 2 nodes" in said, f"it said {said}"
    print(f"four shards on a Ray cluster of two nodes equal a single run ({time.monotonic() - started:.0f} s)")


class Check:
    def __init__(self, programs, environments, folder):
        self.programs, self.environments, self.folder = os.path.abspath(programs), environments, folder
        self.program = os.path.join(self.programs, "infenclave")

    def file(self, name):
        return os.path.join(self.folder, name)

    def infenclave(self, *arguments):
        return run([self.program, *arguments], env={**os.environ, "XDG_STATE_HOME": self.folder}, cwd=self.folder)

    def bundle(self):
        bundle = self.file("bundles/model.infenclave")
        os.makedirs(self.file("bundles"))
        self.infenclave("keygen", "owner", "--out", self.file("owner.key"))
        self.infenclave(
            "partition", os.path.join(DEMO, "classifier.onnx"), "--front", "stage2.pool", "--mapping", "logits",
            "--labels", os.path.join(DEMO, "labels.txt"), "--out", bundle, "--key-out", self.file("model.key"),
            "--owner-key", self.file("owner.key"))
        return bundle

    def policy(self):
        """Makes the policy for the bundle in the development TEE; returns the file with that TEE's key, beside the
        bundle."""
        key = self.file("bundles/development.key")
        self.infenclave("policy", self.file("bundles/model.infenclave"), "--tee", "development", "--development-key", key,
                        "--out", self.file("policy.json"))
        return key

    def classify(self, url):
        """Provisions the server of the bundle as its owner, and classifies a picture as its client."""
        self.infenclave("keygen", "token", "--out", self.file("client.token"))
        target = ["--server", url, "--policy", self.file("policy.json"), "--tee", "development"]
        self.infenclave(
            "provision", *target, "--key", self.file("model.key"), "--owner-key", self.file("owner.key"), "--client-token",
            self.file("client.token"))
        with open(os.path.join(DEMO, "labels.txt")) as file:
            labels = file.read().splitlines()
        picture = sorted(glob.glob(os.path.join(DEMO, "pictures", "*.png")))[0]
        shown = os.path.splitext(os.path.basename(picture))[0].split("-", 1)[1]
        answer = json.loads(self.infenclave("classify", *target, "--token", self.file("client.token"), "--json", picture))
        found = answer["results"][0]
        assert found["class"] == labels[found["index"]] and found["class"].lower().replace(" ", "-") == shown, f"{picture} is {found}"

    def whole(self):
        """The report of a single run."""
        out = self.file("whole")
        if not os.path.isdir(out):
            self.infenclave("assess", *ASSESS, "--out", out)
        return out


def main():
    checks = {"kubernetes": kubernetes, "kserve": kserve, "image": image, "slurm": slurm, "ray": ray}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs")
    parser.add_argument("--only", default=",".join(checks))
    parser.add_argument("--environments", default=os.path.join(ROOT, ".build", "engines"))
    arguments = parser.parse_args()
    passed = skipped = 0
    with tempfile.TemporaryDirectory(prefix="cluster-check-") as folder:
        check = Check(arguments.programs, arguments.environments, folder)
        for name in arguments.only.split(","):
            try:
                checks[name](check)
                passed += 1
            except Skipped as reason:
                print(f"{name}: skipped, {reason}")
                skipped += 1
            except AssertionError as difference:
                raise SystemExit(f"cluster-check: {name}: {difference}")
    print(f"{passed} passed, 0 failed, {skipped} skipped")


if __name__ == "__main__":
    main()
