"""Sessions of the jail against jupyter_client and ipykernel, in turns, in one run on one machine.

Ready: from the request for a session to the result of a first trivial block. Trivial block: `1 + 1` in a session that is up, from
the request to its result (for Jupyter: until the kernel is idle again). Both run the same interpreter and library set.

    bench/session_bench.py [--repeats 3] [--out FILE]
"""
import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from baseline.published_method import Kernel  # noqa: E402  (needs jupyter_client: run with build/deps/python-bench)
from solve_bench import machine, spread  # noqa: E402


def jupyter(library_path, sessions, blocks):
    def timed(code, kernel, begin=None):
        begin = begin or time.perf_counter()
        output = kernel.run(code)
        assert output == "2", output
        return (time.perf_counter() - begin) * 1000

    ready, with_sympy, trivial = [], [], []
    for code, into in (("1 + 1", ready), ("import sympy\nsympy.Integer(2)", with_sympy)):
        for _ in range(sessions):
            begin = time.perf_counter()
            kernel = Kernel(sys.executable, library_path)
            into.append(timed(code, kernel, begin))
            kernel.close()
    kernel = Kernel(sys.executable, library_path)
    timed("1 + 1", kernel)
    for _ in range(blocks):
        trivial.append(timed("1 + 1", kernel))
    kernel.close()
    return {"ready_ms": statistics.median(ready), "ready_with_sympy_ms": statistics.median(with_sympy),
            "trivial_block_ms": statistics.median(trivial)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/session_bench"))
    parser.add_argument("--library-set", default="current")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kernels", type=int, default=8, help="kernels started in each turn")
    parser.add_argument("--out", help="also write the result here, as JSON")
    arguments = parser.parse_args()
    site = sorted((ROOT / "build/deps/python" / arguments.library_set / "lib").glob("python3*/site-packages"))
    if not site:
        sys.exit(f"session_bench: no library set; run scripts/make-jail-python {arguments.library_set}")

    keys = ("ready_ms", "ready_with_sympy_ms", "trivial_block_ms")
    rows = []
    for repeat in range(arguments.repeats):
        ours = json.loads(subprocess.check_output([arguments.program, "--library-set", arguments.library_set], text=True))
        peer = jupyter(str(site[0]), arguments.kernels, 200)
        rows.append((ours, peer))
        print(f"run {repeat + 1}: " + "; ".join(f"{k} {ours[k]['p50']:.3f} against {peer[k]:.2f}" for k in keys), file=sys.stderr)
    wanted = {"ready_ms": 10, "trivial_block_ms": 0.5}
    result = {"machine": machine(), "repeats": arguments.repeats, "library_set": arguments.library_set, "tier": rows[-1][0]["tier"],
              "python": rows[-1][0]["python"], "start_ms": spread([o["start_ms"] for o, _ in rows])}
    for key in keys:
        result[key] = {"ours_p50": spread([o[key]["p50"] for o, _ in rows]), "ours_p99": spread([o[key]["p99"] for o, _ in rows]),
                       "jupyter_p50": spread([p[key] for _, p in rows]), "ratio": spread([p[key] / o[key]["p50"] for o, p in rows])}
        if key in wanted:
            result[key]["wanted"] = wanted[key]
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        Path(arguments.out).write_text(text + "\n")
    return 0 if all(result[k]["ours_p50"]["median"] <= limit for k, limit in wanted.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
