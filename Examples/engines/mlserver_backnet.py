# SPDX-License-Identifier: Apache-2.0
"""A runtime of MLServer that computes a bundle's BackNet in ONNX Runtime.

`model-settings.json`: {"name": "backnet", "implementation": "mlserver_backnet.BackNet", "parameters": {"uri": "/path/backnet.onnx"}};
then `PYTHONPATH=folder-of-this-file mlserver start FOLDER`."""

import os

import numpy
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class BackNet(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        self.session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        names = [output.name for output in self.session.get_outputs()]
        feed = {}
        for tensor in payload.inputs:
            feed[tensor.name] = NumpyCodec.decode_input(tensor).astype(numpy.float32).reshape(tensor.shape)
        outputs = [NumpyCodec.encode_output(name, value) for name, value in zip(names, self.session.run(names, feed))]
        return InferenceResponse(model_name=self.name, model_version=self.version, id=payload.id, outputs=outputs)
