# SPDX-License-Identifier: Apache-2.0
"""Times another engine on one model, in a separate process: `theirs.py MODEL --engine NAME --threads N --runs N`. Prints
JSON. `theirs.py MODEL --quantize TO.xml` writes OpenVINO's own int8 form of a model instead, which NNCF calibrates."""

import argparse
import concurrent.futures
import json
import logging
import statistics
import time

import numpy


def peak_bytes():
    """The peak memory of this process. `ru_maxrss` would begin with the memory of its parent."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def onnxruntime_session(model, threads, precision):
    """The shape of the input, and a function from an input to the first output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [extent if isinstance(extent, int) else 1 for extent in entry.shape]
    return shape, lambda values: session.run(None, {entry.name: values})[0]


def openvino_network(core, model):
    """The network, with a batch of one if its batch is dynamic, and the shape of its input."""
    network = core.read_model(model)
    shape = [extent.get_length() if extent.is_static else 1 for extent in network.inputs[0].partial_shape]
    network.reshape({network.inputs[0]: shape})
    return network, shape


def openvino_session(model, threads, precision):
    import openvino

    core = openvino.Core()
    network, shape = openvino_network(core, model)
    # An int8 network defines which of its layers are in integers; the hint is for the others.
    settings = {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
        "INFERENCE_PRECISION_HINT": "f32" if precision == "int8" else precision,
    }
    request = core.compile_model(network, "CPU", settings).create_infer_request()

    def run(values):
        request.infer({0: values}, share_inputs=True)
        return request.get_output_tensor(0).data

    return shape, run


def onnxruntime_throughput(model, threads, precision, seconds):
    """Inferences a second with a session of one thread that as many threads use at once."""
    shape, run = onnxruntime_session(model, 1, precision)
    values = timed_input(shape)
    run(values)
    start = time.perf_counter()

    def repeat(_):
        done = 0
        while time.perf_counter() - start < seconds:
            run(values)
            done += 1
        return done

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(repeat, range(threads)))
    return done / (time.perf_counter() - start)


def openvino_throughput(model, threads, precision, seconds):
    """Inferences a second with OpenVINO's hint for throughput, and as many concurrent requests as it recommends."""
    import openvino

    core = openvino.Core()
    network, shape = openvino_network(core, model)
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": str(threads),
        "INFERENCE_PRECISION_HINT": "f32" if precision == "int8" else precision,
    }
    queue = openvino.AsyncInferQueue(core.compile_model(network, "CPU", settings))
    values = timed_input(shape)
    for _ in range(len(queue)):
        queue.start_async({0: values})
    queue.wait_all()
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        queue.start_async({0: values}, share_inputs=True)
        done += 1
    queue.wait_all()
    return done / (time.perf_counter() - start)


def quantize(model, calibration, target):
    """Writes the int8 form of NNCF's post-training quantisation with its defaults, calibrated on `calibration`:
    arrays of the input's shape."""
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    network, _ = openvino_network(openvino.Core(), model)
    dataset = nncf.Dataset(calibration)
    openvino.save_model(nncf.quantize(network, dataset, subset_size=len(calibration)), target, compress_to_fp16=False)


def one_by_one(inputs):
    return [inputs[index : index + 1] for index in range(len(inputs))]


def timed_input(shape):
    """The input values of `infenclave bench`."""
    return (numpy.arange(numpy.prod(shape)) % 255 / 127.5 - 1).astype("f4").reshape(shape)


SESSIONS = {"onnxruntime": onnxruntime_session, "openvino": openvino_session}
THROUGHPUTS = {"onnxruntime": onnxruntime_throughput, "openvino": openvino_throughput}


def arranged(values, shape):
    """Values for an input of this shape; from `[1, c, h, w]` also for a model that takes `[1, h, w, c]`."""
    moved = values.transpose(0, 2, 3, 1) if values.ndim == 4 else values
    return numpy.ascontiguousarray(moved) if list(values.shape) != shape and list(moved.shape) == shape else values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--engine", choices=sorted(SESSIONS), default="onnxruntime")
    parser.add_argument("--precision", default="f32", help="OpenVINO's hint; ONNX Runtime computes as the model says")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--input", help="a .npy file; without it, values as `infenclave bench` makes them")
    parser.add_argument("--output", help="where to write the first output, a .npy file")
    parser.add_argument("--quantize", help="write the int8 form to this .xml and time nothing")
    parser.add_argument("--calibration", help="a .npy file of inputs for it; without it, the input that is timed")
    parser.add_argument("--classes", help="write the first class of each --input to this .npy and time nothing")
    parser.add_argument("--throughput", type=float, help="measure inferences a second for so many seconds instead")
    arguments = parser.parse_args()
    if arguments.throughput:
        rate = THROUGHPUTS[arguments.engine](
            arguments.model, arguments.threads, arguments.precision, arguments.throughput)
        return print(json.dumps({"throughput": rate}))
    if arguments.quantize:
        import openvino

        _, shape = openvino_network(openvino.Core(), arguments.model)
        inputs = one_by_one(numpy.load(arguments.calibration)) if arguments.calibration else [timed_input(shape)]
        return quantize(arguments.model, inputs, arguments.quantize)
    if arguments.classes:
        _, run = SESSIONS[arguments.engine](arguments.model, arguments.threads, arguments.precision)
        return numpy.save(arguments.classes, [run(one).argmax() for one in one_by_one(numpy.load(arguments.input))])

    # The memory of Python and its modules is not the engine's.
    __import__(arguments.engine)
    before = peak_bytes()
    start = time.perf_counter()
    shape, run = SESSIONS[arguments.engine](arguments.model, arguments.threads, arguments.precision)
    if arguments.input:
        values = arranged(numpy.load(arguments.input), shape)
    else:
        values = timed_input(shape)
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
