// SPDX-License-Identifier: Apache-2.0
// The client against a real server; each function gives what is wrong.

import { InfenclaveClient, InfenclaveError, Picture, Policy, supportsXWing, verifyService } from "../infenclave.js";

const text = async (path) => (await fetch(path)).text();
const policy = async (change = {}) => {
  const members = { ...JSON.parse(await text("/site/policy.json")), ...change };
  return new Policy(JSON.stringify(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))));
};
const picture = async (name) => (await fetch(`/pictures/${name}`)).blob();

async function clientOf({ server, token }, change = {}, options = {}) {
  return new InfenclaveClient(server, { policy: await policy(change), token, development: "dangerouslyAccept", ...options });
}

/** What a call that has to fail does. */
async function expectFailure(what, code, call, also = () => true) {
  try {
    await call();
    return [`${what} was accepted`];
  } catch (error) {
    if (error instanceof InfenclaveError && error.code === code && also(error)) return [];
    return [`${what}: ${error.code} ${error.refusal} ${error.verdict?.summary ?? ""} ${error.stack}`];
  }
}

/** Changes what the next requests get, while the body runs; `null` leaves an answer as it is. */
async function intercepting(change, body) {
  const real = window.fetch;
  window.fetch = async (url, options) => {
    const response = await real(url, options);
    const bytes = new Uint8Array(await response.clone().arrayBuffer());
    const changed = new URL(url, location).origin === location.origin ? null : await change(String(url), bytes, options);
    return changed === null ? response : new Response(changed, { status: response.status, headers: response.headers });
  };
  try {
    return await body();
  } finally {
    window.fetch = real;
  }
}

export async function unprovisioned(given) {
  const client = await clientOf(given);
  return expectFailure("an enclave without a model", "refused", async () => client.classify(await picture("stop.png")),
    ({ refusal, remedy }) => refusal === "notProvisioned" && remedy.includes("provision"));
}

async function classified(client, { pictures, kem }) {
  const faults = [];
  const session = await client.attest();
  if (session.kem !== kem) faults.push(`sealed with ${session.kem}, expected ${kem}`);
  if (!session.peer.verdict.isAccepted || session.peer.verdict.warnings.length !== 1) faults.push("another verdict");
  if (session.manifest.modelName !== "classifier") faults.push(`the model is ${session.manifest.modelName}`);
  for (const [file, name] of Object.entries(pictures)) {
    const [best, ...others] = await client.classify(await picture(file));
    if (best.name !== name || best.probability < 0.5) faults.push(`${file} is ${best.name}, ${best.probability}`);
    const sum = others.reduce((total, { probability }) => total + probability, best.probability);
    if (others.length !== 9 || Math.abs(sum - 1) > 1e-4) faults.push(`${file} has ${others.length + 1} classes of ${sum}`);
  }
  // A picture from pixels is the picture from a file, and one request does not tell on another.
  const decoded = await Picture.decode(await picture("stop.png"));
  const both = await Promise.all([client.classify(decoded), client.classify(await picture("stop.png"))]);
  if (JSON.stringify(both[0]) !== JSON.stringify(both[1])) faults.push("pixels and file have other answers");
  const floats = await expectFailure("floats", "invalidInput", () => client.classify(new Float32Array(3 * 64 * 64)));
  return [...faults, ...floats];
}

export async function classifies(given) {
  if (!await supportsXWing()) return ["this Chromium has no ML-KEM"];
  return classified(await clientOf(given), given);
}

export async function classifiesWithoutMLKEM(given) {
  const method = SubtleCrypto.prototype.encapsulateBits;
  delete SubtleCrypto.prototype.encapsulateBits;
  try {
    // Another address is another instance of the module.
    const other = await import("../infenclave.js?without-ml-kem");
    const client = new other.InfenclaveClient(given.server, {
      policy: new other.Policy(await text("/site/policy.json")), token: given.token, development: "dangerouslyAccept",
    });
    const [session, file] = [await client.attest(), await picture("stop.png")];
    const [best] = await session.classify(file);
    return session.kem === given.kem && best.name === "Stop" ? [] : [`sealed with ${session.kem}: ${best.name}`];
  } finally {
    SubtleCrypto.prototype.encapsulateBits = method;
  }
}

