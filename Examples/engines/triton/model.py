# SPDX-License-Identifier: Apache-2.0
"""Triton's Python backend around ONNX Runtime, for a Triton without the onnxruntime backend (the wheel `nvidia-pytriton` has none).

A model repository needs this file as `NAME/1/model.py` beside the bundle's `backnet.onnx` as `NAME/1/model.onnx`."""

import json
import os

import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        folder = os.path.join(args["model_repository"], args["model_version"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        self.session = onnxruntime.InferenceSession(
            os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"])
        config = json.loads(args["model_config"])
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]

    def execute(self, requests):
        responses = []
        for request in requests:
            feed = {name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs}
            results = self.session.run(self.outputs, feed)
            tensors = [triton.Tensor(name, value) for name, value in zip(self.outputs, results)]
            responses.append(triton.InferenceResponse(output_tensors=tensors))
        return responses
