# SPDX-License-Identifier: Apache-2.0
"""Clients against a real server."""

import asyncio
import inspect
import json
import pathlib
import time

import numpy as np
import pytest
from deployment import DEMO, PICTURES
from meddler import Meddler
from PIL import Image

import infenclave
from infenclave import AsyncClient, Client

STOP = DEMO / "client/stop.png"
EVIDENCE = "/.well-known/infenclave/evidence"


@pytest.fixture()
def client(deployment, server):
    return Client(server.url, deployment.policy, deployment.token, dangerously_accept_development=True)


def other_policy(deployment, **members):
    """The policy's bytes with other members; None leaves one out."""
    policy = {**json.loads(deployment.policy.read_bytes()), **members}
    return json.dumps({name: value for name, value in policy.items() if value is not None}).encode()


def test_pictures_get_their_classes(client):
    for file, name in PICTURES.items():
        best, *others = client.classify(DEMO / "client" / file)
        assert best.name == name and best.probability > 0.5
        assert len(others) == 9 and abs(sum(one.probability for one in [best, *others]) - 1) < 1e-4


def test_the_swift_client_gives_the_same_answer(client, deployment, server):
    said = json.loads(deployment.run(
        "classify", "--server", server.url, "--policy", deployment.policy, "--tee", "development", "--token", deployment.token,
        "--json", "--top", "10", STOP))
    found = client.classify(STOP)
    assert [(one.index, one.name) for one in found] == [(one["index"], one["class"]) for one in said["results"]]
    assert all(abs(one.probability - other["probability"]) < 1e-6 for one, other in zip(found, said["results"]))


def test_a_file_bytes_an_image_an_array_and_a_tensor_are_the_same_picture(client):
    expected = client.classify(STOP)
    image = Image.open(STOP)
    fitted = np.asarray(client.preprocess(STOP))
    for picture in (str(STOP), STOP.read_bytes(), STOP.open("rb"), image, np.asarray(image), fitted[None]):
        assert client.classify(picture) == expected


def test_a_batch_keeps_its_order(client):
    files = [DEMO / "client" / file for file in PICTURES] * 4
    answers = client.classify_batch(files, maximum_in_flight=3)
    assert [answer[0].name for answer in answers] == list(PICTURES.values()) * 4
    stacked = np.concatenate([np.asarray(client.preprocess(file))[None] for file in files[:3]])
    assert client.classify_batch(stacked) == answers[:3]
    with pytest.raises(infenclave.InvalidInput):
        client.classify_batch([STOP, b"no picture", STOP])


def test_what_the_model_does_not_take_is_refused_before_it_is_sent(client):
    client.attest()
    for wrong in (np.zeros((1, 3, 64, 64), np.float32), np.zeros((1, 63, 64, 3), np.uint8),
                  np.zeros((2, 64, 64, 3), np.uint8)):
        with pytest.raises(infenclave.InvalidInput, match="the model takes u8 1x64x64x3"):
            client.classify(wrong)
    with pytest.raises(infenclave.InvalidInput, match="finite"):
        client.classify(np.full((1, 3, 64, 64), np.nan, np.float32))


def test_the_attestation_says_what_is_talked_to(client, deployment):
    attestation = client.attestation
    policy = json.loads(deployment.policy.read_bytes())
    assert attestation.accepted and attestation.tee == "development" and not attestation.failures
    assert attestation.measurements["development"] in policy["measurements"]["development"]
    assert attestation.enclave["manifestDigest"] == policy["manifestDigest"]
    assert attestation.enclave["state"] == "provisioned" and attestation.enclave["kem"] == "X-Wing"
    assert attestation.enclave["manifest"]["model"]["name"] == "classifier"
    assert attestation.enclave["lease"]["secondsLeft"] > 0
    assert {"development-signature", "report-data", "enclave-parts"} <= {check.name for check in attestation.checks}
    assert len(attestation.warnings) == 1 and "protects nothing" in attestation.warnings[0]
    page = attestation._repr_html_()
    assert all(f">{check.name}</th>" in page for check in attestation.checks) and attestation.measurements["development"] in page


def test_a_notebook_shows_text_of_strangers_as_text():
    verdict = {"report": {"tee": "<b>", "verdict": "rejected", "warnings": ["<script>"], "measurements": {"<i>": "<u>"}},
               "collateral": {}, "entries": [{"check": "<img>", "summary": "&", "outcome": "failed", "code": "<x>", "reason": None,
                                              "found": "<found>", "expected": "'\"", "remedy": "<r>"}]}
    page = infenclave.Attestation(verdict)._repr_html_()
    for tag in ("<b>", "<script>", "<i>", "<u>", "<img>", "<x>", "<found>", "<r>"):
        assert tag not in page


