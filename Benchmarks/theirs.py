# SPDX-License-Identifier: Apache-2.0
"""Times another engine on one model, in a process of its own: `theirs.py MODEL --engine NAME --threads N --runs N`. Prints
JSON."""

import argparse
import json
import statistics
import time

import numpy


def peak_bytes():
    """The most that this process ever held. `ru_maxrss` would begin with what its parent holds."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def onnxruntime_session(model, threads, precision):
    """The shape of the input, and what takes an input and gives the first output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [extent if isinstance(extent, int) else 1 for extent in entry.shape]
    return shape, lambda values: session.run(None, {entry.name: values})[0]


def openvino_session(model, threads, precision):
    import openvino

    core = openvino.Core()
    network = core.read_model(model)
    shape = [extent.get_length() if extent.is_static else 1 for extent in network.inputs[0].partial_shape]
    network.reshape({network.inputs[0]: shape})
    settings = {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = core.compile_model(network, "CPU", settings).create_infer_request()

    def run(values):
        request.infer({0: values}, share_inputs=True)
        return request.get_output_tensor(0).data

    return shape, run


SESSIONS = {"onnxruntime": onnxruntime_session, "openvino": openvino_session}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--engine", choices=sorted(SESSIONS), default="onnxruntime")
    parser.add_argument("--precision", default="f32", help="OpenVINO's hint; ONNX Runtime computes as the model says")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--input", help="a .npy file; without it, values as `infenclave bench` makes them")
    parser.add_argument("--output", help="where to write the first output, a .npy file")
    arguments = parser.parse_args()

    # What Python and its modules take is not the engine's.
    __import__(arguments.engine)
    before = peak_bytes()
    start = time.perf_counter()
    shape, run = SESSIONS[arguments.engine](arguments.model, arguments.threads, arguments.precision)
    if arguments.input:
        values = numpy.load(arguments.input)
    else:
        values = (numpy.arange(numpy.prod(shape)) % 255 / 127.5 - 1).astype("f4").reshape(shape)
    output = run(values)
    first = time.perf_counter() - start
    if arguments.output:
        numpy.save(arguments.output, output)

    times = []
    for index in range(arguments.runs + 3):
        start = time.perf_counter()
        run(values)
        if index >= 3:
            times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({
        "milliseconds": statistics.median(times), "minimum": min(times), "firstResultMilliseconds": 1000 * first,
        "peakBytes": peak_bytes() - before,
    }))


if __name__ == "__main__":
    main()
