# SPDX-License-Identifier: Apache-2.0
"""Triton's client over gRPC. KServe's has messages of the same names, so that one process cannot load both."""

import asyncio
import subprocess
import threading
import unittest

import grpc
import numpy
import tritonclient.grpc
import tritonclient.grpc.aio
from tritonclient.grpc import service_pb2, service_pb2_grpc

from arrays import normalised, pixels
from service import BIN, Service
from subjects import SUBJECT

PICTURES, LABELS, label = SUBJECT.pictures, SUBJECT.classes, SUBJECT.expected.__getitem__


@unittest.skipUnless((BIN / "infenclave-proxy").exists(), "infenclave-proxy is not built: make proxy")
class GRPCTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(grpc=True)
        cls.model = SUBJECT.name

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def client(self):
        return tritonclient.grpc.InferenceServerClient(self.service.grpc)

    def tensor(self, array, module=tritonclient.grpc):
        tensor = module.InferInput("input", list(array.shape), {"uint8": "UINT8", "float32": "FP32"}[str(array.dtype)])
        tensor.set_data_from_numpy(array)
        return tensor

    def picture(self, picture):
        tensor = tritonclient.grpc.InferInput("image", [1], "BYTES")
        tensor.set_data_from_numpy(numpy.array([picture.read_bytes()], dtype=object))
        return tensor

    def test_its_version_is_that_of_the_command_line(self):
        said = [
            subprocess.run([BIN / program, "--version"], capture_output=True, text=True, check=True).stdout.split()
            for program in ("infenclave-proxy", "infenclave")]
        self.assertEqual(*said)
        with self.client() as client:
            self.assertEqual(client.get_server_metadata().version, said[0][0])

    def test_tritonclient_describes_server_and_models(self):
        with self.client() as client:
            self.assertTrue(client.is_server_live() and client.is_server_ready())
            self.assertTrue(client.is_model_ready(self.model) and client.is_model_ready(self.model + "_image", "1"))
            self.assertEqual(client.get_server_metadata().name, "infenclave")
            shape = list(client.get_model_metadata(self.model).inputs[0].shape)
            self.assertEqual(shape, [-1, *normalised(PICTURES[0]).shape[1:]])
            with self.assertRaises(tritonclient.grpc.InferenceServerException) as raised:
                client.get_model_metadata("none")
            self.assertEqual(raised.exception.status(), "StatusCode.NOT_FOUND")
            self.assertIn("no model 'none'", raised.exception.message())

    def test_tritonclient_sends_tensors(self):
        with self.client() as client:
            for picture in PICTURES:
                for array in (pixels(picture), normalised(picture)):
                    result = client.infer(self.model, [self.tensor(array)], request_id="7")
                    self.assertEqual(result.get_response().id, "7")
                    self.assertEqual(result.as_numpy("LABELS")[0, 0].decode(), label(picture))
                    # Only where an answer lists every class.
                    if (scores := result.as_numpy("SCORES")) is not None:
                        self.assertEqual(LABELS[scores[0].argmax()], label(picture))

    def test_tritonclient_sends_pictures_and_asks_for_classifications(self):
        output = tritonclient.grpc.InferRequestedOutput("PROBABILITIES", class_count=2)
        with self.client() as client:
            for picture in PICTURES:
                result = client.infer(self.model + "_image", [self.picture(picture)], outputs=[output])
                _, index, name = result.as_numpy("PROBABILITIES")[0, 0].decode().split(":")
                self.assertEqual((LABELS[int(index)], name), (label(picture),) * 2)

    def test_tritonclient_is_told_what_is_wrong(self):
        with self.client() as client:
            with self.assertRaises(tritonclient.grpc.InferenceServerException) as raised:
                client.infer(self.model, [self.tensor(numpy.zeros((1, 2, 2, 3), numpy.uint8))])
            self.assertEqual(raised.exception.status(), "StatusCode.INVALID_ARGUMENT")
            self.assertIn("[N, {1}, {2}, {3}]".format(*pixels(PICTURES[0]).shape), raised.exception.message())

    def test_messages_over_four_mebibytes(self):
        # As large as a telephone's picture, but no picture: it is refused after it was read.
        tensor = tritonclient.grpc.InferInput("image", [1], "BYTES")
        tensor.set_data_from_numpy(numpy.array([b"x" * (12 << 20)], dtype=object))
        with self.client() as client:
            with self.assertRaises(tritonclient.grpc.InferenceServerException) as raised:
                client.infer(self.model + "_image", [tensor])
            self.assertEqual(raised.exception.status(), "StatusCode.INVALID_ARGUMENT")

    def refusal(self, call, *arguments, **options):
        """Status and message of a call that must fail."""
        with self.assertRaises(tritonclient.grpc.InferenceServerException) as raised:
            call(*arguments, **options)
        return raised.exception.status(), raised.exception.message()

    def test_only_who_shows_the_key_is_answered(self):
        deployment, key = self.service.deployment, "0123456789abcdef"
        file = deployment.folder / "api.key"
        file.touch(mode=0o600)
        file.write_text(key + "\n")
        proxy = deployment.proxy(self.service.server.address, grpc=True, options=("--api-key", "api.key"))
        self.addCleanup(proxy.stop)
        address, _ = proxy.wait(r"gRPC at (\S+)", "served by")
        large = tritonclient.grpc.InferInput("image", [1], "BYTES")
        large.set_data_from_numpy(numpy.array([b"x" * (12 << 20)], dtype=object))
        with tritonclient.grpc.InferenceServerClient(address) as client:
            for headers in (None, {"authorization": f"Bearer {key}0"}, {"authorization": key}, {"authorization": ""}):
                for call in (client.is_server_live, client.is_server_ready, client.get_server_metadata):
                    status, message = self.refusal(call, headers=headers)
                    self.assertEqual(status, "StatusCode.UNAUTHENTICATED", (headers, message))
                status, message = self.refusal(client.infer, self.model + "_image", [large], headers=headers)
                self.assertEqual(status, "StatusCode.UNAUTHENTICATED", (headers, message))
            right = {"authorization": f"Bearer {key}"}
            self.assertTrue(client.is_server_live(headers=right))
            result = client.infer(self.model + "_image", [self.picture(PICTURES[0])], headers=right)
            self.assertEqual(result.as_numpy("LABELS")[0, 0].decode(), label(PICTURES[0]))
            status, _ = self.refusal(client.infer, self.model + "_image", [large], headers=right)
            self.assertEqual(status, "StatusCode.INVALID_ARGUMENT")

        # No message is read before the key was checked, neither a message that never arrives nor a malformed one.
        never = threading.Event()
        self.addCleanup(never.set)
        with grpc.insecure_channel(address) as channel:
            path = "/inference.GRPCInferenceService/ModelInfer"
            for shown, code in ((f"Bearer {key}0", grpc.StatusCode.UNAUTHENTICATED),
                                (f"Bearer {key}", grpc.StatusCode.INVALID_ARGUMENT)):
                with self.assertRaises(grpc.RpcError) as raised:
                    channel.unary_unary(path)(b"\xff", metadata=[("authorization", shown)], timeout=20)
                self.assertEqual(raised.exception.code(), code, raised.exception.details())
            with self.assertRaises(grpc.RpcError) as raised:
                channel.stream_unary(path)(
                    (never.wait() for _ in range(1)), metadata=[("authorization", "Bearer none")], timeout=20)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAUTHENTICATED, raised.exception.details())

    def test_a_message_counts_for_what_it_becomes(self):
        def message(inputs, elements):
            contents = service_pb2.InferTensorContents(bytes_contents=[b""] * elements)
            tensor = service_pb2.ModelInferRequest.InferInputTensor(
                name="image", datatype="BYTES", shape=[elements], contents=contents)
            return service_pb2.ModelInferRequest(model_name=self.model + "_image", inputs=[tensor] * inputs)

        with grpc.insecure_channel(self.service.grpc, [("grpc.max_send_message_length", -1)]) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            # Four megabytes that become hundreds; more inputs than a request may have; a batch that is too large.
            for request, status, words in (
                    (message(1, 2 << 20), grpc.StatusCode.UNAVAILABLE, "try again"),
                    (message(17, 1), grpc.StatusCode.INVALID_ARGUMENT, "more than 16"),
                    (message(1, 65), grpc.StatusCode.INVALID_ARGUMENT, "1 to 64")):
                with self.assertRaises(grpc.RpcError) as raised:
                    stub.ModelInfer(request)
                self.assertEqual(raised.exception.code(), status, raised.exception.details())
                self.assertIn(words, raised.exception.details())

    def test_calls_without_tensors_are_short(self):
        with grpc.insecure_channel(self.service.grpc) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            with self.assertRaises(grpc.RpcError) as raised:
                stub.ModelReady(service_pb2.ModelReadyRequest(name="n" * (1 << 20)))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            # Only the beginning of a long name is repeated.
            with self.assertRaises(grpc.RpcError) as raised:
                stub.ModelReady(service_pb2.ModelReadyRequest(name="n" * 60_000))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
            self.assertLess(len(raised.exception.details()), 500)

    def test_tritonclient_asyncio(self):
        async def classify():
            async with tritonclient.grpc.aio.InferenceServerClient(self.service.grpc) as client:
                self.assertTrue(await client.is_server_ready())
                results = await asyncio.gather(*[
                    client.infer(self.model + "_image", [self.picture(picture)]) for picture in PICTURES])
                return [result.as_numpy("LABELS")[0, 0].decode() for result in results]

        self.assertEqual(asyncio.run(classify()), [label(picture) for picture in PICTURES])


if __name__ == "__main__":
    unittest.main()