@pytest.mark.parametrize("change, reason", [
    ({"tee": ["snp"]}, ("tee-allowed", "development_not_accepted")),
    ({"ownerPublicKey": "00" * 32}, ("owner-key", "owner_key_mismatch")),
    ({"manifestDigest": "00" * 32}, ("manifest-digest", "manifest_mismatch")),
    ({"developmentKey": "00" * 32}, ("development-key", "signing_key_mismatch")),
    ({"measurements": {"development": ["11" * 48]}}, ("measurements", "measurement_mismatch")),
    ({"measurements": None}, ("measurements", "measurement_not_pinned")),
    ({"everythingInside": True}, ("everything-inside", "not_everything_inside")),
    ({"maximumLeaseSeconds": 60}, ("lease", "lease_too_long")),
])
def test_an_enclave_that_the_policy_does_not_describe_is_sent_nothing(deployment, server, change, reason):
    with Meddler(server.url) as host:
        client = Client(host.url, other_policy(deployment, **change), deployment.token, dangerously_accept_development=True)
        with pytest.raises(infenclave.AttestationRejected) as caught:
            client.classify(STOP)
        assert [(check.name, check.code) for check in caught.value.attestation.failures] == [reason]
        assert caught.value.code == "attestationRejected" and "send nothing" in str(caught.value)
        assert host.paths == [EVIDENCE]
        # The same host gets a picture from a client whose policy describes the enclave.
        assert Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True).classify(STOP)
        assert host.paths == [EVIDENCE, EVIDENCE, "/ohttp"]


def test_the_development_tee_has_to_be_accepted_by_name(deployment, server):
    with Meddler(server.url) as host:
        with pytest.raises(infenclave.AttestationRejected, match="development_not_accepted"):
            Client(host.url, deployment.policy, deployment.token).classify(STOP)
        assert host.paths == [EVIDENCE]


@pytest.fixture()
def meddled(deployment, server):
    """A client behind a host that changes what comes back."""
    started = []

    def start(change, **options):
        host = Meddler(server.url, change)
        started.append(host)
        return Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True, **options)

    yield start
    for host in started:
        host.stop()


def test_evidence_that_was_changed_is_refused(meddled):
    import base64

    def flip(member):
        def change(path, body):
            document = json.loads(body)
            data = bytearray(base64.b64decode(document[member]))
            data[-1] ^= 1
            return json.dumps({**document, member: base64.b64encode(bytes(data)).decode()}).encode()

        return change

    for member, code in {"evidence": "report_signature_invalid", "keyConfiguration": "report_data_mismatch",
                         "facts": "report_data_mismatch", "manifest": "manifest_mismatch",
                         "manifestCore": "manifest_signature_invalid"}.items():
        with pytest.raises(infenclave.AttestationRejected, match=code):
            meddled(flip(member)).attest()
    for damaged in (b"", b"{}", b"[" * 100_000, b'{"version":2,"version":2}'):
        with pytest.raises(infenclave.InvalidResponse):
            meddled(lambda path, body, damaged=damaged: damaged).attest()


def test_answers_that_were_changed_are_refused(meddled):
    def on_answers(change):
        return lambda path, body: change(body) if path == "/ohttp" else body

    for change in (lambda body: body[:-1] + bytes([body[-1] ^ 1]), lambda body: body[:40], lambda body: b""):
        with pytest.raises(infenclave.InvalidResponse):
            meddled(on_answers(change)).classify(STOP)
    with pytest.raises(infenclave.InvalidResponse, match="4194304"):
        meddled(on_answers(lambda body: bytes(5 << 20))).classify(STOP)
    with pytest.raises(infenclave.InvalidResponse, match="302"):
        meddled(on_answers(lambda body: (302, b""))).classify(STOP)


def test_a_hosts_claim_of_new_keys_moves_nothing(deployment, server):
    def claim(path, body):
        refusal = b'{"error":{"code":"unknownKey","message":"new\\nkeys","remedy":""}}'
        return (400, refusal) if path == "/ohttp" else body

    with Meddler(server.url, claim) as host:
        client = Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True)
        with pytest.raises(infenclave.Refused, match="new.keys") as caught:
            client.classify(STOP)
        assert caught.value.refusal == "unknownKey" and "\n" not in str(caught.value)
        # The same bytes are sent again, for up to eight attestations: behind a balancer another server may have the
        # key.
        assert host.paths == [EVIDENCE, "/ohttp", "/ohttp"] * 9
        assert len(set(host.posted)) == 1