/** A bit of one member of the evidence document is another one. */
function flipped(bytes, member) {
  const document = JSON.parse(new TextDecoder().decode(bytes));
  if (member === "tee") document.tee = "snp";
  else if (["nonce", "epoch"].includes(member)) {
    document[member] = (document[member][0] === "0" ? "1" : "0") + document[member].slice(1);
  } else {
    const binary = atob(document[member]);
    const last = binary.length - 1;
    document[member] = btoa(binary.slice(0, last) + String.fromCharCode(binary.charCodeAt(last) ^ 1));
  }
  return JSON.stringify(document);
}

export async function refusesTampering(given) {
  const faults = [];
  const expected = {
    tee: "tee-allowed wrong_tee", nonce: "nonce nonce_mismatch", epoch: "report-data report_data_mismatch",
    evidence: "development-signature report_signature_invalid",
    keyConfiguration: "report-data report_data_mismatch", facts: "report-data report_data_mismatch",
    manifest: "manifest-twin manifest_mismatch", manifestCore: "manifest-signature manifest_signature_invalid",
    manifestSignature: "manifest-signature manifest_signature_invalid",
  };
  for (const [member, reason] of Object.entries(expected)) {
    const client = await clientOf(given);
    faults.push(...await intercepting((_, bytes) => flipped(bytes, member), () =>
      expectFailure(`another ${member}`, "attestationRejected", () => client.attest(), ({ verdict }) =>
        verdict.failures.map(({ check, code }) => `${check} ${code}`).join() === reason)));
  }
  // Evidence of another session, with all that belongs to it.
  let old = null;
  const client = await clientOf(given);
  await intercepting((_, bytes) => { old ??= bytes; return null; }, () => client.attest());
  faults.push(...await intercepting(() => old, () =>
    expectFailure("evidence of an earlier session", "attestationRejected", () => client.attest(),
      ({ verdict }) => verdict.failures[0].code === "nonce_mismatch")));
  for (const damaged of ["", "{}", "null", "[".repeat(100_000), '{"version":2,"version":2}']) {
    faults.push(...await intercepting(() => damaged, () =>
      expectFailure(`the document ${damaged.slice(0, 30)}`, "invalidResponse", () => client.attest())));
  }
  return faults;
}

export async function refusesPolicies(given) {
  const zeros = "00".repeat(32);
  const refusal = (what, reason, change, options) => async () => {
    const client = await clientOf(given, change, options);
    return expectFailure(what, "attestationRejected", () => client.attest(), ({ verdict }) =>
      verdict.failures.map(({ check, code }) => `${check} ${code}`).join() === reason);
  };
  const faults = [];
  for (const check of [
    refusal("a development TEE that the call does not accept", "development-accepted development_not_accepted", {}, { development: "refuse" }),
    refusal("a policy for hardware", "tee-allowed development_not_accepted", { tee: ["snp", "nitro"] }),
    refusal("another owner", "owner-key owner_key_mismatch", { ownerPublicKey: zeros }),
    refusal("another manifest", "manifest-digest manifest_mismatch", { manifestDigest: zeros }),
    refusal("another machine", "development-key signing_key_mismatch", { developmentKey: zeros }),
    refusal("another program", "measurements measurement_mismatch", { measurements: { development: ["00".repeat(48)] } }),
    refusal("no program", "measurements measurement_not_pinned", { measurements: undefined }),
    refusal("everything inside", "everything-inside not_everything_inside", { everythingInside: true }),
    refusal("a short lease", "lease lease_too_long", { maximumLeaseSeconds: 60 }),
  ]) faults.push(...await check());
  try {
    await verifyService(new Uint8Array(), { policy: await policy(), nonce: new Uint8Array(8), time: 0 });
    faults.push("a short nonce was taken");
  } catch (error) {
    if (error.code !== "invalidInput") faults.push(`a short nonce: ${error.stack}`);
  }
  return faults;
}

