#!/usr/bin/env python3
"""Verdicts beside math-verify (PyPI, requirements/bench.txt), in one run over the same pairs: the published transcripts' answers
with their labels, and the case files. Cost of a verdict (mean, p99, max) and wrong verdicts of either kind. Wanted: 500 times at the
mean, 1,000 times at p99, and fewer wrong verdicts.

Both get the same two strings: the reference, and for transcripts the last block of the message, from which each finds the answer
itself. math-verify is called as its README says (references, and answers of the case files, between dollars); its verdict includes
parsing both, as ours does. A pair that it does not finish within its own time-outs counts with the time it took. Ours is what
`mathcoder grade --json` reports for each verdict: finding the answer, reading both, comparing.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared"))
CASES = ("curated_tricky", "doenet_equality_ascii", "latex2sympy_parse")


def message_of(record):
    """The last block that the model wrote: without the answer that the published program appended."""
    blocks = record["debug_result"][2:]
    if len(blocks) > 1 and blocks[-1]["role"] == blocks[-2]["role"] == "text" and blocks[-1]["content"] == record["completion"]:
        blocks = blocks[:-1]
    return blocks[-1]["content"]


def pairs():
    """(set, reference, prediction, expected, may hold prose)"""
    for name in CASES:
        for line in open(SHARED / "grader" / f"{name}.jsonl", encoding="utf-8"):
            case = json.loads(line)
            yield name, case["gold"], case["pred"], case["expected"], False
    for path in sorted((SHARED / "transcripts").glob("*/*.jsonl")):
        for line in open(path, encoding="utf-8"):
            record = json.loads(line)
            correct = path.name.endswith("-correct.jsonl")
            yield "transcripts", str(record["ground_truth"]["answer"]), message_of(record), correct, True


def run_peer(rows):
    from math_verify import parse, verify
    results = []
    for _, gold, pred, _, prose in rows:
        start = time.perf_counter()
        try:
            verdict = verify(parse(f"${gold}$"), parse(pred if prose else f"${pred}$"))
        except Exception:  # pylint: disable=broad-except
            verdict = False
        results.append((bool(verdict), (time.perf_counter() - start) * 1e6))
    return results


def run_ours(binary, mode, rows):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for _, gold, pred, _, _ in rows:
            file.write(json.dumps({"gold": gold, "pred": pred}) + "\n")
        file.flush()
        command = [binary, "grade", file.name, "--json", "--quiet", "--mode", mode]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    verdicts = [json.loads(line) for line in lines.splitlines()]
    return [(verdict["verdict"] == "correct", verdict["us"]) for verdict in verdicts]


def share(costs, part):
    ordered = sorted(costs)
    return ordered[int(part * (len(ordered) - 1))]


def summary(rows, results, name):
    chosen = [(row, result) for row, result in zip(rows, results) if name in ("all", row[0])]
    costs = [cost for _, (_, cost) in chosen]
    return {"n": len(chosen), "mean_us": sum(costs) / len(costs), "p99_us": share(costs, 0.99), "max_us": max(costs),
            "false_positive": sum(verdict and not row[3] for row, (verdict, _) in chosen),
            "false_negative": sum(row[3] and not verdict for row, (verdict, _) in chosen)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin/mathcoder"))
    parser.add_argument("--mode", default="strict")
    parser.add_argument("--out", help="write the numbers as JSON")
    arguments = parser.parse_args()
    if not (SHARED / "grader").is_dir():
        sys.exit(f"grade_bench: no cases under {SHARED}; set MATHCODER_SHARED")
    rows = list(pairs())
    ours = run_ours(arguments.bin, arguments.mode, rows)
    peer = run_peer(rows)
    result = {"load_average": os.getloadavg()[0]}
    print(f"load average {result['load_average']:.1f}\n")
    print("| set | n | | mean us | p99 us | max us | false positives | false negatives |\n|---|---|---|---|---|---|---|---|")
    for name in (*CASES, "transcripts", "all"):
        result[name] = {"ours": summary(rows, ours, name), "math_verify": summary(rows, peer, name)}
        for who, counts in result[name].items():
            costs = f"{counts['mean_us']:,.1f} | {counts['p99_us']:,.1f} | {counts['max_us']:,.0f}"
            print(f"| {name} | {counts['n']} | {who} | {costs} | "
                  f"{counts['false_positive']} | {counts['false_negative']} |")
    mine, theirs = result["all"]["ours"], result["all"]["math_verify"]
    result["mean_ratio"] = theirs["mean_us"] / mine["mean_us"]
    result["p99_ratio"] = theirs["p99_us"] / mine["p99_us"]
    fewer = all(mine[kind] < theirs[kind] for kind in ("false_positive", "false_negative"))
    print(f"\n{result['mean_ratio']:,.0f} times at the mean (wanted: 500), "
          f"{result['p99_ratio']:,.0f} times at p99 (wanted: 1,000), "
          f"{'fewer' if fewer else 'NOT fewer'} wrong verdicts of either kind")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(result) + "\n")
    return 0 if result["mean_ratio"] >= 500 and result["p99_ratio"] >= 1000 and fewer else 1


if __name__ == "__main__":
    sys.exit(main())
