# SPDX-License-Identifier: Apache-2.0
"""A folder of collateral is read as the Swift library reads it."""

import datetime
import json
import os
import re
import subprocess

import pytest
from conftest import PACKAGE, SHARED, shared

import infenclave
from infenclave import _collateral
from infenclave._collateral import read_folder

SWIFT = PACKAGE / "Sources/Shared/Evidence/CollateralRole.swift"
VECTOR = SHARED / "vectors/attestation/tdx/v4-uptodate"


def swift_roles():
    """The names of files that each role of the Swift source may have, by its raw value."""
    text = re.sub(r"//.*", "", SWIFT.read_text())
    raw = {}
    for cases in re.findall(r"^    case (.+)$", text, re.M):
        for case in cases.split(","):
            name, _, value = case.partition("=")
            raw[name.strip()] = value.strip().strip('"') or name.strip()
    endings = {}
    for names, values in re.findall(r"^            case (\..+?): \[(.+)\]$", text, re.M):
        for name in names.split(","):
            endings[name.strip(" .")] = re.findall(r'"([^"]*)"', values)
    assert set(endings) == set(raw) and len(raw) > 10
    return {value: [base + ending for base in ([value, "cert_chain"] if value == "intermediate" else [value])
                    for ending in [*endings[name], ""]] for name, value in raw.items()}


def test_roles_and_names_of_files_are_those_of_the_swift_source():
    if not SWIFT.exists():
        pytest.skip("the Swift sources are not there")
    assert {role: list(_collateral.file_names(role)) for role in _collateral.ENDINGS} == swift_roles()


def test_every_role_is_read_under_every_name(tmp_path):
    for role in _collateral.ENDINGS:
        for name in _collateral.file_names(role):
            file = tmp_path / name
            file.write_bytes(b"some")
            assert read_folder(tmp_path) == {role: b"some"}
            file.unlink()
    for name in ("event_log.json", "vcek.bin", "pck_crl.DER", "unknown.pem", "event_log.bin.txt"):
        (tmp_path / name).write_bytes(b"some")
    (tmp_path / "crl.der").mkdir()
    assert read_folder(tmp_path) == {}


def refusal(folder):
    with pytest.raises(infenclave.InvalidConfiguration) as caught:
        read_folder(folder)
    return str(caught.value)


def test_a_folder_that_cannot_be_used_is_refused_in_the_words_of_the_command_line(program, deployment, tmp_path):
    folders = {name: tmp_path / name for name in ("missing", "file", "large", "two", "chain")}
    folders["file"].write_bytes(b"")
    for name in ("large", "two", "chain"):
        folders[name].mkdir()
    with (folders["large"] / "auxblob.bin").open("wb") as file:
        file.truncate((4 << 20) + 1)
    for name in ("vcek.der", "vcek.pem"):
        (folders["two"] / name).write_bytes(b"some")
    for name in ("intermediate.pem", "cert_chain"):
        (folders["chain"] / name).write_bytes(b"some")
    evidence = tmp_path / "evidence"
    evidence.write_bytes(b"some")
    for name, words in {"missing": "is not a folder; name the folder that has the collateral", "file": "is not a folder",
                        "large": "auxblob.bin cannot be read or is larger than 4194304 bytes",
                        "two": "has vcek in two forms; keep one", "chain": "has intermediate in two forms; keep one"}.items():
        said = refusal(folders[name])
        assert words in said
        done = subprocess.run(
            [program, "attest", "--evidence", evidence, "--tee", "snp", "--policy", deployment.policy, "--collateral", folders[name]],
            env=deployment.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode != 0 and said in done.stderr
        with pytest.raises(infenclave.InvalidConfiguration):
            infenclave.Client("https://host", deployment.policy, deployment.token, collateral=folders[name])
    # As large as it may be.
    with (folders["large"] / "auxblob.bin").open("wb") as file:
        file.truncate(4 << 20)
    assert len(read_folder(folders["large"])["auxblob"]) == 4 << 20


def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "crl.der")
    assert "crl.der cannot be read" in refusal(tmp_path)


def test_an_event_log_that_does_not_lead_to_the_quote_is_refused_as_by_the_command_line(program, deployment, tmp_path):
    expected = json.loads(shared(VECTOR / "expected.json").read_bytes())
    folder = tmp_path / "collateral"
    folder.mkdir()
    for role, file in expected["collateral"].items():
        (folder / role).write_bytes((VECTOR / file).read_bytes())
    quote, policy = (VECTOR / expected["quote"]).read_bytes(), tmp_path / "policy.json"
    policy.write_text(json.dumps({"version": 2, "tee": ["tdx"]}))
    at = datetime.datetime.fromisoformat(expected["verify_at"].replace("Z", "+00:00"))

    def failures():
        """The failed checks of the wheel, which are those of the command line."""
        done = subprocess.run(
            list(map(str, [program, "attest", "--json", "--evidence", VECTOR / expected["quote"], "--tee", "tdx", "--policy", policy,
                           "--collateral", folder, "--at", expected["verify_at"], "--collateral-history", tmp_path / "history.json"])),
            env=deployment.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said = json.loads(done.stdout)
        client = infenclave.Client("https://host", deployment.policy, deployment.token, collateral=folder)
        attestation = infenclave.appraise("tdx", quote, policy, collateral=client._core.collateral, at=at)
        assert dict(attestation.report) == {key: said[key] for key in attestation.report}
        assert attestation.accepted == (done.returncode == 0)
        return [(check.name, check.code) for check in attestation.failures]

    assert "event-log" not in dict(failures())
    (folder / "event_log.bin").write_bytes(b"no log")
    assert ("event-log", "malformed") in failures()
