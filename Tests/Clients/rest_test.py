# SPDX-License-Identifier: Apache-2.0
"""Unchanged clients of the Open Inference Protocol over REST."""

import asyncio
import base64
import json
import subprocess
import unittest

import kserve
import numpy
import tritonclient.http
import tritonclient.http.aio

from arrays import jpeg, normalised, pixels
from service import Service
from subjects import SUBJECT

PICTURES, LABELS, label = SUBJECT.pictures, SUBJECT.classes, SUBJECT.expected.__getitem__


class RESTTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.model = SUBJECT.name

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def curl(self, path, *options, binary=False):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "30", *map(str, options),
             f"http://{self.service.rest}{path}"], capture_output=True, check=True)
        return done.stdout if binary else json.loads(done.stdout)

    def best(self, answer):
        return next(o for o in answer["outputs"] if o["name"] == "LABELS")["data"][0]

    def test_tritonclient_describes_server_and_models(self):
        with tritonclient.http.InferenceServerClient(self.service.rest) as client:
            self.assertTrue(client.is_server_live() and client.is_server_ready())
            self.assertTrue(client.is_model_ready(self.model) and client.is_model_ready(self.model + "_image", "1"))
            self.assertFalse(client.is_model_ready("none"))
            self.assertEqual(client.get_server_metadata()["name"], "infenclave")
            shape = client.get_model_metadata(self.model)["inputs"][0]["shape"]
            self.assertEqual(shape, [-1, *normalised(PICTURES[0]).shape[1:]])
            with self.assertRaises(tritonclient.http.InferenceServerException) as raised:
                client.get_model_metadata("none")
            self.assertIn("no model 'none'", str(raised.exception))

    def tensor_request(self, array, binary=True, name="input"):
        datatype = {"uint8": "UINT8", "float32": "FP32"}[str(array.dtype)]
        tensor = tritonclient.http.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        return tensor

    def test_tritonclient_sends_tensors_as_binary_data_and_as_json(self):
        with tritonclient.http.InferenceServerClient(self.service.rest) as client:
            for picture in PICTURES:
                for array in (pixels(picture), normalised(picture)):
                    for binary in (True, False):
                        result = client.infer(self.model, [self.tensor_request(array, binary)])
                        self.assertEqual(result.as_numpy("LABELS")[0, 0].decode(), label(picture))
                        self.assertEqual(LABELS[result.as_numpy("INDICES")[0, 0]], label(picture))
                        # Only where an answer lists every class.
                        if (scores := result.as_numpy("SCORES")) is not None:
                            self.assertEqual(LABELS[scores[0].argmax()], label(picture))
                            self.assertAlmostEqual(float(scores.sum()), 1, places=5)
                        self.assertEqual(scores is None, len(LABELS) > 10)

    def test_tritonclient_sends_batches_and_compresses(self):
        with tritonclient.http.InferenceServerClient(self.service.rest) as client:
            batch = numpy.concatenate([pixels(picture) for picture in PICTURES])
            for compression in (None, "gzip", "deflate"):
                result = client.infer(
                    self.model, [self.tensor_request(batch)], request_compression_algorithm=compression,
                    response_compression_algorithm=compression, request_id="nine")
                self.assertEqual(result.get_response()["id"], "nine")
                found = [name.decode() for name in result.as_numpy("LABELS")[:, 0]]
                self.assertEqual(found, [label(picture) for picture in PICTURES])

    def test_tritonclient_asks_for_classifications(self):
        output = tritonclient.http.InferRequestedOutput("PROBABILITIES", class_count=3)
        with tritonclient.http.InferenceServerClient(self.service.rest) as client:
            result = client.infer(self.model, [self.tensor_request(pixels(PICTURES[0]))], outputs=[output])
            value, index, name = result.as_numpy("PROBABILITIES")[0, 0].decode().split(":")
            self.assertEqual((LABELS[int(index)], name), (label(PICTURES[0]),) * 2)
            self.assertAlmostEqual(float(value), float(self.values(client)[0]), places=6)

    def values(self, client):
        """The probabilities of the first picture's classes."""
        return client.infer(self.model, [self.tensor_request(pixels(PICTURES[0]))]).as_numpy("PROBABILITIES")[0]

    def image_request(self, picture):
        tensor = tritonclient.http.InferInput("image", [1], "BYTES")
        tensor.set_data_from_numpy(numpy.array([picture.read_bytes()], dtype=object))
        return tensor

    def test_tritonclient_sends_pictures(self):
        with tritonclient.http.InferenceServerClient(self.service.rest) as client:
            for picture in PICTURES:
                result = client.infer(self.model + "_image", [self.image_request(picture)])
                self.assertEqual(result.as_numpy("LABELS")[0, 0].decode(), label(picture))

    def test_tritonclient_asyncio(self):
        async def classify():
            async with tritonclient.http.aio.InferenceServerClient(self.service.rest) as client:
                self.assertTrue(await client.is_server_ready())
                results = await asyncio.gather(*[
                    client.infer(self.model + "_image", [self.image_request(picture)]) for picture in PICTURES])
                return [result.as_numpy("LABELS")[0, 0].decode() for result in results]

        self.assertEqual(asyncio.run(classify()), [label(picture) for picture in PICTURES])

    def test_kserve(self):
        async def classify(binary):
            client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2", timeout=30))
            base = f"http://{self.service.rest}"
            self.assertTrue(await client.is_server_live(base))
            self.assertTrue(await client.is_server_ready(base))
            self.assertTrue(await client.is_model_ready(base, self.model))
            found = []
            for picture in PICTURES:
                array = pixels(picture)
                tensor = kserve.InferInput("input", list(array.shape), "UINT8")
                tensor.set_data_from_numpy(array, binary_data=binary)
                answer = await client.infer(
                    base, kserve.InferRequest(self.model, [tensor]), model_name=self.model)
                labels = next(o for o in answer.outputs if o.name == "LABELS")
                found.append(numpy.asarray(labels.data).ravel()[0])
            return found

        for binary in (True, False):
            self.assertEqual(asyncio.run(classify(binary)), [label(picture) for picture in PICTURES])

    def test_curl_with_json(self):
        for picture in PICTURES:
            array = pixels(picture)
            body = {"inputs": [{
                "name": "input", "shape": list(array.shape), "datatype": "UINT8", "data": array.tolist()}]}
            answer = self.curl(
                f"/v2/models/{self.model}/infer", "--data-binary", self.file(json.dumps(body).encode()))
            self.assertEqual(self.best(answer), label(picture))
            body = {"inputs": [{
                "name": "image", "shape": [1], "datatype": "BYTES",
                "data": [base64.b64encode(picture.read_bytes()).decode()]}]}
            answer = self.curl(
                f"/v2/models/{self.model}_image/infer", "-H", "Content-Type: application/json", "--data-binary",
                self.file(json.dumps(body).encode()))
            self.assertEqual(self.best(answer), label(picture))

    def test_curl_with_binary_data(self):
        for picture in PICTURES:
            array = pixels(picture)
            header = json.dumps({"inputs": [{
                "name": "input", "shape": list(array.shape), "datatype": "UINT8",
                "parameters": {"binary_data_size": array.nbytes}}]}).encode()
            answer = self.curl(
                f"/v2/models/{self.model}/infer", "-H", f"Inference-Header-Content-Length: {len(header)}",
                "--data-binary", self.file(header + array.tobytes()))
            self.assertEqual(self.best(answer), label(picture))

    def test_curl_with_a_picture_as_it_is(self):
        for picture in PICTURES:
            for options in (["Content-Type: image/jpeg"], ["Inference-Header-Content-Length: 0"]):
                answer = self.curl(
                    f"/v2/models/{self.model}_image/infer", "-H", options[0], "--data-binary",
                    self.file(jpeg(picture)))
                self.assertEqual(self.best(answer), label(picture))

    def file(self, content):
        path = self.service.deployment.folder / "body"
        path.write_bytes(content)
        return f"@{path}"


if __name__ == "__main__":
    unittest.main()
