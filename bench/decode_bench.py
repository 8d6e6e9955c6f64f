"""Decoding and prefilling alone: the engine against llama-batched-bench, in turns, in one run on one machine.

Both run the same file, prompt length, number of tokens, batch size, threads and flash attention; the peer with separate caches
(its default) and with one unified cache, and the better of the two counts. Each of our turns is compared with the peer's turns
before and after it, so that a machine that changes its pace does not decide.

    bench/decode_bench.py [--batches 1,8,16,32,64] [--repeats 3] [--out FILE]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = 0.95


def peer(program, model, batch, prompt, tokens, threads, unified):
    cells = batch * (-(-(prompt + tokens) // 256) * 256)
    command = [program, "-m", model, "-c", str(cells), "-b", "512", "-ub", "512", "-npp", str(prompt), "-ntg", str(tokens),
               "-npl", str(batch), "-fa", "on", "-t", str(threads), "--output-format", "jsonl"] + (["-kvu"] if unified else [])
    rows = []
    for _ in range(5):  # now and then it ends before its log thread has written the result
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        if rows:
            break
    return {"prefill": rows[-1]["speed_pp"], "decode": rows[-1]["speed_tg"]}


def ours(program, model, batch, prompt, tokens, threads):
    command = [program, "--model", model, "--batch", str(batch), "--prompt", str(prompt), "--tokens", str(tokens),
               "--threads", str(threads), "--repeats", "2"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    row = json.loads(lines[-1])  # the first warms up, as the peer does
    return {"prefill": row["prefill_per_second"], "decode": row["decode_per_second"], "layout": row["engine"]["layout"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/engine_bench"))
    parser.add_argument("--model", default=str(ROOT / "models/mathematics-7m-f16.gguf"))
    parser.add_argument("--batches", default="1,8,16,32,64")
    parser.add_argument("--prompt", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", help="also write the result here, as JSON")
    arguments = parser.parse_args()
    prefix = subprocess.check_output([str(ROOT / "scripts/build-llama"), "--prefix-only"], text=True).strip()
    program = prefix + "/bin/llama-batched-bench"
    if not Path(program).exists():
        sys.exit("decode_bench: no llama-batched-bench; run scripts/build-llama --tools")
    shape = (arguments.prompt, arguments.tokens, arguments.threads)

    rows = []
    print("batch   prefill t/s: ours  peer  ratio   decode t/s: ours  peer  ratio   layout")
    for batch in map(int, arguments.batches.split(",")):
        turns = []
        for _ in range(arguments.repeats):
            before = [peer(program, arguments.model, batch, *shape, unified) for unified in (False, True)]
            mine = ours(arguments.program, arguments.model, batch, *shape)
            after = [peer(program, arguments.model, batch, *shape, unified) for unified in (False, True)]
            turn = {"layout": mine["layout"]}
            for what in ("prefill", "decode"):
                turn[what] = mine[what]
                turn[what + "_peer"] = max((b[what] + a[what]) / 2 for b, a in zip(before, after))
            turns.append(turn)
        row = {"batch": batch, "layout": turns[-1]["layout"]}
        for what in ("prefill", "decode"):
            row[what] = statistics.median(turn[what] for turn in turns)
            row[what + "_peer"] = statistics.median(turn[what + "_peer"] for turn in turns)
            row[what + "_ratio"] = statistics.median(turn[what] / turn[what + "_peer"] for turn in turns)
        rows.append(row)
        print(f"{batch:5}   {row['prefill']:17.0f} {row['prefill_peer']:5.0f} {row['prefill_ratio']:6.2f} "
              f"{row['decode']:18.0f} {row['decode_peer']:5.0f} {row['decode_ratio']:6.2f}   {row['layout']}", flush=True)
    missed = [row["batch"] for row in rows if row["decode_ratio"] < WANTED]
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    result = {"machine": {"cpu": cpu, "cores": os.cpu_count()}, "rows": rows, "wanted": WANTED, "threads": arguments.threads, "model": Path(arguments.model).name}
    if arguments.out:
        Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments.out).write_text(json.dumps(result, indent=2) + "\n")
    if missed:
        sys.exit(f"decode_bench: below {WANTED} of llama-batched-bench at batch {', '.join(map(str, missed))}")


if __name__ == "__main__":
    main()
