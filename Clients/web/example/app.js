// SPDX-License-Identifier: Apache-2.0
// The page of an owner: the policy comes from the owner's site, the answer from the host's enclave.

import { InfenclaveClient, Picture, Policy } from "../infenclave.js";

const find = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
find("server").value = parameters.get("server") ?? "";

let client = null;

async function connected() {
  const response = await fetch(parameters.get("policy") ?? "policy.json");
  if (!response.ok) throw new Error("this site has no policy.json: the owner puts it beside the page");
  return new InfenclaveClient(find("server").value, {
    policy: new Policy(await response.text()),
    token: await find("token").files[0].text(),
    development: find("trial").checked ? "dangerouslyAccept" : "refuse",
  });
}

function showVerdict(verdict) {
  find("checks").replaceChildren(...verdict.explanation.map((entry) => {
    const item = document.createElement("li");
    item.className = entry.outcome;
    const result = entry.outcome === "skipped" ? `skipped, because ${entry.reason}` : `${entry.outcome} ${entry.code ?? ""}`;
    item.textContent = `${entry.check}: ${entry.summary}: ${result}`;
    return item;
  }));
}

function showAnswer(answer) {
  find("answer").replaceChildren(...answer.slice(0, 5).map(({ name, probability }) => {
    const item = document.createElement("li");
    const bar = document.createElement("meter");
    bar.value = probability;
    bar.setAttribute("aria-hidden", "true");
    item.append(`${name} `, bar, ` ${(100 * probability).toFixed(1)} %`);
    return item;
  }));
}

function showPicture({ width, height, channels, pixels }) {
  const canvas = find("seen");
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  for (let index = 0; index < width * height; index += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * index + channel] = pixels[index * channels + (channels === 3 ? channel : 0)];
    }
    image.data[4 * index + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `The picture, ${width} by ${height} pixels`);
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = find("status");
  find("answer").replaceChildren();
  status.textContent = "Verifying …";
  try {
    client ??= await connected();
    const session = await client.attest();
    showVerdict(session.peer.verdict);
    const picture = await Picture.decode(find("picture").files[0]);
    showPicture(picture.fitted(session.manifest.preprocessing));
    status.textContent = "Classifying …";
    const answer = await session.classify(picture);
    status.textContent = `The enclave is verified; the picture was sealed to it with ${session.kem}.`;
    showAnswer(answer);
  } catch (error) {
    client = null;
    if (error.verdict) showVerdict(error.verdict);
    status.textContent = [error.message, error.remedy].filter(Boolean).join("; ");
  }
});
