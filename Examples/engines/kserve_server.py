# SPDX-License-Identifier: Apache-2.0
"""KServe's Python model server with a bundle's BackNet in ONNX Runtime.

    python kserve_server.py backnet.onnx --model_name=backnet --http_port=8000 --grpc_port=9000

KServe listens on all interfaces. INFENCLAVE_LOOPBACK=1 keeps it to this machine, for tests."""

import argparse
import os

import kserve.protocol.grpc.server
import kserve.protocol.rest.server
import onnxruntime
from kserve import InferOutput, InferResponse, Model, ModelServer, model_server


class BackNet(Model):
    def __init__(self, name, path):
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.ready = True

    def predict(self, request, headers=None, response_headers=None):
        names = [output.name for output in self.session.get_outputs()]
        results = self.session.run(names, {tensor.name: tensor.as_numpy() for tensor in request.inputs})
        outputs = []
        for name, value in zip(names, results):
            output = InferOutput(name, list(value.shape), "FP32")
            output.set_data_from_numpy(value)
            outputs.append(output)
        # Without these two, KServe always answers in JSON.
        return InferResponse(
            request.id or "", self.name, outputs, use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs)


def keep_to_loopback():
    rest, grpc = kserve.protocol.rest.server, kserve.protocol.grpc.server
    configuration, make_server = rest.uvicorn.Config, grpc.aio.server

    def local_configuration(*arguments, **options):
        return configuration(*arguments, **{**options, "host": "127.0.0.1"})

    def local_server(*arguments, **options):
        server = make_server(*arguments, **options)
        listen = server.add_insecure_port
        server.add_insecure_port = lambda address: listen(address.replace("[::]", "127.0.0.1"))
        return server

    rest.uvicorn.Config, grpc.aio.server = local_configuration, local_server


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("backnet")
    arguments, _ = parser.parse_known_args()
    if os.environ.get("INFENCLAVE_LOOPBACK"):
        keep_to_loopback()
    server = ModelServer(http_port=arguments.http_port, grpc_port=arguments.grpc_port, workers=1)
    server.start([BackNet(arguments.model_name, arguments.backnet)])
