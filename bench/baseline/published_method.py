"""The published way to run MathCoder (arXiv 2310.03731), as fast as it can fairly be: the peer of bench/solve_bench.py.

For every block the whole text so far is sent to a server again; code runs in a Jupyter kernel that is started for its problem; at
most 16 blocks, 512 new tokens a block, 6 s a block of code; decimals of what is fed back are cut to 6 places; no output becomes
<empty_execution>. What is to its favour here: the server is llama-server with its prompt cache on and as many slots as problems
run at once; connections are kept; each problem has a thread, and its kernel starts while the model writes the first block.

Prints one JSON object: {problems, seconds, problems_per_second, latency_p50, answers, ...}. Server and interpreter start before the
clock does.
"""
import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from jupyter_client.manager import KernelManager

SYSTEM = "Below is a math problem. Please solve it step by step."
STOPS = ["<|endofblock|>", "<|endofmessage|>", "<|execution|>"]
MAX_BLOCKS = 16
MAX_NEW_TOKENS = 512
EXECUTE_SECONDS = 6
IOPUB_SECONDS = 10
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LONG_DECIMAL = re.compile(r"(\d+\.\d{6})\d+")


def prompt_of(question, system):
    return (f"<|system|><|text|>{system}<|endofblock|><|endofmessage|>"
            f"<|user|><|text|>{question}<|endofblock|><|endofmessage|><|assistant|>")


class Server:
    """llama-server on a port of the system's choice."""

    def __init__(self, program, model, slots, context, threads):
        self.log = tempfile.NamedTemporaryFile("r", prefix="llama-server-", suffix=".log")
        # --special: control tokens are part of the text, as the published loop expects of its server.
        command = [program, "-m", model, "--host", "127.0.0.1", "--port", "0", "-np", str(slots), "-c", str(slots * context),
                   "--special", "--threads-http", str(slots + 4)]
        if threads:
            command += ["-t", str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(self.log.name, "w"), stderr=subprocess.STDOUT)
        self.port = None
        for _ in range(1200):
            match = re.search(r"listening on http://127\.0\.0\.1:(\d+)", open(self.log.name, errors="replace").read())
            if match:
                self.port = int(match.group(1))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        tail = open(self.log.name, errors="replace").read()[-500:]
        self.close()
        sys.exit(f"published_method: llama-server did not start:\n{tail}")

    def close(self):
        self.process.kill()
        self.process.wait()


class Client:
    """One kept connection; one thread uses it."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.connection.connect()

    def complete(self, prompt):
        body = json.dumps({"prompt": prompt, "n_predict": MAX_NEW_TOKENS, "temperature": 0, "stop": STOPS, "cache_prompt": True,
                           "stream": False})
        self.connection.request("POST", "/completion", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise RuntimeError(f"HTTP {response.status}: {data[:200]!r}")
        return json.loads(data)


class Kernel:
    """One Jupyter kernel. Starting it does not wait until it is ready; the first run does."""

    def __init__(self, python, library_path):
        environment = dict(os.environ, PYTHONPATH=library_path) if library_path else dict(os.environ)
        environment["OPENBLAS_NUM_THREADS"] = "1"
        self.command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.environment = environment
        self.ready = False
        self.start()

    def start(self):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv = self.command
        self.manager.start_kernel(env=self.environment)
        self.client = self.manager.client()
        self.client.start_channels()

    def run(self, code):
        # Ports are chosen before they are bound: of kernels that start at the same time one may lose, and die. It is started again.
        for attempt in range(5 if not self.ready else 0):
            try:
                self.client.wait_for_ready(timeout=120)
                self.ready = True
                break
            except RuntimeError:
                if attempt == 4:
                    raise
                self.client.stop_channels()
                self.start()
        request = self.client.execute(code, allow_stdin=False)
        parts = []
        deadline = time.monotonic() + EXECUTE_SECONDS
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                parts.append("TimeoutError")
                break
            try:
                message = self.client.get_iopub_msg(timeout=min(left, IOPUB_SECONDS))
            except Exception:  # queue.Empty: no message in time
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                parts.append(content["text"])
            elif kind == "execute_result":
                parts.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                parts.append("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                break
        return "".join(parts)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def observation_of(output):
    text = LONG_DECIMAL.sub(r"\1", ANSI.sub("", output)).strip()
    return text or "<empty_execution>"


def boxed(text):
    start = text.rfind("\\boxed{")
    if start < 0:
        return ""
    depth = 0
    for at in range(start + 6, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + 7:at].strip()
    return ""


def solve(record, client, python, library_path):
    message = {m["role"]: m["content"][0]["content"] for m in record["messages"]}
    text = prompt_of(message["user"], message.get("system", SYSTEM))
    kernel = Kernel(python, library_path)
    blocks = 0
    last_text = ""
    try:
        while blocks < MAX_BLOCKS:
            answer = client.complete(text)
            written = answer["content"]
            stop = answer.get("stopping_word", "")
            text += written + stop
            blocks += 1
            if stop == "<|endofblock|>" and written.startswith("<|code|>"):
                output = observation_of(kernel.run(written[len("<|code|>"):]))
                text += f"<|execution|>{output}<|endofblock|>"
            elif stop == "<|endofblock|>":
                last_text = written.removeprefix("<|text|>")
            else:  # the message's end, the token limit, or an output that the model imagines
                break
    finally:
        kernel.close()
    return boxed(last_text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--in", dest="problems", required=True, help="problems, JSON lines")
    parser.add_argument("--limit", type=int, default=0, help="the first N problems (0: all)")
    parser.add_argument("-j", type=int, default=8, help="problems at once, and slots of the server")
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--server", required=True, help="the llama-server program")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the kernels")
    parser.add_argument("--library-path", default="", help="where the kernels find sympy (a site-packages folder)")
    parser.add_argument("--context", type=int, default=1024, help="tokens of a slot")
    parser.add_argument("-t", "--threads", type=int, default=0, help="threads of the server (0: its own choice)")
    arguments = parser.parse_args()

    with open(arguments.problems) as lines:
        records = [json.loads(line) for line in lines if line.strip()]
    if arguments.limit:
        records = records[:arguments.limit]
    server = Server(arguments.server, arguments.model, arguments.j, arguments.context, arguments.threads)
    own = threading.local()
    latencies = [0.0] * len(records)
    failures = []

    def one(index):
        if not hasattr(own, "client"):
            own.client = Client(server.port)
        begin = time.perf_counter()
        try:
            return solve(records[index], own.client, arguments.python, arguments.library_path)
        except Exception as error:  # counted, and told at the end
            failures.append(f"{index}: {error!r}")
            return ""
        finally:
            latencies[index] = time.perf_counter() - begin

    try:
        begin = time.perf_counter()
        with ThreadPoolExecutor(arguments.j) as pool:
            answers = list(pool.map(one, range(len(records))))
        seconds = time.perf_counter() - begin
    finally:
        server.close()
    print(json.dumps({"problems": len(records), "at_once": arguments.j, "seconds": seconds, "problems_per_second": len(records) / seconds,
                      "latency_p50": statistics.median(latencies), "failures": failures, "answers": answers}))


if __name__ == "__main__":
    main()