def test_a_server_that_is_lost_after_an_answer_is_asked_three_times_for_evidence(deployment, server):
    is_lost = False

    def lose(path, body):
        if not is_lost:
            return body
        return (503, b"") if path.startswith(EVIDENCE) else (400, b'{"error":{"code":"unknownKey","message":"no","remedy":""}}')

    with Meddler(server.url, lose) as host:
        client = Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True)
        assert client.classify(STOP)[0].name == "Stop"
        is_lost = True
        with pytest.raises(infenclave.Unreachable):
            client.classify(STOP)
        # Once before it was lost.
        assert host.paths.count(EVIDENCE) == 1 + 3


def test_new_keys_are_attested_and_the_picture_sealed_anew(client, server):
    assert client.classify(STOP)[0].name == "Stop"
    before = client.attestation
    # Keys are replaced at once, without a grace period.
    server.provision()
    assert [answer[0].name for answer in client.classify_batch([STOP] * 4)] == ["Stop"] * 4
    assert client.attestation is not before


def test_an_enclave_without_a_model_and_a_server_that_is_gone_are_said_by_name(deployment):
    with deployment.serve() as fresh:
        client = Client(fresh.url, deployment.policy, deployment.token, dangerously_accept_development=True)
        with pytest.raises(infenclave.Refused) as caught:
            client.classify(STOP)
        assert caught.value.refusal == "notProvisioned" and "infenclave provision" in caught.value.remedy
        fresh.provision()
        assert client.classify(STOP)[0].name == "Stop"
    with pytest.raises(infenclave.Unreachable, match="infenclave serve"):
        client.classify(STOP)


def test_a_lease_that_has_ended_is_said_by_name(deployment):
    with deployment.serve() as fresh:
        fresh.provision("--lease", "2s")
        client = Client(fresh.url, deployment.policy, deployment.token, dangerously_accept_development=True)
        assert client.classify(STOP)[0].name == "Stop"
        time.sleep(3)
        with pytest.raises(infenclave.Refused) as caught:
            client.classify(STOP)
        assert caught.value.refusal == "leaseEnded"
        fresh.provision()
        assert client.classify(STOP)[0].name == "Stop"


def test_a_lease_that_was_renewed_is_found_within_the_call(deployment):
    with deployment.serve() as ended, deployment.serve() as renewed, Meddler(ended.url) as host:
        ended.provision("--lease", "2s")
        client = Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True, maximum_attempts=1)
        client.classify(STOP)
        renewed.provision()
        time.sleep(3)

        def change(path, body):
            # The enclave that sends an encrypted refusal is not the one that gives evidence next.
            host.target = renewed.url if path == "/ohttp" else host.target
            return body

        host.change = change
        host.asked.clear()
        assert client.classify(STOP)[0].name == "Stop"
        assert host.paths == ["/ohttp", EVIDENCE, "/ohttp"] and len(set(host.posted)) == 2


def test_old_evidence_is_not_relied_on(deployment, server, monkeypatch):
    with Meddler(server.url) as host:
        client = Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True)
        assert [client.classify(STOP)[0].name for _ in range(2)] == ["Stop"] * 2
        assert host.paths == [EVIDENCE, "/ohttp", "/ohttp"]
        host.asked.clear()
        wary = Client(host.url, deployment.policy, deployment.token, dangerously_accept_development=True, maximum_session_age=0)
        assert [wary.classify(STOP)[0].name for _ in range(2)] == ["Stop"] * 2
        assert host.paths == [EVIDENCE, "/ohttp"] * 2
        # A machine that sleeps gets older, too: time.monotonic stands still then.
        host.asked.clear()
        boot = time.clock_gettime
        monkeypatch.setattr(time, "clock_gettime", lambda clock: boot(clock) + (3590 if clock == time.CLOCK_BOOTTIME else 0))
        client.classify(STOP)
        monkeypatch.setattr(time, "clock_gettime", lambda clock: boot(clock) + (3600 if clock == time.CLOCK_BOOTTIME else 0))
        client.classify(STOP)
        assert host.paths == ["/ohttp", EVIDENCE, "/ohttp"]
    # By default an hour, as in the Swift library.
    assert inspect.signature(Client).parameters["maximum_session_age"].default == 3600
    assert inspect.signature(AsyncClient).parameters["maximum_session_age"].default == 3600


