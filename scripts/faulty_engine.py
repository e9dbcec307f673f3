# SPDX-License-Identifier: Apache-2.0
"""An engine of the Open Inference Protocol over gRPC with faults that a file selects: a relay in front of a real one.

    python faulty_engine.py PORT PORT-OF-THE-REAL-ENGINE FILE

FILE holds one word, which is read again for each call: honest, typed (the answer as numbers instead of raw contents), or a fault. Runs in
the virtual environment of any of the engines, each of which has gRPC and the protocol's messages."""

import sys
import time
from concurrent import futures

import grpc
import numpy

try:
    from tritonclient.grpc import service_pb2 as messages
except ImportError:
    try:
        from mlserver.grpc import dataplane_pb2 as messages
    except ImportError:
        from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages

PREFIX = "/inference.GRPCInferenceService/"


def values(answer, index):
    if answer.raw_output_contents:
        return numpy.frombuffer(answer.raw_output_contents[index], dtype="<f4")
    return numpy.array(answer.outputs[index].contents.fp32_contents, dtype=numpy.float32)


def write(answer, changed, raw=True):
    del answer.raw_output_contents[:]
    for output, numbers in zip(answer.outputs, changed):
        output.ClearField("contents")
        if raw:
            answer.raw_output_contents.append(numbers.astype("<f4").tobytes())
        else:
            output.contents.fp32_contents.extend(numbers.tolist())


class Relay(grpc.GenericRpcHandler):
    def __init__(self, target, control):
        channel = grpc.insecure_channel(f"127.0.0.1:{target}")
        self.calls = {name: channel.unary_unary(PREFIX + name) for name in ("ModelInfer", "ModelReady")}
        self.control = control

    def service(self, details):
        name = details.method.removeprefix(PREFIX)
        if name in self.calls:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(name, request, context))

    def answer(self, name, request, context):
        with open(self.control) as file:
            fault = file.read().strip()
        if name == "ModelReady":
            return b"" if fault == "unloaded" else self.calls[name](request)
        if fault == "stalls":
            while context.is_active():
                time.sleep(0.1)
        # A request may come before the host has asked for readiness.
        if fault == "unloaded":
            context.abort(grpc.StatusCode.UNAVAILABLE, "the model 'backnet' is not ready")
        if fault == "refuses":
            context.abort(grpc.StatusCode.INTERNAL, "out of order\n")
        if fault == "limit":
            context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, f"Received message larger than max ({len(request)} vs. 1000)")
        if fault == "garbage":
            return b"\xff" * 100
        if fault == "huge":
            return b"\x00" * (64 << 20)
        answer = messages.ModelInferResponse.FromString(self.calls[name](request))
        numbers = [values(answer, index).copy() for index in range(len(answer.outputs))]
        if fault == "lies":
            numbers[0] *= 1.5
        elif fault == "nan":
            numbers[0][0] = numpy.nan
        elif fault == "short":
            numbers[0] = numbers[0][:-1]
        elif fault == "shape":
            answer.outputs[0].shape.append(1)
        elif fault == "model":
            answer.model_name = "other"
        elif fault == "twice":
            answer.outputs.append(answer.outputs[0])
            numbers.append(numbers[0])
        elif fault not in ("honest", "typed"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"no fault '{fault}'")
        write(answer, numbers, raw=fault != "typed")
        return answer.SerializeToString()


if __name__ == "__main__":
    port, target, control = sys.argv[1:]
    server = grpc.server(
        futures.ThreadPoolExecutor(8), handlers=(Relay(target, control),),
        options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()
