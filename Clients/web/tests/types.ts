// SPDX-License-Identifier: Apache-2.0
// What users write, for the compiler of TypeScript: it is compiled and never run.

import {
  InfenclaveClient, InfenclaveError, Picture, Policy, appraiseEvidence, supportsXWing, verifyService, type Classification,
} from "../infenclave.js";

export async function uses(file: File, policy: Policy): Promise<string> {
  const client = new InfenclaveClient("https://host.example", { policy, token: "infenclave-token-v1:…", seenBefore: {} });
  const answer: Classification[] = await client.classify(file, { signal: new AbortController().signal });
  const session = await client.attest();
  const picture = await Picture.decode(file);
  await session.classify(picture.fitted(session.manifest.preprocessing));
  const lease: number | undefined = session.peer.facts.lease?.secondsLeft;
  const verdict = await appraiseEvidence({ tee: "snp", evidence: new Uint8Array(), time: 0 });
  try {
    await verifyService(new Uint8Array(), { policy, nonce: new Uint8Array(32), time: 0 });
  } catch (error) {
    if (error instanceof InfenclaveError && error.code === "attestationRejected") {
      return error.verdict?.failures[0].code ?? "";
    }
  }
  return `${answer[0].name} ${lease} ${verdict.toJSON().verdict} ${session.kem} ${await supportsXWing()}`;
}
