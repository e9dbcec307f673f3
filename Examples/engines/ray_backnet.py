# SPDX-License-Identifier: Apache-2.0
"""Ray Serve with a bundle's BackNet in ONNX Runtime. Ray Serve has no Open Inference Protocol: this file has the routes that
`infenclave serve --backnet oip+http://HOST:PORT/backnet` uses.

    BACKNET=/path/backnet.onnx serve run ray_backnet:app

or, for one machine without a Ray cluster, `python ray_backnet.py backnet.onnx PORT`."""

import json
import os
import sys
import time

import numpy
from fastapi import FastAPI, HTTPException, Request, Response
from ray import serve

NAME = "backnet"
routes = FastAPI()


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.5})
@serve.ingress(routes)
class BackNet:
    def __init__(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    @routes.get("/v2/models/{name}/ready")
    def ready(self, name: str):
        if name != NAME:
            raise HTTPException(404, f"no model '{name}'")
        return {"name": NAME, "ready": True}

    @routes.post("/v2/models/{name}/infer")
    async def infer(self, name: str, request: Request):
        if name != NAME:
            raise HTTPException(404, f"no model '{name}'")
        body = await request.body()
        offset = int(request.headers.get("inference-header-content-length", len(body)))
        message = json.loads(body[:offset])
        feed = {}
        for tensor in message["inputs"]:
            size = (tensor.get("parameters") or {}).get("binary_data_size")
            if size is None:
                values = numpy.array(tensor["data"], dtype=numpy.float32)
            else:
                values = numpy.frombuffer(body, dtype="<f4", count=size // 4, offset=offset)
                offset += size
            feed[tensor["name"]] = values.reshape(tensor["shape"])
        outputs, tail = [], b""
        names = [output.name for output in self.session.get_outputs()]
        for output, value in zip(names, self.session.run(names, feed)):
            data = value.astype("<f4").tobytes()
            parameters = {"binary_data_size": len(data)}
            outputs.append({"name": output, "shape": value.shape, "datatype": "FP32", "parameters": parameters})
            tail += data
        head = json.dumps({"model_name": NAME, "outputs": outputs}).encode()
        headers = {"Inference-Header-Content-Length": str(len(head))}
        return Response(head + tail, media_type="application/octet-stream", headers=headers)


app = BackNet.bind(os.environ.get("BACKNET", sys.argv[1] if len(sys.argv) > 1 else ""))

if __name__ == "__main__":
    import ray
    from ray.serve.config import HTTPOptions

    ray.init(num_cpus=2, _node_ip_address="127.0.0.1", include_dashboard=False, object_store_memory=100 << 20)
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=int(sys.argv[2])))
    serve.run(app, name=NAME, route_prefix="/")
    print("ready", flush=True)
    while True:
        time.sleep(60)
