"""One measurement of one engine in a process of its own; prints one JSON object.

    peer_run.py ENGINE MODEL SIZE BATCH MODE THREADS WARMUP REPEATS SECONDS

ENGINE   eager, channels_last or compile (PyTorch); onnxruntime or openvino (MODE infer only)
SECONDS  no further step starts after so many; at least one is timed

A training step is what `dsbias bench` times: forward, cross-entropy with label smoothing 0.1,
backward, AdamW with its fused kernel, which is PyTorch's fastest. The images are floats made in
advance, so normalising bytes costs the peer nothing."""

import json
import os
import sys
import time


def peak_memory():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def training_step(model, images, labels):
    import torch

    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05,
                                  fused=True)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def torch_step(engine, model, images, labels, mode):
    import torch

    if engine != "eager":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    model.train(mode == "train")
    run = torch.compile(model) if engine == "compile" else model
    if mode == "train":
        return training_step(run, images, labels)

    def step():
        with torch.inference_mode():
            return run(images)

    return step


def onnxruntime_step(model, images, threads):
    import tempfile
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(model.eval(), (images,), path, input_names=["images"], dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"images": images.numpy()}
    return lambda: session.run(None, feed)


def openvino_step(model, images, threads):
    import openvino

    converted = openvino.convert_model(model.eval(), example_input=images,
                                       input=[tuple(images.shape)])
    config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32",
              "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(converted, "CPU", config).create_infer_request()
    array = images.numpy()
    return lambda: request.infer([array])


def make_step(engine, name, size, batch, mode, threads):
    import torch
    import peer_models

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, classes = peer_models.build(name)
    images = torch.randn(batch, 3, size, size)
    labels = torch.arange(batch) % classes
    if engine == "onnxruntime":
        return onnxruntime_step(model, images, threads)
    if engine == "openvino":
        return openvino_step(model, images, threads)
    return torch_step(engine, model, images, labels, mode)


def main():
    engine, name, size, batch, mode, threads, warmup, repeats, budget = sys.argv[1:10]
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = threads
    step = make_step(engine, name, int(size), int(batch), mode, int(threads))
    started = time.perf_counter()
    step()
    first = time.perf_counter() - started
    for _ in range(int(warmup) - 1):
        step()
    seconds = []
    while len(seconds) < int(repeats):
        before = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - before)
        if time.perf_counter() - started > first + float(budget):
            break
    print(json.dumps({"seconds": seconds, "first_seconds": first,
                      "peak_memory_bytes": peak_memory()}))


if __name__ == "__main__":
    main()