export async function refusesAnswers(given) {
  const client = await clientOf(given);
  await client.attest();
  const stop = await picture("stop.png");
  const onlyAnswers = (change) => (url, bytes) => (url.endsWith("/ohttp") ? change(bytes) : null);
  const faults = [];
  for (const [what, change] of Object.entries({
    "an altered answer": (bytes) => { bytes[bytes.length - 20] ^= 1; return bytes; },
    "an altered nonce": (bytes) => { bytes[0] ^= 1; return bytes; },
    "a short answer": (bytes) => bytes.slice(0, 40),
    "no answer": () => new Uint8Array(),
  })) {
    faults.push(...await intercepting(onlyAnswers(change), () =>
      expectFailure(what, "invalidResponse", () => client.classify(stop))));
  }
  let other = null;
  await intercepting(onlyAnswers((bytes) => { other = bytes; return null; }), () => client.classify(stop));
  faults.push(...await intercepting(onlyAnswers(() => other), () =>
    expectFailure("another request's answer", "invalidResponse", () => client.classify(stop))));
  return faults;
}

export async function refusesReplay(given) {
  const client = await clientOf(given);
  const sent = [];
  const remember = (url, _, options) => {
    if (url.endsWith("/ohttp")) sent.push(options.body.slice());
    return null;
  };
  await intercepting(remember, async () => {
    for (let count = 0; count < 2; count += 1) await client.classify(await picture("stop.png"));
  });
  const hexOf = (bytes) => bytes.slice(7, 39).join();
  const faults = hexOf(sent[0]) === hexOf(sent[1]) ? ["two requests have one encapsulated key"] : [];
  const again = await fetch(`${given.server}/ohttp`, {
    method: "POST", body: sent[0], headers: { "content-type": "message/ohttp-req" },
  });
  const { error } = await again.json();
  // The page may read the code of a refusal, too.
  if (error.code !== "replayed" || again.headers.get("infenclave-error") !== "replayed") faults.push(`replayed: ${error.code}`);
  return faults;
}

export async function boundsAnswers(given) {
  const client = await clientOf(given);
  await client.attest();
  const stop = await picture("stop.png");
  return intercepting((url) => (url.endsWith("/ohttp") ? new Uint8Array(5 << 20) : null), () =>
    expectFailure("an answer of 5 MiB", "invalidResponse", () => client.classify(stop),
      ({ message }) => message.includes("4194304")));
}

export async function cancels(given) {
  const client = await clientOf(given);
  const controller = new AbortController();
  controller.abort(new Error("the user left"));
  try {
    await client.classify(await picture("stop.png"), { signal: controller.signal });
    return ["a cancelled call went on"];
  } catch (error) {
    return error.message === "the user left" ? [] : [`${error.stack}`];
  }
}

let kept = null;

export async function opensSession(given) {
  kept = await clientOf(given);
  await kept.classify(await picture("stop.png"));
  return [];
}

/** The keys of the session are gone: the client attests again by itself, and seals anew. */
export async function attestsAgain() {
  const paths = [];
  const answer = await intercepting((url) => { paths.push(new URL(url).pathname); return null; },
    async () => kept.classify(await picture("stop.png")));
  // The same bytes go out twice: behind a balancer another server may have the key.
  const expected = ["/ohttp", "/ohttp", "/.well-known/infenclave/evidence", "/ohttp"];
  const faults = answer[0].name === "Stop" && paths.join() === expected.join() ? [] : [`${answer[0].name} by ${paths}`];
  // A host that only says so moves nothing.
  const claim = (url) => (url.endsWith("/ohttp") ? '{"error":{"code":"unknownKey","message":"new keys","remedy":""}}' : null);
  const real = window.fetch;
  window.fetch = async (url, options) => {
    const claimed = claim(String(url));
    return claimed ? new Response(claimed, { status: 400 }) : real(url, options);
  };
  try {
    faults.push(...await expectFailure("a host's claim of new keys", "refused", async () => kept.classify(await picture("stop.png")),
      ({ refusal }) => refusal === "unknownKey"));
  } finally {
    window.fetch = real;
  }
  return faults;
}

/** While the body runs, evidence is damaged and every key is said to be unknown. Gives the paths that were asked for. */
async function betraying(body) {
  const paths = [];
  const real = window.fetch;
  window.fetch = async (url, options) => {
    if (new URL(url, location).origin === location.origin) return real(url, options);
    paths.push(new URL(url).pathname);
    if (String(url).endsWith("/ohttp")) {
      return new Response('{"error":{"code":"unknownKey","message":"new keys","remedy":""}}', { status: 400 });
    }
    const response = await real(url, options);
    return new Response(flipped(new Uint8Array(await response.arrayBuffer()), "evidence"), response);
  };
  try {
    await body();
  } finally {
    window.fetch = real;
  }
  return paths;
}

