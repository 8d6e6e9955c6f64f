#!/usr/bin/env python3
"""The trainer's operations beside PyTorch's eager ones: processor seconds of each, forward and backward, and their ratio.

    build/deps/python-test/bin/python3 bench/train_ops_bench.py [--model 135m|20m] [--type bf16|f32] [--threads N]

PyTorch does what Transformers' Llama does: RMSNorm in f32, rotate_half, silu(gate) * up, scaled_dot_product_attention a sequence at a time,
F.linear, cross-entropy on logits in f32, fused AdamW on f32. Both sides run in turns, the least of the repetitions counts.
"""
import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

BORDERS = [0, 300, 640, 900, 1221, 1500, 1790, 2048]
SHAPES = {"135m": (576, 1536, 9, 3, 64, 49152), "20m": (384, 1024, 6, 6, 64, 8192)}


def least(f, budget):
    f()
    best, spent = 1e30, 0.0
    count = 0
    while count < 3 or spent < budget:
        begin = time.process_time()
        f()
        took = time.process_time() - begin
        best, spent, count = min(best, took), spent + took, count + 1
    return best


def forward_and_backward(name, f, inputs, budget, seconds):
    """f() of inputs; the backward alone is what its graph takes."""
    if not name_wanted(name):
        return
    for x in inputs:
        x.requires_grad_(True)
    gradient = None

    def forward():
        nonlocal out
        out = f()

    out = f()
    gradient = torch.randn_like(out)
    seconds[name + " forward"] = least(forward, budget)

    def backward():
        for x in inputs:
            x.grad = None
        out.backward(gradient, retain_graph=True)

    seconds[name + " backward"] = least(backward, budget)


def name_wanted(name):
    return ARGS.only in name


def torch_seconds(model, dtype, budget):
    hidden, ff, heads, kv_heads, head_dim, vocabulary = SHAPES[model]
    tokens, seconds = 2048, {}

    def random(*sizes):
        return torch.randn(*sizes).to(dtype)

    x, delta, weight = random(tokens, hidden), random(tokens, hidden), random(hidden)

    def norm():
        h = (x + delta).float()
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-5)
        return weight * h.to(dtype)

    forward_and_backward("norm", norm, [x, delta, weight], budget, seconds)
    gate, up = random(tokens, ff), random(tokens, ff)
    forward_and_backward("swiglu", lambda: F.silu(gate) * up, [gate, up], budget, seconds)
    q, k = random(1, heads, tokens, head_dim), random(1, kv_heads, tokens, head_dim)
    angles = torch.randn(1, 1, tokens, head_dim // 2).repeat(1, 1, 1, 2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)

    def rope():
        def turn(z):
            half = z.shape[-1] // 2
            return z * cos + torch.cat((-z[..., half:], z[..., :half]), -1) * sin
        return torch.cat((turn(q), turn(k)), 1)

    forward_and_backward("rope", rope, [q, k], budget, seconds)
    for name, borders in (("attention 7x~300", BORDERS), ("attention 1x2048", [0, 2048])):
        parts = [[random(1, n, b - a, head_dim) for n in (heads, kv_heads, kv_heads)] for a, b in zip(borders, borders[1:])]

        def attention():
            outs = []
            for pq, pk, pv in parts:
                group = heads // kv_heads
                if group > 1:
                    pk, pv = pk.repeat_interleave(group, 1), pv.repeat_interleave(group, 1)
                outs.append(F.scaled_dot_product_attention(pq, pk, pv, is_causal=True))
            return torch.cat(outs, 2)

        forward_and_backward(name, attention, [t for part in parts for t in part], budget, seconds)
    for name, inner, width in (("qkv", hidden, (heads + 2 * kv_heads) * head_dim), ("gate_up", hidden, 2 * ff), ("down", ff, hidden)):
        a, w, d = random(tokens, inner), random(width, inner), random(tokens, width)
        total = torch.zeros(width, inner, dtype=dtype)
        with torch.no_grad():
            if name_wanted("linear " + name):
                seconds[f"linear {name} forward"] = least(lambda: F.linear(a, w), budget)
                seconds[f"linear {name} input"] = least(lambda: d @ w, budget)
                seconds[f"linear {name} weight"] = least(lambda: total.add_(d.t() @ a), budget)  # what .grad accumulates
    if name_wanted("cross-entropy both"):
        head, h = random(vocabulary, hidden).requires_grad_(True), (random(tokens, hidden) * 0.05).requires_grad_(True)
        targets = torch.randint(vocabulary, (tokens,))

        def loss():
            F.cross_entropy(F.linear(h, head).float(), targets, reduction="sum").backward()

        seconds["cross-entropy both"] = least(loss, budget)
    if name_wanted("embedding both"):
        table, ids = random(vocabulary, hidden).requires_grad_(True), torch.randint(vocabulary, (tokens,))

        def embed():
            F.embedding(ids, table).backward(x.detach())

        seconds["embedding both"] = least(embed, budget)
    if name_wanted("adamw f32 moments, 8M"):
        p = torch.randn(8 << 20, requires_grad=True)
        p.grad = torch.randn(8 << 20)
        optimizer = torch.optim.AdamW([p], fused=True)
        seconds["adamw f32 moments, 8M"] = least(optimizer.step, budget)
        seconds["adamw bf16 moments, 8M"] = seconds["adamw int8 moments, 8M"] = seconds["adamw f32 moments, 8M"]
    return seconds


def main():
    global ARGS
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="135m", choices=SHAPES)
    parser.add_argument("--type", default="bf16", choices=("bf16", "f32"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kernels", default="")
    parser.add_argument("--binary", default=str(Path(__file__).resolve().parent.parent / "build/release/bin/train_ops_bench"))
    ARGS = parser.parse_args()
    torch.set_num_threads(ARGS.threads)
    torch.manual_seed(1)
    ours, theirs, rate = {}, {}, {}
    for _ in range(ARGS.rounds):
        for line in subprocess.run([ARGS.binary, "--model", ARGS.model, "--type", ARGS.type, "--threads", str(ARGS.threads), "--only", ARGS.only,
                                    "--seconds", str(ARGS.seconds), "--kernels", ARGS.kernels], check=True, capture_output=True,
                                   text=True).stdout.splitlines():
            row = json.loads(line)
            ours[row["op"]] = min(row["seconds"], ours.get(row["op"], 1e30))
            rate[row["op"]] = max(row["gflops"], rate.get(row["op"], 0))
        for op, value in torch_seconds(ARGS.model, torch.bfloat16 if ARGS.type == "bf16" else torch.float32, ARGS.seconds).items():
            theirs[op] = min(value, theirs.get(op, 1e30))
    print(f"model {ARGS.model}, {ARGS.type}, 2048 tokens, {ARGS.threads} thread(s); processor milliseconds")
    print("| operation | here | PyTorch | times | GFLOP/s here |\n|---|---:|---:|---:|---:|")
    for op, value in ours.items():
        other = theirs.get(op)
        print(f"| {op} | {value * 1e3:.2f} | " + (f"{other * 1e3:.2f} | {other / value:.2f}" if other else "- | -") +
              f" | {rate[op] or 0:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