def test_a_token_that_the_owner_did_not_list_is_refused_by_the_enclave(deployment, server):
    client = Client(server.url, deployment.policy, bytes(32), dangerously_accept_development=True)
    with pytest.raises(infenclave.UnknownToken):
        client.classify(STOP)


def test_arguments_that_cannot_be_used_are_refused_at_once(deployment, monkeypatch, tmp_path):
    monkeypatch.delenv("INFENCLAVE_TOKEN", raising=False)
    policy, token = deployment.policy, deployment.token
    for url in ("", "host:1", "ftp://host", "https://user:word@host", "https://host?x", "https://host:99999", None):
        with pytest.raises(infenclave.InvalidConfiguration) as caught:
            Client(url, policy, token)
        assert "word" not in str(caught.value)
    for wrong in (None, bytes(31), tmp_path / "none"):
        with pytest.raises(infenclave.InvalidConfiguration, match="token"):
            Client("https://host", policy, wrong)
    loose = tmp_path / "loose.token"
    loose.write_bytes(token.read_bytes())
    loose.chmod(0o644)
    with pytest.raises(infenclave.InvalidConfiguration):
        Client("https://host", policy, loose)
    for wrong in (b"", b"{}", tmp_path / "none", b'{"version":2,"tee":["snp"],"tee":["snp"]}'):
        with pytest.raises(infenclave.InvalidConfiguration, match="policy"):
            Client("https://host", wrong, token)
    with pytest.raises(infenclave.InvalidConfiguration, match="folder"):
        Client("https://host", policy, token, collateral=tmp_path / "none")
    with pytest.raises(infenclave.InvalidConfiguration, match="requests.Session"):
        Client("https://host", policy, token, http=object())
    monkeypatch.setenv("INFENCLAVE_TOKEN", str(token))
    Client("https://host", policy)
    for wrong in ({"maximum_session_age": -1}, {"maximum_session_age": float("nan")}, {"maximum_attempts": 0}):
        with pytest.raises(infenclave.InvalidConfiguration, match="maximum"):
            Client("https://host", policy, token, **wrong)


@pytest.mark.parametrize("kind", ["requests", "httpx"])
def test_the_http_libraries_of_the_caller_are_used(kind, deployment, server):
    library = pytest.importorskip(kind)
    http = library.Session() if kind == "requests" else library.Client(trust_env=False)
    client = Client(server.url, deployment.policy, deployment.token, dangerously_accept_development=True, http=http)
    assert client.classify(STOP)[0].name == "Stop"
    gone = Client("http://127.0.0.1:9", deployment.policy, deployment.token, dangerously_accept_development=True, http=http)
    with pytest.raises(infenclave.Unreachable):
        gone.attest()


@pytest.mark.parametrize("kind", ["urllib", "httpx"])
def test_an_asynchronous_client_does_the_same(kind, deployment, server):
    async def ask():
        http = pytest.importorskip("httpx").AsyncClient(trust_env=False) if kind == "httpx" else None
        client = AsyncClient(server.url, deployment.policy, deployment.token, dangerously_accept_development=True, http=http)
        assert client.attestation is None
        files = [DEMO / "client" / file for file in PICTURES] * 3
        answers = await client.classify_batch(files, maximum_in_flight=3)
        assert [answer[0].name for answer in answers] == list(PICTURES.values()) * 3
        server.provision()
        assert (await client.classify(STOP))[0].name == "Stop"
        assert client.attestation.accepted
        with pytest.raises(infenclave.InvalidInput):
            await client.classify_batch([STOP, b"no picture"])
        task = asyncio.create_task(client.classify_batch([STOP] * 50, maximum_in_flight=1))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if http is not None:
            await http.aclose()

    asyncio.run(ask())


def test_many_requests_leave_no_growth(client):
    import resource

    pixels = np.asarray(client.preprocess(STOP))[None]
    for _ in range(50):
        client.classify(pixels)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        client.classify(pixels)
    # Kilobytes; a request has some 13 of them.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2000


def test_everything_public_is_documented_and_typed():
    for name in infenclave.__all__:
        thing = getattr(infenclave, name)
        assert inspect.getdoc(thing), name
        for member, value in vars(thing).items() if inspect.isclass(thing) else []:
            if inspect.isfunction(value) and not member.startswith("_"):
                assert inspect.getdoc(value), f"{name}.{member}"
                assert "return" in value.__annotations__, f"{name}.{member}"
    assert pathlib.Path(infenclave.__file__).with_name("py.typed").exists()
