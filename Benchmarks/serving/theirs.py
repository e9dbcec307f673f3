# SPDX-License-Identifier: Apache-2.0
"""An alternative server: a model behind FastAPI and uvicorn, computed by ONNX Runtime. The body of a request is the
picture's pixels, as in an encrypted request."""

import os

import fastapi
import numpy
import onnxruntime
from starlette.concurrency import run_in_threadpool

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("THREADS", "1"))
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
entry = session.get_inputs()[0]
channels, height, width = entry.shape[1:]
mean = numpy.array([0.485, 0.456, 0.406], numpy.float32)[:channels]
deviation = numpy.array([0.229, 0.224, 0.225], numpy.float32)[:channels]
app = fastapi.FastAPI()


def classify(body):
    pixels = numpy.frombuffer(body, numpy.uint8).reshape(height, width, channels).astype(numpy.float32)
    values = ((pixels / 255 - mean) / deviation).transpose(2, 0, 1)[None]
    scores = session.run(None, {entry.name: numpy.ascontiguousarray(values)})[0].reshape(-1)
    best = numpy.argsort(-scores)[:5]
    return {"results": [{"index": int(index), "score": float(scores[index])} for index in best]}


@app.post("/classify")
async def answer(request: fastapi.Request):
    return await run_in_threadpool(classify, await request.body())


@app.get("/ready")
async def ready():
    return {}