/** A host that has shown evidence that was rejected gets nothing sealed to the keys of an earlier session. */
export async function forgetsRejected(given) {
  const evidence = "/.well-known/infenclave/evidence";
  const stop = await picture("stop.png");
  const faults = [];
  const refused = async (what, call) => faults.push(...await expectFailure(what, "attestationRejected", call));
  for (const [what, first, expected] of [
    // The host is believed to have lost the key, and the picture goes out twice before it is asked for evidence.
    ["by a request", (client) => client.classify(stop), ["/ohttp", "/ohttp", evidence, evidence]],
    ["by attestation", (client) => client.attest(), [evidence, evidence]],
    ["in both of two calls", (client) => Promise.all([client.attest(), client.attest()]), null],
  ]) {
    const client = await clientOf(given);
    await client.classify(stop);
    const paths = await betraying(async () => {
      await refused(`evidence that is rejected ${what}`, () => first(client));
      await refused(`a request after evidence that was rejected ${what}`, () => client.classify(stop));
    });
    if (expected ? paths.join() !== expected.join() : paths.includes("/ohttp")) faults.push(`rejected ${what}: asked for ${paths}`);
    const [best] = await client.classify(stop);
    if (best.name !== "Stop") faults.push(`rejected ${what}: afterwards ${best.name}`);
  }
  // The evidence of one call is accepted while that of another is on its way, and rejected.
  const client = await clientOf(given);
  let release = null;
  const released = new Promise((resolve) => { release = resolve; });
  let count = 0;
  await intercepting(async (url, bytes) => {
    if (!url.includes(evidence) || (count += 1) > 1) return null;
    await released;
    return flipped(bytes, "evidence");
  }, async () => {
    const late = client.attest().then(() => faults.push("the late evidence was accepted"), () => {});
    while (count === 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
    await client.attest();
    release();
    await late;
  });
  const paths = await betraying(() => refused("a request after late evidence", () => client.classify(stop)));
  if (paths.join() !== evidence) faults.push(`after late evidence: asked for ${paths}`);
  return faults;
}

/** Evidence of more than an hour is asked for again, by whichever clock. */
export async function attestsOldAgain(given) {
  const [stop, faults] = [await picture("stop.png"), []];
  const asked = async (client) => {
    const paths = [];
    await intercepting((url) => { paths.push(new URL(url).pathname); return null; }, () => client.classify(stop));
    return paths.map((path) => path.split("/").at(-1)).join();
  };
  const expect = (what, found, expected) => {
    if (found !== expected) faults.push(`${what}: asked for ${found}, expected ${expected}`);
  };
  const wary = await clientOf(given, {}, { maximumSessionAge: 0 });
  for (let call = 0; call < 2; call += 1) expect("no age", await asked(wary), "evidence,ohttp");
  for (const [name, clock] of [["performance.now", performance], ["Date.now", Date]]) {
    const client = await clientOf(given);
    expect(`${name}, at first`, await asked(client), "evidence,ohttp");
    const real = clock.now;
    try {
      clock.now = () => real.call(clock) + 3_590_000;
      expect(`${name}, within the hour`, await asked(client), "ohttp");
      clock.now = () => real.call(clock) + 3_600_000;
      expect(`${name}, after an hour`, await asked(client), "evidence,ohttp");
      expect(`${name}, afresh`, await asked(client), "ohttp");
    } finally {
      clock.now = real;
    }
  }
  return faults;
}

export async function refusesToken(given) {
  const client = await clientOf(given);
  return expectFailure("a token that the owner did not list", "unknownToken", async () => client.classify(await picture("stop.png")));
}

export async function isNoAllowedOrigin(given) {
  const client = await clientOf(given);
  return expectFailure("a page of another origin", "unreachable", () => client.attest(), ({ remedy }) => remedy.includes("--allow-origin"));
}

export async function isUnreachable(given) {
  const client = await clientOf(given);
  return expectFailure("a server that is not there", "unreachable", () => client.attest());
}
