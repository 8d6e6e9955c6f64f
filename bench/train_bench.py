#!/usr/bin/env python3
"""`mathcoder train` beside Transformers' Trainer (bench/baseline/transformers_trainer.py), in turns, in one run on one machine: tokens a
second in the steady state, and peak memory. Llama models of 20 and 135 million parameters from scratch, bf16 with f32 masters, AdamW,
rows of 2,048 tokens packed without padding from the same transcripts, two threads, jemalloc with kept pages on both sides.
Wanted: at least 1.5 times the tokens a second, at most 0.6 of the peak memory.

    bench/train_bench.py [--models 20m,135m] [--repeats 3]       needs ../shared, scripts/make-test-python, make trainer
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared"))
BIN = ROOT / "build/release/bin/mathcoder"
LENGTH = 2048
BASE = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "max_position_embeddings": LENGTH,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": 9}
MODELS = {
    "20m": {**BASE, "hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 10, "num_attention_heads": 6,
            "num_key_value_heads": 6, "head_dim": 64, "vocab_size": 8192},
    # The shape of SmolLM-135M.
    "135m": {**BASE, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
             "num_key_value_heads": 3, "head_dim": 64, "vocab_size": 49152},
}
STEPS = {"20m": 12, "135m": 6}
KEEP_PAGES = "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always"


def run(words, **options):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{result.stdout}{result.stderr}")
    return result.stdout


def settings(folder, config, steps, name):
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({
        "run": str(folder / name), "model": {"config": str(config), "tokenizer": str(folder / "tokenizer"), "compute": "bf16"},
        "data": {"train": [f"{SHARED}/transcripts/*/*-correct.jsonl"], "length": LENGTH, "held_out_share": 0, "cache": str(folder / "cache")},
        "batch_rows": 1, "steps": steps, "optimizer": {"learning_rate": 1e-4, "weight_decay": 0},
        "schedule": {"name": "constant", "warmup_steps": 0}, "checkpoints": {"every_minutes": 0, "asynchronous": False},
        "watch": {"tensorboard": False}, "result": {"gguf": ""}, "parallel": {"threads": 2}}))
    return path


def pack(examples, count):
    """Rows as the peer gets them: examples in order, first fit into rows of LENGTH."""
    rows = []
    for example in examples:
        ids, labels = example["input_ids"], example["labels"]
        if len(ids) > LENGTH:
            continue
        row = next((row for row in rows if len(row["ids"]) + len(ids) <= LENGTH), None)
        if row is None:
            if len(rows) == count + 8:
                break
            row = {"ids": [], "labels": [], "positions": []}
            rows.append(row)
        row["ids"] += ids
        row["labels"] += labels
        row["positions"] += range(len(ids))
    return sorted(rows, key=lambda row: -len(row["ids"]))[:count]


def ours(folder, config, steps, name):
    subprocess.run(["rm", "-rf", str(folder / name)], check=True)
    run([BIN, "train", settings(folder, config, steps, name), "-q"])
    records = [json.loads(line) for line in open(folder / name / "metrics.jsonl", encoding="utf-8")]
    steps_ = [record for record in records if "tokens_per_second" in record][1:]
    return {"rate": statistics.median(record["tokens_per_second"] for record in steps_), "peak": max(record["peak_memory"] for record in steps_)}


def peer(folder, config, steps, python, jemalloc, extra=()):
    environment = {**os.environ, "LD_PRELOAD": jemalloc, "MALLOC_CONF": KEEP_PAGES, "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1"}
    out = json.loads(run([python, ROOT / "bench/baseline/transformers_trainer.py", config, folder / "rows.jsonl", "--steps", steps, *extra],
                         env=environment).splitlines()[-1])
    return {"rate": out["tokens"] / statistics.median(out["seconds"][1:]), "peak": out["peak"], "parameters": out["parameters"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="20m,135m")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", help="results as JSON")
    parser.add_argument("--pure-bf16", action="store_true", help="also the peer without f32 masters")
    args = parser.parse_args()
    python = run([ROOT / "scripts/make-test-python"], cwd=ROOT).strip()
    jemalloc = next(iter(sorted(Path("/usr/lib").glob("*/libjemalloc.so.2"))), None)
    if jemalloc is None:
        sys.exit("libjemalloc.so.2 is not installed: scripts/setup train")
    summary = {}
    with tempfile.TemporaryDirectory(prefix="train-bench-") as name:
        folder = Path(name)
        run([BIN, "convert", ROOT / "models/mathematics-7m-f16.gguf", folder / "tokenizer"])
        (folder / "tokenizer/config.json").unlink()  # only the tokenizer is of use: the models here have more rows
        for model in args.models.split(","):
            config = folder / f"{model}.json"
            config.write_text(json.dumps(MODELS[model]))
            steps = args.steps or STEPS[model]
            run([BIN, "train", settings(folder, config, steps, "export"), "--export", "axolotl", "--to", folder / "examples.jsonl", "-q"])
            with open(folder / "examples.jsonl", encoding="utf-8") as file:
                rows = pack((json.loads(line) for line in file), steps)
            (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
            learnt = sum(label != -100 for row in rows for label in row["labels"]) / sum(len(row["ids"]) for row in rows)
            print(f"{model}: rows of {statistics.mean(len(row['ids']) for row in rows):.0f} tokens, {learnt:.0%} learnt", flush=True)
            results = {"ours": [], "peer": [], "pure": []}
            for repeat in range(args.repeats):
                results["ours"].append(ours(folder, config, steps, f"{model}-{repeat}"))
                results["peer"].append(peer(folder, config, steps, python, str(jemalloc)))
                line = f"  run {repeat + 1}: ours {results['ours'][-1]['rate']:,.0f} tokens/s, {results['ours'][-1]['peak'] / 1e9:.2f} GB; " \
                       f"peer {results['peer'][-1]['rate']:,.0f} tokens/s, {results['peer'][-1]['peak'] / 1e9:.2f} GB"
                if args.pure_bf16:
                    results["pure"].append(peer(folder, config, steps, python, str(jemalloc), ["--pure-bf16"]))
                    line += f"; peer without masters {results['pure'][-1]['rate']:,.0f} tokens/s, {results['pure'][-1]['peak'] / 1e9:.2f} GB"
                print(line, flush=True)
            rate = {side: statistics.median(result["rate"] for result in runs) for side, runs in results.items() if runs}
            peak = {side: statistics.median(result["peak"] for result in runs) for side, runs in results.items() if runs}
            ratios = [a["rate"] / b["rate"] for a, b in zip(results["ours"], results["peer"])]
            print(f"{model} ({results['peer'][0]['parameters']:,} parameters): {rate['ours'] / rate['peer']:.2f} times the tokens/s "
                  f"({min(ratios):.2f} to {max(ratios):.2f}; wanted 1.5), {peak['ours'] / peak['peer']:.2f} of the memory (wanted 0.6)", flush=True)
            summary[model] = {"rate": rate, "peak": peak, "ratios": ratios, "runs": results}
    if args.out:
        Path(args.out).write_text(json.dumps(summary, indent=1))
    missed = [model for model, found in summary.items()
              if found["rate"]["ours"] < 1.5 * found["rate"]["peer"] or found["peak"]["ours"] > 0.6 * found["peak"]["peer"]]
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
