# SPDX-License-Identifier: Apache-2.0
"""Verdicts, as objects and as HTML."""

from __future__ import annotations

import datetime
import html
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _library


@dataclass(frozen=True)
class Check:
    """One check of an appraisal (Documentation/attestation-checks.md).

    Attributes:
        name: Its stable name, such as ``report-signature``.
        summary: What has to hold.
        outcome: ``passed``, ``failed`` or ``skipped``.
        code: The stable reason of a failure, else None.
        reason: Why it was skipped, else None.
        found: What the evidence has; may be empty.
        expected: What it was compared with; may be empty.
        remedy: What to do about a failure.
    """

    name: str
    summary: str
    outcome: str
    code: str | None
    reason: str | None
    found: str
    expected: str
    remedy: str


class Attestation:
    """The appraisal of an enclave, and its claims. A notebook displays it as a table.

    Attributes:
        tee: ``sgx``, ``tdx``, ``snp``, ``nitro`` or ``development``.
        accepted: Whether no check failed.
        checks: Every check that was made or skipped, in order.
        warnings: What a reader must know even if all checks passed.
        measurements: By name, in hexadecimal.
        report: What ``infenclave attest --json`` prints.
        collateral: How new the verified collateral is, by name: ``{"date", "evaluationDataNumber"}``.
        enclave: For a verified service: ``manifest``, ``manifestDigest``, ``epoch``, ``state``, ``lease``,
            ``boundaryBytes``, ``acceptsFloats`` and ``kem``; else an empty mapping.
    """

    def __init__(self, verdict: Mapping[str, Any], enclave: Mapping[str, Any] | None = None) -> None:
        self.report: Mapping[str, Any] = verdict["report"]
        self.collateral: Mapping[str, Mapping[str, Any]] = verdict["collateral"]
        self.tee: str = self.report["tee"]
        self.accepted: bool = self.report["verdict"] == "accepted"
        self.warnings: list[str] = self.report["warnings"]
        self.measurements: Mapping[str, str] = self.report["measurements"]
        self.enclave: Mapping[str, Any] = {
            name: value for name, value in (enclave or {}).items() if name != "verdict"}
        self.checks = [
            Check(entry["check"], entry["summary"], entry["outcome"], entry["code"], entry["reason"], entry["found"],
                  entry["expected"], entry["remedy"])
            for entry in verdict["entries"]
        ]
        self.time = datetime.datetime.now(datetime.timezone.utc)

    @property
    def failures(self) -> list[Check]:
        """The failed checks."""
        return [check for check in self.checks if check.outcome == "failed"]

    @property
    def skipped(self) -> list[Check]:
        """The skipped checks, each with its reason."""
        return [check for check in self.checks if check.outcome == "skipped"]

    def __repr__(self) -> str:
        verdict = "accepted" if self.accepted else ", ".join(f"{check.name}: {check.code}" for check in self.failures)
        return f"<Attestation {self.tee}: {verdict}>"

    def _repr_html_(self) -> str:
        """A table of the checks. Text of the evidence is escaped: strangers wrote it."""

        def text(value: object) -> str:
            return html.escape(str(value))

        def row(check: Check) -> str:
            said = {"passed": "passed", "failed": f"failed: {check.code}", "skipped": "skipped"}[check.outcome]
            compared = [f"found {check.found}" if check.found else "", f"expected {check.expected}" if check.expected else "",
                        check.reason or "", check.remedy]
            detail = "; ".join(part for part in compared if part)
            return (f"<tr><th scope='row' style='text-align:left'>{text(check.name)}</th><td style='text-align:left'>"
                    f"{text(check.summary)}</td><td>{text(said)}</td><td style='text-align:left;overflow-wrap:anywhere'>"
                    f"{text(detail)}</td></tr>")

        facts = {"TEE": self.tee, **self.measurements}
        for name in ("manifestDigest", "state", "kem", "boundaryBytes"):
            if name in self.enclave:
                facts[name] = self.enclave[name]
        listed = "".join(f"<dt>{text(name)}</dt><dd><code>{text(value)}</code></dd>" for name, value in facts.items())
        warned = "".join(f"<p><strong>{text(warning)}</strong></p>" for warning in self.warnings)
        verdict = "accepted" if self.accepted else "rejected"
        return (f"<section><h4>Evidence {verdict}, {self.time:%Y-%m-%d %H:%M:%S} UTC</h4>{warned}<dl>{listed}</dl>"
                "<table><thead><tr><th scope='col'>check</th><th scope='col'>what has to hold</th>"
                "<th scope='col'>outcome</th><th scope='col'>detail</th></tr></thead>"
                f"<tbody>{''.join(map(row, self.checks))}</tbody></table></section>")


def appraise(
    tee: str,
    evidence: bytes,
    policy: str | pathlib.Path | bytes | None = None,
    *,
    collateral: Mapping[str, bytes] | None = None,
    at: datetime.datetime | int | None = None,
    report_data: bytes = b"",
    seen: Mapping[str, Mapping[str, Any]] | None = None,
    dangerously_trust_root: bytes = b"",
) -> Attestation:
    """Appraises saved evidence, as ``infenclave attest --evidence`` does. It belongs to no session.

    Args:
        tee: ``sgx``, ``tdx``, ``snp`` or ``nitro``.
        evidence: A quote, report or attestation document.
        policy: A policy file, or its bytes. With None, evidence is only verified up to the vendor's root.
        collateral: The vendor's files by role, such as ``{"vcek": …, "crl": …}``.
        at: When certificates and collateral have to be valid: a time with a time zone, or seconds since 1970; by
            default now.
        report_data: What the evidence has to be bound to.
        seen: ``collateral`` of earlier attestations: older collateral is refused.
        dangerously_trust_root: A root instead of the vendor's, for tests; every verdict warns of it.

    Raises:
        InvalidConfiguration: The policy cannot be used.
        InvalidInput: Another argument cannot.
    """
    time = at if isinstance(at, int) else int((at or datetime.datetime.now(datetime.timezone.utc)).timestamp())
    sources = _library.Sources(time, collateral or {}, seen or {}, dangerously_trust_root)
    return Attestation(_library.appraise(tee, evidence, read_policy(policy), report_data, sources))


def read_policy(policy: str | pathlib.Path | bytes | None) -> bytes:
    """The bytes of a policy file; empty for none."""
    from ._errors import InvalidConfiguration

    if policy is None or isinstance(policy, bytes):
        return policy or b""
    try:
        return pathlib.Path(policy).read_bytes()
    except OSError as error:
        raise InvalidConfiguration(
            f"the policy {policy} cannot be read", f"put the policy's file there ({error.strerror})") from None
