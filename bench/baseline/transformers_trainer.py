"""The peer of bench/train_bench.py: Transformers' Trainer over the same rows, with the best settings that it has on a CPU.

    transformers_trainer.py CONFIG.json ROWS.jsonl --steps N --rows-per-step R [--pure-bf16]

ROWS.jsonl: one packed row a line, {"ids", "labels" (-100 where nothing is learnt), "positions"}. Packing without padding: positions that
restart make Transformers build a mask of blocks for SDPA. bf16 by autocast over f32 weights (the Trainer's bf16=True), which keeps f32
masters as ours does; --pure-bf16 has no masters and learns less well. AdamW fused. Prints one JSON line: seconds of each step, tokens, peak memory.
"""
import argparse
import json
import time

import torch
import transformers


class Rows(torch.utils.data.Dataset):
    def __init__(self, path):
        self.rows = [json.loads(line) for line in open(path, encoding="utf-8")]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        return {"input_ids": torch.tensor(row["ids"]), "labels": torch.tensor(row["labels"]), "position_ids": torch.tensor(row["positions"])}


def collate(rows):
    assert len(rows) == 1
    return {key: value.unsqueeze(0) for key, value in rows[0].items()}


class Clock(transformers.TrainerCallback):
    def __init__(self):
        self.marks, self.losses = [], []

    def on_step_begin(self, args, state, control, **kwargs):
        if not self.marks:
            self.marks.append(time.perf_counter())

    def on_step_end(self, args, state, control, **kwargs):
        self.marks.append(time.perf_counter())

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


def peak_bytes():
    for line in open("/proc/self/status", encoding="utf-8"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("rows")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--rows-per-step", type=int, default=1)
    parser.add_argument("--pure-bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(1)
    config = transformers.AutoConfig.from_pretrained(args.config)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa",
                                                          torch_dtype=torch.bfloat16 if args.pure_bf16 else torch.float32)
    clock = Clock()
    settings = transformers.TrainingArguments(
        output_dir="/tmp/unused", max_steps=args.steps, per_device_train_batch_size=1, gradient_accumulation_steps=args.rows_per_step,
        learning_rate=1e-4, weight_decay=0.0, lr_scheduler_type="constant", bf16=not args.pure_bf16, optim="adamw_torch_fused", use_cpu=True,
        report_to=[], save_strategy="no", logging_steps=1, disable_tqdm=True, dataloader_num_workers=0, max_grad_norm=1.0,
        torch_compile=args.compile)
    rows = Rows(args.rows)
    trainer = transformers.Trainer(model=model, args=settings, train_dataset=rows, data_collator=collate, callbacks=[clock])
    trainer.train()
    print(json.dumps({"seconds": [b - a for a, b in zip(clock.marks, clock.marks[1:])],
                      "tokens": sum(len(row["ids"]) for row in rows.rows) / len(rows) * args.rows_per_step, "peak": peak_bytes(),
                      "parameters": sum(p.numel() for p in model.parameters()), "losses": clock.losses}))


if __name__ == "__main__":
    main()
