// SPDX-License-Identifier: Apache-2.0
// Pictures against Pillow's vectors, and the formats that strangers write.

import { InfenclaveClient, InfenclaveError, Picture, Policy } from "../infenclave.js";

const fixture = async (name) => new Uint8Array(await (await fetch(`/fixtures/${name}`)).arrayBuffer());

/** A .npy file of bytes, [1, height, width, channels]. */
async function tensor(name) {
  const file = await fixture(name);
  const count = file[8] + 256 * file[9];
  const header = new TextDecoder("latin1").decode(file.subarray(10, 10 + count));
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").map(Number);
  return { shape, data: file.subarray(10 + count) };
}

async function decoded(name) {
  return Picture.decode(new Blob([await fixture(name)]));
}

/** Pillow's own pixels of a source, so that resizing is compared apart from decoding. */
async function source(name) {
  const { shape, data } = await tensor(`${name.replaceAll(".", "-")}.npy`);
  return new Picture(shape[2], shape[1], shape[3], data);
}

const largest = (a, b) => a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index])), 0);

// A browser's decoders are others than Pillow's; see README.md.
const DECODING = { default: 1, "cmyk.jpg": null, "colour-16.png": null, "grey-16.png": null };

async function decoding(cases, fail) {
  for (const { file, expected } of cases) {
    const tolerance = file in DECODING ? DECODING[file] : DECODING.default;
    const { shape, data } = await tensor(expected);
    const wanted = new Picture(shape[2], shape[1], shape[3], data).rgb();
    const picture = await decoded(file);
    if (picture.width !== wanted.width || picture.height !== wanted.height) fail(`${file} has ${picture.width}x${picture.height}`);
    else if (tolerance !== null && largest(picture.pixels, wanted.pixels) > tolerance) {
      fail(`${file} differs by ${largest(picture.pixels, wanted.pixels)}, expected at most ${tolerance}`);
    }
  }
}

async function resizing(cases, fail) {
  for (const { source: name, width, height, interpolation, expected } of cases) {
    const picture = (await source(name)).resized(width, height, interpolation);
    if (largest(picture.pixels, (await tensor(expected)).data) !== 0) fail(`${expected} differs`);
  }
}

async function preprocessing(cases, fail) {
  for (const { source: name, preprocessing: how, pixels } of cases) {
    const wanted = await tensor(pixels);
    const { shape, data } = (await source(name)).tensor(how);
    if (shape.join() !== wanted.shape.join() || largest(data, wanted.data) !== 0) fail(`${pixels} differs`);
  }
}

const POLICY = { version: 2, tee: ["development"] };
const owner = "00".repeat(32);
const BAD_POLICIES = [
  "", "[]", "{", "{}", '{"version":2}', '{"version":1,"tee":["snp"]}', '{"version":2,"tee":[]}', '{"version":2.0,"tee":["snp"]}',
  '{"version":2,"tee":["snp"],"tee":["nitro"]}', '{"version":2,"tee":["snp"],"te\\u0065":["nitro"]}',
  '{"version":2,"tee":["SNP"]}', '{"version":2,"tee":["snp"]} x', '{"version":2,"tee":["snp"],}', "\ufeff{}",
  ...[
    { typo: 1 }, { ownerPublicKey: "00" }, { ownerPublicKey: 1 }, { manifestDigest: `${owner}0` },
    { measurements: {} }, { measurements: { pcr0: [] } }, { measurements: { pcr0: ["0x"] } }, { minimumTCB: {} },
    { minimumTCB: { bl: -1 } }, { minimumTCB: { bl: 1.5 } }, { flags: {} }, { flags: { smt: 1 } },
    { skip: { nonce: "why" } }, { skip: { measurements: "" } }, { skip: { manifestDigest: "x" }, manifestDigest: owner },
    { everythingInside: false }, { pixelsOnly: false }, { maximumVMPL: 4 }, { maximumSigma: -1 }, { minimumSigma: "0" },
    { maximumAgeSeconds: -1 }, { tcbStatuses: ["Revoked"] }, { assessment: {} }, { assessment: { gates: "custom" } },
    { assessment: { protects: ["face"] } }, { assessment: { protects: ["class", "class"] } },
    { assessment: { attackerPictures: 0 } }, { assessment: { protects: [] } }, { allowDebug: null },
  ].map((members) => JSON.stringify({ ...POLICY, ...members })),
];

/** What has to be refused before anything is asked of anybody. */
function refusals(fail) {
  const refuses = (what, code, body) => {
    try {
      body();
      fail(`${what} was taken`);
    } catch (error) {
      if (!(error instanceof InfenclaveError) || error.code !== code) fail(`${what}: ${error.stack}`);
    }
  };
  for (const text of BAD_POLICIES) refuses(`the policy ${text}`, "invalidConfiguration", () => new Policy(text));
  const policy = new Policy(JSON.stringify(POLICY));
  const token = new Uint8Array(32);
  for (const server of ["", "host", "ftp://host", "https://user@host", "https://host?x", "https://host#x", null]) {
    refuses(`the server '${server}'`, "invalidConfiguration", () => new InfenclaveClient(server, { policy, token }));
  }
  for (const bad of ["", "infenclave-token-v1:AAAA", new Uint8Array(31), null, `infenclave-token-v1:${"A".repeat(44)}`]) {
    refuses("a token", "invalidConfiguration", () => new InfenclaveClient("https://host", { policy, token: bad }));
  }
  for (const maximumSessionAge of [-1, NaN, "1", null]) {
    refuses("an age", "invalidConfiguration", () => new InfenclaveClient("https://host", { policy, token, maximumSessionAge }));
  }
  refuses("no policy", "invalidConfiguration", () => new InfenclaveClient("https://host", { policy: {}, token }));
  refuses("too large a picture", "invalidInput", () => new Picture(65_536, 1, 1, new Uint8Array(65_536)));
  refuses("a picture of other bytes", "invalidInput", () => new Picture(2, 2, 3, new Uint8Array(11)));
  const small = new Picture(33, 25, 3, new Uint8Array(33 * 25 * 3));
  const how = { width: 34, height: 20, channels: "RGB", resize: { mode: "none" }, interpolation: "bilinear" };
  refuses("a picture smaller than the crop", "invalidInput", () => small.tensor(how));
  const strip = new Picture(60_000, 1, 1, new Uint8Array(60_000));
  refuses("a strip", "invalidInput", () => strip.resized(60_000, 60_000, "bilinear"));
}

export async function run() {
  const cases = JSON.parse(new TextDecoder().decode(await fixture("cases.json")));
  const faults = [];
  const fail = (text) => faults.push(text);
  await decoding(cases.decode, fail);
  await resizing(cases.resize, fail);
  await preprocessing(cases.preprocess, fail);
  refusals(fail);
  for (const name of ["cases.json", "damaged"]) {
    try {
      await Picture.decode(new Blob([name === "damaged" ? (await fixture("colour-420.jpg")).subarray(0, 40) : await fixture(name)]));
      fail(`${name} was decoded`);
    } catch (error) {
      if (error.code !== "invalidInput") fail(`${name}: ${error.stack}`);
    }
  }
  return { checked: cases.decode.length + cases.resize.length + cases.preprocess.length + BAD_POLICIES.length, faults };
}

/** What the module exports, to be compared with its declarations. */
export async function names() {
  return Object.keys(await import("../infenclave.js"));
}
