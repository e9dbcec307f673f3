// SPDX-License-Identifier: Apache-2.0
// Every appraisal that the Swift verifier wrote, made again here.

import { appraiseEvidence, InfenclaveError, Policy, verifyService } from "../infenclave.js";

const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const sameJSON = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

async function verdictOf(record) {
  const policy = record.policy ? new Policy(bytes(record.policy)) : null;
  const collateral = Object.fromEntries(Object.entries(record.collateral).map(([role, text]) => [role, bytes(text)]));
  const seenBefore = Object.fromEntries(Object.entries(record.seenBefore).map(([name, { date }]) => [name, date]));
  const roots = record.root ? bytes(record.root) : null;
  const { tee, time } = record;
  if (!record.document) {
    return appraiseEvidence({ tee, evidence: bytes(record.evidence), collateral, time, roots, seenBefore }, { policy });
  }
  try {
    const peer = await verifyService(bytes(record.document), {
      policy, nonce: bytes(record.nonce), time, collateral, roots, seenBefore,
      development: record.acceptsDevelopment ? "dangerouslyAccept" : "refuse",
    });
    return peer.verdict;
  } catch (error) {
    if (error instanceof InfenclaveError && error.verdict) return error.verdict;
    throw error;
  }
}

/** What differs; texts about bytes that cannot be read are each parser's own. */
function differences(record, verdict) {
  const isReadable = ({ code }) => !["malformed", "cert_malformed", "crl_invalid", "unsupported_format"].includes(code);
  const line = (entry) => [
    entry.check, entry.outcome, entry.code, entry.reason,
    ...(isReadable(entry) ? [entry.found, entry.expected] : []),
  ].map((part) => part ?? "").join(" | ");
  const [wanted, found] = [record.entries.map(line), verdict.entries.map(line)];
  const faults = [];
  for (let index = 0; index < Math.max(wanted.length, found.length); index += 1) {
    if (wanted[index] !== found[index]) faults.push(`found ${found[index]}, expected ${wanted[index]}`);
  }
  const [report, own] = [record.report, verdict.toJSON()];
  for (const key of Object.keys(report)) {
    if (key === "reasons") continue;
    const [a, b] = [own[key], report[key]].map((value) => (value && !Array.isArray(value) && typeof value === "object" ? sorted(value) : value));
    if (!sameJSON(a, b)) faults.push(`${key} is ${JSON.stringify(a)}, expected ${JSON.stringify(b)}`);
  }
  for (const [index, reason] of report.reasons.entries()) {
    if (isReadable(reason) && own.reasons[index]?.message !== reason.message) {
      faults.push(`the message is '${own.reasons[index]?.message}', expected '${reason.message}'`);
    }
  }
  return faults.slice(0, 3);
}

/** Evidence of Intel and Azure is refused here whatever it is; before that, only what needs no look at it. */
function refusalFault(verdict) {
  const failed = verdict.failures.map(({ check, code }) => `${check} ${code}`).join();
  const accepted = ["evidence-format unsupported_format", "tee-allowed wrong_tee"];
  return !verdict.isAccepted && accepted.includes(failed) ? [] : [`failed ${failed}, expected a refusal`];
}

/** The same numbers on every run. */
function* numbers(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/**
 * Evidence and collateral with a bit changed, cut off, or with bytes behind it, are refused without another error. What a
 * policy does not look at is left alone: the dates of a list, say, may have other encodings.
 */
async function damageFaults(record, rounds) {
  const random = numbers(record.name.length * 7919 + record.time);
  const next = (below) => Math.floor(random.next().value * below);
  const faults = [];
  for (let round = 0; round < rounds; round += 1) {
    const bytesOf = atob(record.evidence).split("").map((character) => character.charCodeAt(0));
    const kind = next(4);
    if (kind < 2) bytesOf[next(bytesOf.length)] ^= 1 << next(8);
    else if (kind === 2) bytesOf.length = next(bytesOf.length);
    else bytesOf.push(next(256));
    const damaged = { ...record, evidence: btoa(String.fromCharCode(...bytesOf)) };
    try {
      if ((await verdictOf(damaged)).isAccepted) faults.push(`damage ${kind} of round ${round} was accepted`);
    } catch (error) {
      faults.push(`damage ${kind} of round ${round} threw ${error.stack}`);
    }
  }
  return faults;
}

export async function run(file) {
  const records = await (await fetch(file)).json();
  const result = { checked: 0, refused: 0, damaged: 0, faults: [] };
  for (const record of records) {
    const isIntel = ["sgx", "tdx", "az-snp", "az-tdx"].includes(record.tee);
    let found;
    try {
      const verdict = await verdictOf(record);
      found = isIntel ? refusalFault(verdict) : differences(record, verdict);
      if (verdict.isAccepted && !record.document) {
        found.push(...await damageFaults(record, 40));
        result.damaged += 40;
      }
    } catch (error) {
      found = [`threw ${error.stack}`];
    }
    result.checked += 1;
    result.refused += isIntel ? 1 : 0;
    result.faults.push(...found.map((fault) => `${record.name}: ${fault}`));
  }
  result.faults = result.faults.slice(0, 40);
  return result;
}
