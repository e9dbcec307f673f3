"""Times ONNX Runtime on one model, in a process of its own: `theirs.py MODEL --threads N --runs N`. Prints JSON."""

import argparse
import json
import statistics
import time

import numpy
import onnxruntime


def peak_bytes():
    """The most that this process ever held. `ru_maxrss` would begin with what its parent holds."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--input", help="a .npy file; without it, values as `infenclave bench` makes them")
    parser.add_argument("--output", help="where to write the first output, a .npy file")
    arguments = parser.parse_args()

    # What Python and its modules take is not the runtime's.
    before = peak_bytes()
    start = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [extent if isinstance(extent, int) else 1 for extent in entry.shape]
    if arguments.input:
        values = numpy.load(arguments.input)
    else:
        values = (numpy.arange(numpy.prod(shape)) % 255 / 127.5 - 1).astype("f4").reshape(shape)
    output = session.run(None, {entry.name: values})[0]
    first = time.perf_counter() - start
    if arguments.output:
        numpy.save(arguments.output, output)

    times = []
    for index in range(arguments.runs + 3):
        start = time.perf_counter()
        session.run(None, {entry.name: values})
        if index >= 3:
            times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({
        "milliseconds": statistics.median(times), "minimum": min(times), "firstResultMilliseconds": 1000 * first,
        "peakBytes": peak_bytes() - before,
    }))


if __name__ == "__main__":
    main()
