# SPDX-License-Identifier: Apache-2.0
"""KServe's client over gRPC."""

import asyncio
import unittest

import kserve

from arrays import pixels
from service import BIN, Service
from subjects import SUBJECT

PICTURES, label = SUBJECT.pictures, SUBJECT.expected.__getitem__


@unittest.skipUnless((BIN / "infenclave-proxy").exists(), "infenclave-proxy is not built: make proxy")
class KServeTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(grpc=True)
        cls.model = SUBJECT.name

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def test_kserve(self):
        async def classify():
            client = kserve.InferenceGRPCClient(self.service.grpc)
            self.assertTrue(await client.is_server_live() and await client.is_server_ready())
            self.assertTrue(await client.is_model_ready(self.model))
            found = []
            for picture in PICTURES:
                array = pixels(picture)
                for binary in (True, False):
                    tensor = kserve.InferInput("input", list(array.shape), "UINT8")
                    tensor.set_data_from_numpy(array, binary_data=binary)
                    answer = await client.infer(kserve.InferRequest(self.model, [tensor]))
                    labels = next(o for o in answer.outputs if o.name == "LABELS")
                    found.append(labels.as_numpy().ravel()[0])
            return [name.decode() if isinstance(name, bytes) else name for name in found]

        expected = [label(picture) for picture in PICTURES for _ in range(2)]
        self.assertEqual(asyncio.run(classify()), expected)


if __name__ == "__main__":
    unittest.main()
