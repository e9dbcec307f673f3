# SPDX-License-Identifier: Apache-2.0
"""Makes requests.json: bodies that unchanged clients of the Open Inference Protocol send, and what they mean.

Needs tritonclient[http] 2.73.0, kserve 0.21.0 and numpy.
"""

import base64
import json

import kserve
import numpy
import tritonclient.http as triton

floats = numpy.array([[0.1, -2.5, 1e-30], [3e38, 7, -0.0]], numpy.float32)
pixels = numpy.arange(12, dtype=numpy.uint8).reshape(1, 2, 2, 3)
pictures = numpy.array([b"\xff\xd8\xff\x00", b""], dtype=object)
texts = numpy.array(["Zwölf \"Boxkämpfer\"".encode(), b"\\u"], dtype=object)
cases = []


def case(name, body, header, inputs):
    cases.append({
        "name": name, "body": base64.b64encode(body).decode(), "header": header,
        "inputs": [{"name": n, "datatype": d, "shape": list(a.shape),
                    "elements": base64.b64encode(b"".join(
                        len(e).to_bytes(4, "little") + e for e in a.ravel()) if d == "BYTES" else a.tobytes()).decode()}
                   for n, d, a in inputs]})


for binary in (True, False):
    arrays = [("x", "FP32", floats), ("y.0", "UINT8", pixels), ("z", "BYTES", pictures if binary else texts)]
    inputs = []
    for name, datatype, array in arrays:
        tensor = triton.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    for outputs in (None, [triton.InferRequestedOutput("p", class_count=3), triton.InferRequestedOutput("q", binary_data=False)]):
        body, header = triton.InferenceServerClient.generate_request_body(inputs, outputs=outputs, request_id="id")
        case(f"tritonclient, {'binary' if binary else 'JSON'}{', outputs' if outputs else ''}", body, header, arrays)

for binary in (True, False):
    arrays = [("x", "FP32", floats), ("y.0", "UINT8", pixels)]
    inputs = []
    for name, datatype, array in arrays:
        tensor = kserve.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    body, header = kserve.InferRequest("m", inputs, request_id="id").to_rest()
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    case(f"kserve, {'binary' if binary else 'JSON'}", bytes(body), header, arrays)

with open("requests.json", "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
