#!/usr/bin/env python3
"""The loop's own time for a block of code: what is neither the engine's nor the sandbox's when published transcripts are replayed one
at a time. Wanted: below 1 ms."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin/mathcoder"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", help="write the numbers as JSON")
    arguments = parser.parse_args()
    files = sorted((SHARED / "transcripts").glob("*/simuleq-correct.jsonl"))
    if not files:
        sys.exit(f"loop_bench: no transcripts under {SHARED}; set MATHCODER_SHARED")
    times = []
    for _ in range(arguments.repeats):
        text = subprocess.run([arguments.bin, "replay", "-q", "-j", "1", *map(str, files)], capture_output=True, text=True, check=True).stdout
        times.append(float(re.search(r"the loop's own ([0-9.]+) ms a block", text).group(1)))
    result = {"loop_ms_per_block": statistics.median(times), "all": times, "transcript_files": len(files)}
    print(f"the loop's own: {result['loop_ms_per_block']:.3f} ms a block (median of {len(times)}: {', '.join(f'{t:.3f}' for t in times)})")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(result) + "\n")
    return 0 if result["loop_ms_per_block"] < 1 else 1


if __name__ == "__main__":
    sys.exit(main())
