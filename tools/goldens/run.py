#!/usr/bin/env python3
"""Runs small .tflite models on TensorFlow Lite's reference kernels and writes their output bytes.

    run.py jobs.json answers.json

jobs.json:    [{"name", "model": path, "kernels"?, "inputs": [[path, ...] per run]}, ...]
answers.json: {"versions": {"tflite": version}, "answers": [{"name", "outputs": [[base64, ...] per run]} or
              {"name", "error": text}, ...]}

The kernels are BUILTIN_REF's (pip install tensorflow-cpu==2.21.0), or with "kernels": "default" in a job those that
LiteRT takes by itself, XNNPACK's among them. They may abort the process on a model that they do
not like, so the jobs run in a child process, which is started again after the job that killed it. Every job runs twice,
with fresh memory filled with other bytes (glibc's MALLOC_PERTURB_): an answer that changes depends on memory that the
kernel never wrote, and counts as an error.
"""
import base64
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile


def numpy_input(path, detail):
    import numpy as np
    return np.fromfile(path, dtype=np.dtype(detail["dtype"])).reshape([int(n) for n in detail["shape"]])


def run_tflite(job):
    import tensorflow as tf
    types = tf.lite.experimental.OpResolverType
    resolver = types.AUTO if job.get("kernels") == "default" else types.BUILTIN_REF
    interpreter = tf.lite.Interpreter(job["model"], experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    answers = []
    for paths in job["inputs"]:
        for detail, path in zip(interpreter.get_input_details(), paths, strict=True):
            interpreter.set_tensor(detail["index"], numpy_input(path, detail))
        interpreter.invoke()
        answers.append([interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_output_details()])
    return answers


PACKAGES = ("tensorflow-cpu", "tensorflow")


def worker(jobs_path, first, answers_path, log_path):
    """Runs jobs[first:], appending one line of JSON per finished job. All printed text goes to the log."""
    with open(jobs_path) as file:
        jobs = json.load(file)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with open(answers_path, "a") as answers:
        for job in jobs[first:]:
            os.ftruncate(log, 0)
            os.lseek(log, 0, os.SEEK_SET)
            try:
                outputs = run_tflite(job)
                answer = {"outputs": [[base64.b64encode(o).decode() for o in run] for run in outputs]}
            except Exception as error:  # noqa: BLE001: whatever the reference dislikes is the answer
                answer = {"error": f"{error}\n{read_text(log_path)}".strip()}
            answers.write(json.dumps({"name": job["name"], **answer}) + "\n")
            answers.flush()


def read_text(path):
    with open(path, errors="replace") as file:
        return file.read()


def run_all(jobs_path, folder, fill):
    with open(jobs_path) as file:
        jobs = json.load(file)
    answers_path, log_path = os.path.join(folder, "answers"), os.path.join(folder, "log")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "MALLOC_PERTURB_": fill}
    answers = []
    while len(answers) < len(jobs):
        first = str(len(answers))
        open(answers_path, "w").close()
        command = [sys.executable, __file__, "--worker", jobs_path, first, answers_path, log_path]
        code = subprocess.run(command, env=environment).returncode
        answers += [json.loads(line) for line in read_text(answers_path).splitlines()]
        if len(answers) < len(jobs):
            text = f"the interpreter ended with code {code}\n{read_text(log_path)}".strip()
            answers.append({"name": jobs[len(answers)]["name"], "error": text})
    return answers


def agreed(answer, again):
    if "error" in answer or answer == again:
        return answer
    return {"name": answer["name"], "error": "the answer depends on memory that the kernel never wrote"}


def version():
    for package in PACKAGES:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


def main(jobs_path, result_path):
    with tempfile.TemporaryDirectory() as folder:
        answers = run_all(jobs_path, folder, "85")
        again = run_all(jobs_path, folder, "202")
        answers = [agreed(*pair) for pair in zip(answers, again, strict=True)]
    with open(result_path, "w") as file:
        json.dump({"versions": {"tflite": version()}, "answers": answers}, file)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        worker(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
    else:
        main(sys.argv[1], sys.argv[2])
