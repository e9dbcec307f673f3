// SPDX-License-Identifier: Apache-2.0
// Shows the proxy's data as text. Everything comes from the proxy at this address.

const find = (id) => document.getElementById(id);
let key = "";
// The known facts about the servers' model.
let model = null;

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) find("key-form").hidden = false;
  throw new Error(answer.error);
}

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : 0 });

function age(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s ago`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

function facts(list) {
  const made = document.createElement("dl");
  for (const [name, value, isCode] of list) {
    if (value === null || value === undefined || value === "") continue;
    const description = element("dd");
    description.append(isCode ? element("code", value) : value);
    made.append(element("dt", name), description);
  }
  return made;
}

function checkRow(check) {
  const row = document.createElement("tr");
  const name = element("th", check.name);
  name.scope = "row";
  const said = [check.found && `found ${check.found}`, check.expected && `expected ${check.expected}`, check.detail];
  row.append(name, element("td", check.summary), element("td", check.outcome, check.outcome),
    element("td", said.filter(Boolean).join("; ")));
  return row;
}

function checks(enclave) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["check", "what has to hold", "outcome", "detail"]) {
    const cell = element("th", title);
    cell.scope = "col";
    head.append(cell);
  }
  table.createTBody().append(...enclave.checks.map(checkRow));
  const count = (outcome) => enclave.checks.filter((check) => check.outcome === outcome).length;
  const details = document.createElement("details");
  details.open = !enclave.isAccepted;
  details.append(element("summary",
    `Every check: ${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`), table);
  return details;
}

function crossing(model) {
  if (model.everythingInside) return "nothing: all of the network is inside";
  const tensors = model.crossing.map(({ tensor, shape, bytes }) => `${tensor} [${shape.join(", ")}], ${number(bytes)} bytes`);
  return `${tensors.join("; ")}${model.sigma ? `; with noise of deviation ${model.sigma}` : "; without noise"}`;
}

function server({ address, fault, enclave, model }, now) {
  const made = document.createElement("article");
  made.append(element("h3", address));
  if (fault) made.append(element("p", `Not served: ${fault}`, "failed"));
  if (enclave) {
    made.append(element("p", `Evidence ${enclave.isAccepted ? "accepted" : "rejected"}, ${age(now - enclave.attested)}`,
      enclave.isAccepted ? "passed" : "failed"));
    for (const warning of enclave.warnings) made.append(element("p", `Warning: ${warning}`, "failed"));
  }
  const lease = model?.leaseSeconds ? `${number(model.leaseSecondsLeft)} of ${number(model.leaseSeconds)} seconds were left when it was attested` : "";
  made.append(facts([
    ["TEE", enclave?.tee], ["Model", model && `${model.name}, ${number(model.classes)} classes`],
    ...(enclave?.measurements ?? []).map(({ name, value }) => [`Measurement ${name}`, value, true]),
    ["Manifest", model?.manifestDigest, true], ["Run of the enclave", model?.epoch, true], ["Lease", lease],
    ["Crosses to the host", model && crossing(model)], ["Assessment", model?.assessment],
  ]));
  if (enclave) made.append(checks(enclave));
  return made;
}

function showState(state) {
  // Open sections stay open.
  const open = [...document.querySelectorAll("#servers details")].map((details) => details.open);
  find("servers").replaceChildren(...state.servers.map((one) => server(one, state.time)));
  document.querySelectorAll("#servers details").forEach((details, index) => { details.open = open[index] ?? details.open; });
  find("policy-path").textContent = state.policyPath;
  find("policy").textContent = state.policy;
  find("requests").replaceChildren(...state.requests.map((request) => {
    const row = document.createElement("tr");
    row.append(element("td", new Date(request.time * 1000).toLocaleTimeString()), element("td", request.kind),
      element("td", number(request.bytes), "number"), element("td", number(request.milliseconds), "number"),
      element("td", request.outcome, request.outcome === "answered" ? "passed" : "failed"));
    return row;
  }));
  const serving = state.servers.filter(({ fault }) => !fault);
  model = serving.find((one) => one.model)?.model ?? null;
  const working = serving.length;
  const text = working > 0
    ? `Verified: ${working} of ${state.servers.length} servers have an enclave that the policy accepts.`
    : "Nothing is sent: no server has an enclave that the policy accepts.";
  // Announced again only if it changes.
  if (find("status").textContent !== text) find("status").textContent = text;
}

async function refresh() {
  try {
    showState(await ask("/console/state"));
  } catch (error) {
    find("status").textContent = `The proxy does not answer: ${error.message}`;
  }
}

function showAnswer(answer) {
  const seen = find("seen");
  seen.src = `data:image/png;base64,${answer.picture}`;
  seen.alt = `The picture as the enclave gets it, ${answer.width} by ${answer.height} pixels`;
  seen.hidden = false;
  find("seen-caption").textContent = `As the enclave gets it: ${answer.width} × ${answer.height} pixels.`;
  find("classes").replaceChildren(...answer.classes.slice(0, 10).map(({ name, probability }) => {
    const item = document.createElement("li");
    const bar = element("div", "", "bar");
    bar.setAttribute("aria-hidden", "true");
    const fill = document.createElement("span");
    fill.style.width = `${100 * probability}%`;
    bar.append(fill);
    item.append(element("span", name), element("span", `${(100 * probability).toFixed(1)} %`, "number"), bar);
    return item;
  }));
  find("stages").replaceChildren(...answer.stages.map(({ name, milliseconds }) => {
    const row = document.createElement("tr");
    row.append(element("td", name), element("td", number(milliseconds), "number"));
    return row;
  }));
  find("host").replaceChildren(...facts([...answer.exchanges.flatMap((exchange) => [
    ["Sealed request", `${number(exchange.sentBytes)} bytes`], ["Its first bytes", exchange.sent, true],
    ["Sealed answer", `${number(exchange.receivedBytes)} bytes, one size for all answers`],
    ["Its first bytes", exchange.received, true],
  ]), ["Crosses to the host", model && crossing(model)]]).childNodes);
  const [best] = answer.classes;
  find("result").textContent = `${best.name}, ${(100 * best.probability).toFixed(1)} %`;
}

async function classify(file, name = file.name) {
  find("result").textContent = `Classifying ${name} …`;
  let answer = null;
  try {
    answer = await ask("/console/classify", { method: "POST", body: file, headers: { "content-type": file.type || "image/*" } });
  } catch (error) {
    find("result").textContent = error.message;
  }
  await refresh();
  if (answer) showAnswer(answer);
}

function closeCamera() {
  for (const track of find("video").srcObject?.getTracks() ?? []) track.stop();
  find("video").srcObject = null;
  find("viewfinder").hidden = true;
  find("camera").hidden = false;
}

async function openCamera() {
  try {
    // A browser has none for pages from other machines without TLS.
    if (!navigator.mediaDevices) throw new Error("the browser gives it to no page of another machine without TLS");
    find("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    find("viewfinder").hidden = false;
    find("camera").hidden = true;
    find("shoot").focus();
  } catch (error) {
    find("result").textContent = `The camera cannot be used: ${error.message}`;
  }
}

async function shoot() {
  const video = find("video");
  if (!video.videoWidth) return;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const picture = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
  closeCamera();
  find("camera").focus();
  await classify(picture, "the camera's picture");
}

find("file").addEventListener("change", ({ target }) => { if (target.files[0]) classify(target.files[0]); });
find("camera").addEventListener("click", openCamera);
find("shoot").addEventListener("click", shoot);
find("close").addEventListener("click", closeCamera);
for (const type of ["dragover", "dragleave", "drop"]) {
  find("drop").addEventListener(type, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", type === "dragover");
    if (type === "drop" && event.dataTransfer.files[0]) classify(event.dataTransfer.files[0]);
  });
}
find("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = find("key").value;
  find("key").value = "";
  find("key-form").hidden = true;
  refresh();
});
await refresh();
setInterval(refresh, 5000);
