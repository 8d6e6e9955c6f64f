"""mathcoder solve against the published method (bench/baseline/published_method.py), in turns, in one run on one machine.

Throughput: the first N problems of the Mathematics test set, both sides at the concurrency that suits them best.
Latency: problems one at a time, the median. Both sides are given a started machine (for the peer llama-server and Python, for us the
model and the jail's zygote are up); the whole program, start included, is reported beside it. The answers of both are compared.

    bench/solve_bench.py [--repeats 3] [--problems 64] [--out FILE]
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from baseline.published_method import boxed  # noqa: E402  (needs jupyter_client: run with build/deps/python-bench)


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    memory = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) / 2**20
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory, 1), "kernel": platform.release(),
            "date": date.today().isoformat()}


def shared():
    path = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared")) / "corpora/test/mathematics.jsonl"
    if not path.exists():
        sys.exit(f"solve_bench: {path} is not there; set MATHCODER_SHARED to the folder that holds corpora/")
    return path


class Peer:
    def __init__(self, arguments):
        prefix = subprocess.check_output([ROOT / "scripts/build-llama", "--prefix-only"], text=True).strip()
        site = sorted((ROOT / "build/deps/python" / arguments.library_set / "lib").glob("python3*/site-packages"))
        if not site:
            sys.exit(f"solve_bench: no library set; run scripts/make-jail-python {arguments.library_set}")
        self.command = [sys.executable, str(ROOT / "bench/baseline/published_method.py"), "-m", arguments.model,
                        "--server", f"{prefix}/bin/llama-server", "--library-path", str(site[0])]

    def run(self, problems, at_once, threads):
        begin = time.perf_counter()
        done = subprocess.run([*self.command, "--in", problems, "-j", str(at_once), "-t", str(threads)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"solve_bench: the peer failed: {done.stderr[-500:]}")
        result = json.loads(done.stdout)
        result["threads"] = threads
        result["process_seconds"] = time.perf_counter() - begin
        if result["failures"]:
            sys.exit(f"solve_bench: the peer failed: {result['failures'][:3]}")
        return result


class Ours:
    def __init__(self, arguments, folder):
        self.program, self.model, self.folder = arguments.program, arguments.model, folder
        self.library_set, self.threads, self.runs = arguments.library_set, arguments.threads, 0

    def run(self, problems, at_once):
        self.runs += 1
        out = Path(self.folder) / f"out-{self.runs}.jsonl"
        begin = time.perf_counter()
        done = subprocess.run([self.program, "solve", "--in", problems, "--out", out, "-j", str(at_once), "-m", self.model,
                               "--library-set", self.library_set, "--quiet", *(["-t", str(self.threads)] if self.threads else [])],
                              capture_output=True, text=True)
        seconds = time.perf_counter() - begin
        if done.returncode not in (0, 1):
            sys.exit(f"solve_bench: mathcoder solve failed ({done.returncode}): {done.stderr[-500:]}")
        records = [json.loads(line) for line in open(out)]
        by_question = {}
        for record in records:
            question = next(m for m in record["messages"] if m["role"] == "user")["content"]
            by_question[json.dumps(question)] = record
        asked = [json.loads(line) for line in open(problems)]
        ordered = [by_question[json.dumps(next(m for m in p["messages"] if m["role"] == "user")["content"])] for p in asked]
        times = [r["mathcoder"]["timings"] for r in ordered]
        return {"process_seconds": seconds, "at_once": at_once, "answers": [self.answer(r) for r in ordered],
                "latencies": [t["total_us"] / 1e6 for t in times],
                "endings": sorted({r["mathcoder"]["ending"] for r in ordered})}

    @staticmethod
    def answer(record):
        texts = [b["content"] for b in record["debug_result"] if b.get("role", b.get("type")) == "text"]
        return boxed(texts[-1]) or (boxed(texts[-2]) if len(texts) > 1 else "") if texts else ""


def spread(values):
    return {"median": round(statistics.median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def first(path, count, folder, skip=0):
    out = Path(folder) / f"problems-{skip}-{count}.jsonl"
    with open(path) as lines, open(out, "w") as kept:
        seen = set()
        for line in lines:
            question = json.dumps(json.loads(line)["messages"])
            if question in seen:  # a question twice would make the comparison by question ambiguous
                continue
            seen.add(question)
            if len(seen) > skip:
                kept.write(line)
            if len(seen) == skip + count:
                break
    return str(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/mathcoder"))
    parser.add_argument("-m", "--model", default=str(ROOT / "models/mathematics-7m-f16.gguf"))
    parser.add_argument("--library-set", default="current")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--latency-problems", type=int, default=12)
    parser.add_argument("-t", "--threads", type=int, default=0, help="threads of our engine (0: its own choice)")
    parser.add_argument("--at-once", default="8,16", help="our concurrencies (-j); the better counts")
    parser.add_argument("--peer-at-once", default="4,8", help="concurrencies of the peer; the best counts")
    parser.add_argument("--peer-threads", default="1,0", help="threads of the peer's server (0: its own choice); the best count")
    parser.add_argument("--out", help="also write the result here, as JSON")
    arguments = parser.parse_args()
    at_once = [int(n) for n in arguments.at_once.split(",")]
    peer_at_once = [int(n) for n in arguments.peer_at_once.split(",")]
    peer_threads = [int(n) for n in arguments.peer_threads.split(",")]

    with tempfile.TemporaryDirectory(prefix="mathcoder-bench-") as folder:
        peer, ours = Peer(arguments), Ours(arguments, folder)
        many = first(shared(), arguments.problems, folder)
        few = first(shared(), arguments.latency_problems, folder)
        single = first(shared(), 1, folder)
        rows = []
        for repeat in range(arguments.repeats):
            # Ours without its start: a run of one problem costs the start and that problem's own time.
            one = ours.run(single, max(at_once))
            start = max(one["process_seconds"] - one["latencies"][0], 0.0)
            mine = min((ours.run(many, n) for n in at_once), key=lambda r: r["process_seconds"])
            theirs = min((peer.run(many, n, t) for n in peer_at_once for t in peer_threads), key=lambda r: r["seconds"])
            mine_alone = ours.run(few, 1)
            theirs_alone = min((peer.run(few, 1, t) for t in peer_threads), key=lambda r: r["latency_p50"])
            steady = mine["process_seconds"] - start
            row = {
                "ours": {"problems_per_second": arguments.problems / steady, "whole_program": arguments.problems / mine["process_seconds"],
                         "at_once": mine["at_once"], "start_seconds": start, "latency": statistics.median(mine_alone["latencies"]), "endings": mine["endings"]},
                "peer": {"problems_per_second": theirs["problems_per_second"], "whole_program": arguments.problems / theirs["process_seconds"],
                         "at_once": theirs["at_once"], "threads": theirs["threads"], "latency": theirs_alone["latency_p50"]},
                "answers_agree": sum(a == b for a, b in zip(mine["answers"], theirs["answers"])),
                "disagreements": [[i, a, b] for i, (a, b) in enumerate(zip(mine["answers"], theirs["answers"])) if a != b],
            }
            row["throughput_ratio"] = row["ours"]["problems_per_second"] / row["peer"]["problems_per_second"]
            row["whole_program_ratio"] = row["ours"]["whole_program"] / row["peer"]["whole_program"]
            row["latency_ratio"] = row["peer"]["latency"] / row["ours"]["latency"]
            rows.append(row)
            print(f"run {repeat + 1}: ours {row['ours']['problems_per_second']:.1f}/s (-j {mine['at_once']}), peer {row['peer']['problems_per_second']:.2f}/s "
                  f"(-j {theirs['at_once']}): {row['throughput_ratio']:.1f} times; alone {row['ours']['latency'] * 1000:.0f} ms against "
                  f"{row['peer']['latency'] * 1000:.0f} ms: {row['latency_ratio']:.1f} times; "
                  f"{row['answers_agree']} of {arguments.problems} answers agree", file=sys.stderr)
    result = {
        "machine": machine(), "problems": arguments.problems, "repeats": arguments.repeats, "library_set": arguments.library_set,
        "throughput": {"ours_per_second": spread([r["ours"]["problems_per_second"] for r in rows]),
                       "peer_per_second": spread([r["peer"]["problems_per_second"] for r in rows]),
                       "ratio": spread([r["throughput_ratio"] for r in rows]), "wanted": 8},
        "whole_program": {"ours_per_second": spread([r["ours"]["whole_program"] for r in rows]),
                          "peer_per_second": spread([r["peer"]["whole_program"] for r in rows]),
                          "ratio": spread([r["whole_program_ratio"] for r in rows])},
        "latency_one_problem": {"ours_seconds": spread([r["ours"]["latency"] for r in rows]),
                                "peer_seconds": spread([r["peer"]["latency"] for r in rows]),
                                "ratio": spread([r["latency_ratio"] for r in rows]), "wanted": 6},
        "answers": {"agree": [r["answers_agree"] for r in rows], "of": arguments.problems, "disagreements": rows[-1]["disagreements"],
                    "endings": sorted({e for r in rows for e in r["ours"]["endings"]})},
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        Path(arguments.out).write_text(text + "\n")
    return 0 if min(r["throughput_ratio"] for r in rows) >= 8 and min(r["latency_ratio"] for r in rows) >= 6 else 1


if __name__ == "__main__":
    sys.exit(main())
