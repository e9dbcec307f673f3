# SPDX-License-Identifier: Apache-2.0
"""One verifier: the wheel and the command line cannot differ."""

import base64
import datetime
import json
import pathlib
import subprocess

import pytest
from conftest import PROGRAM, SHARED, shared

import infenclave
from infenclave import _library
from infenclave._collateral import read_folder

FOLDER = SHARED / "vectors/attestation"
ENDINGS = {"tcb_info": "json", "qe_identity": "json", "tcb_info_issuer_chain": "pem", "qe_identity_issuer_chain": "pem",
           "pck_cert_chain": "pem", "pck_crl": "der", "root_ca_crl": "der", "crl": "der", "auxblob": "bin"}


def vectors():
    """Every vector, and every other policy or time that one has."""
    if not (FOLDER / "index.json").exists():
        # The test of the index says whether that is a failure.
        return []
    cases = []
    for vector in json.loads((FOLDER / "index.json").read_bytes())["vectors"]:
        expected = json.loads((FOLDER / vector["path"] / "expected.json").read_bytes())
        for number, case in enumerate([expected, *(expected.get("also") or [])]):
            cases.append(pytest.param(vector["path"], expected, case, id=f"{vector['path']}-{number}"))
    return cases


def policy_of(tee, fields):
    names = {"allowed_tcb_status": "tcbStatuses", "allow_debug": "allowDebug", "max_vmpl": "maximumVMPL",
             "allow_migrate_ma": "allowMigration", "min_reported_tcb": "minimumTCB", "max_age_seconds": "maximumAgeSeconds"}
    return {"version": 2, "tee": [tee], **{names[key]: value for key, value in fields.items()
                                           if key in names and value is not None}}


def test_the_vectors_are_there():
    shared(FOLDER / "index.json")
    assert len(vectors()) > 50


@pytest.mark.skipif(not PROGRAM, reason="INFENCLAVE_PROGRAM names no `infenclave`")
@pytest.mark.parametrize("path, expected, case", vectors())
def test_the_wheel_and_the_command_line_give_one_verdict(path, expected, case, tmp_path):
    folder = FOLDER / path
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(policy_of(expected["tee"], case["policy"])))
    collateral = {role: (folder / file).read_bytes() for role, file in expected["collateral"].items()}
    named = tmp_path / "collateral"
    named.mkdir()
    for role, data in collateral.items():
        ending = ENDINGS.get(role, "pem" if data.startswith(b"-----") else "der")
        (named / f"{role}.{ending}").write_bytes(data)
    is_vendors = "/roots/" in expected["trusted_root"]
    root = b"" if is_vendors else (folder / expected["trusted_root"]).read_bytes()
    arguments = [PROGRAM, "attest", "--json", "--evidence", folder / expected["quote"], "--tee", expected["tee"], "--policy",
                 policy, "--collateral", named, "--at", case["verify_at"], "--collateral-history", tmp_path / "history.json"]
    if not is_vendors:
        arguments += ["--dangerously-trust-root", folder / expected["trusted_root"]]
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = json.loads(done.stdout)

    attestation = infenclave.appraise(
        expected["tee"], (folder / expected["quote"]).read_bytes(), policy, collateral=read_folder(named),
        at=datetime.datetime.fromisoformat(case["verify_at"].replace("Z", "+00:00")), dangerously_trust_root=root)
    assert dict(attestation.report) == {key: said[key] for key in attestation.report}
    assert attestation.accepted == (case["expected"] == "accept") == (done.returncode == 0)


def bytes_of(record, key):
    return base64.b64decode(record[key]) if record.get(key) else b""


def test_every_appraisal_of_the_swift_tests_comes_out_the_same(appraisals):
    assert len(appraisals) > 100
    for record in appraisals:
        sources = _library.Sources(
            record["time"], {role: base64.b64decode(data) for role, data in record["collateral"].items()},
            record["seenBefore"], bytes_of(record, "root"), bool(record.get("acceptsDevelopment")))
        if record.get("document"):
            try:
                verdict = _library.Peer.verify(
                    bytes_of(record, "document"), bytes_of(record, "nonce"), bytes_of(record, "policy"), sources
                ).description["verdict"]
            except infenclave.AttestationRejected as error:
                assert dict(error.attestation.report) == record["report"], record["name"]
                continue
            except infenclave.InvalidResponse:
                # The fixtures' manifests contain only the members that policies check.
                assert record["report"]["verdict"] == "accepted", record["name"]
                continue
        else:
            verdict = _library.appraise(
                record["tee"], bytes_of(record, "evidence"), bytes_of(record, "policy"), b"", sources)
        assert verdict["report"] == record["report"], record["name"]
        entries = [{key: value for key, value in entry.items() if key not in ("summary", "remedy") and value is not None}
                   for entry in verdict["entries"]]
        assert entries == record["entries"], record["name"]


def test_saved_evidence_without_a_policy_is_verified_and_not_appraised():
    attestation = infenclave.appraise("snp", b"no report", at=0)
    assert not attestation.accepted
    assert [(check.name, check.code) for check in attestation.failures] == [("evidence-format", "malformed")]
    assert attestation.failures[0].remedy and attestation.failures[0].summary


def test_what_cannot_be_used_is_said_by_its_name(tmp_path):
    with pytest.raises(infenclave.InvalidConfiguration, match="policy"):
        infenclave.appraise("snp", b"x", b"{}", at=0)
    with pytest.raises(infenclave.InvalidInput, match="TEE"):
        infenclave.appraise("sev", b"x", at=0)
    with pytest.raises(infenclave.InvalidInput, match="root"):
        infenclave.appraise("snp", b"x", at=0, dangerously_trust_root=b"no root")
    with pytest.raises(infenclave.InvalidConfiguration, match="nowhere"):
        infenclave.appraise("snp", b"x", pathlib.Path("/nowhere/policy.json"), at=0)
