"""Tiny models of Transformers and PEFT, their losses, gradients and 50 steps of training, for train_reference_test.cc.

    make_reference.py make FOLDER NAME
    make_reference.py logits MODEL_FOLDER ADAPTER_FOLDER|- RECORD.json OUT.json

NAME is one of llama, qwen2, mistral, llama_lora, qwen2_lora:
    NAME/model       the model as Transformers saves it (f32)
    NAME/adapter     where the case has one: as PEFT saves it; NAME/merged: the model after merge_and_unload
    NAME/record.json {"rows": [{"ids", "targets", "weights", "borders"}], "loss", "learning_rates", "losses"}
    NAME/gradients.safetensors   of the loss of the first two rows
Sequences of a row are given to Transformers one by one, so that a packed row is checked against unpacked ones.
or bf16, f16, sharded: a model alone, for copying.
"""

import json
import math
import pathlib
import random
import sys

import peft
import safetensors.torch
import torch
import transformers

VOCABULARY = 256
STEPS = 50
ROWS_A_STEP = 2
COMMON = dict(vocab_size=VOCABULARY, hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.08, attn_implementation="eager")
OPTIMIZER = dict(betas=(0.9, 0.999), eps=1e-8)
WEIGHT_DECAY = 0.1
CLIP = 1.0


def llama(**options):
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**COMMON, **options}))


def model_of(name):
    torch.manual_seed(7)
    if name.startswith("llama"):
        scaling = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                       original_max_position_embeddings=32, rope_theta=10000.0)
        model = llama(rope_parameters=scaling, tie_word_embeddings=False)
    elif name.startswith("mistral"):
        model = transformers.MistralForCausalLM(transformers.MistralConfig(**COMMON, sliding_window=9, head_dim=24))
    else:
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(
            **COMMON, rope_parameters=dict(rope_type="default", rope_theta=1000000.0), tie_word_embeddings=True))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # norms and biases are not left at 1 and 0
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.float()


def rows_of(seed):
    draw = random.Random(seed)
    rows = []
    for _ in range(6):
        row = dict(ids=[], targets=[], weights=[], borders=[0])
        for _ in range(draw.randint(2, 4)):
            start = draw.randrange(VOCABULARY)
            length = draw.randint(3, 60)
            ids = [(start + i * i) % VOCABULARY if draw.random() < 0.8 else draw.randrange(VOCABULARY) for i in range(length)]
            row["ids"] += ids
            row["targets"] += ids[1:] + [-1]
            row["weights"] += [draw.choice([0.0, 1.0, 1.0, 0.5]) for _ in ids[1:]] + [0.0]
            row["borders"].append(len(row["ids"]))
        rows.append(row)
    return rows


def loss_of(model, rows):
    """Sum of weight * loss over the sum of weights."""
    total, weight = 0, 0
    for row in rows:
        for begin, end in zip(row["borders"], row["borders"][1:]):
            logits = model(torch.tensor([row["ids"][begin:end]]), use_cache=False).logits[0, :-1]
            weights = torch.tensor(row["weights"][begin:end - 1])
            losses = torch.nn.functional.cross_entropy(logits, torch.tensor(row["targets"][begin:end - 1]), reduction="none")
            total = total + (losses * weights).sum()
            weight += weights.sum().item()
    return total / weight


def file_name(name):
    """PEFT's name of a parameter, as the trainer names it."""
    name = name.replace(".default", "").replace(".base_layer", "").replace(".modules_to_save", "")
    return name if ".lora_" in name else name.removeprefix("base_model.model.")


def make(folder, name):
    folder = folder / name
    folder.mkdir()
    model = model_of(name)
    model.save_pretrained(folder / "model")
    if name.endswith("lora"):
        torch.manual_seed(9)
        options = dict(r=4, lora_alpha=8, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        if name.startswith("llama"):
            options.update(use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"], modules_to_save=["lm_head"])
        model = peft.get_peft_model(model, peft.LoraConfig(**options))
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if "lora_B" in key:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        model.save_pretrained(folder / "adapter")
    model.eval()
    rows = rows_of(11)
    loss = loss_of(model, rows[:ROWS_A_STEP])
    loss.backward()
    gradients = {file_name(key): p.grad.clone() for key, p in model.named_parameters() if p.requires_grad}
    safetensors.torch.save_file(gradients, folder / "gradients.safetensors")
    model.zero_grad()
    if name.endswith("lora"):
        merged = peft.PeftModel.from_pretrained(model_of(name), folder / "adapter").merge_and_unload()
        merged.save_pretrained(folder / "merged")

    learning = [p for p in model.parameters() if p.requires_grad]
    groups = [dict(params=[p for p in learning if p.dim() == 2], weight_decay=WEIGHT_DECAY),
              dict(params=[p for p in learning if p.dim() == 1], weight_decay=0.0)]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], **OPTIMIZER)
    rates = [5e-3 * min(1.0, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS)]
    losses = []
    for step, rate in enumerate(rates):
        batch = [rows[(step * ROWS_A_STEP + i) % len(rows)] for i in range(ROWS_A_STEP)]
        now = loss_of(model, batch)
        losses.append(now.item())
        now.backward()
        torch.nn.utils.clip_grad_norm_(learning, CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
    record = dict(rows=rows, loss=loss.item(), learning_rates=rates, losses=losses)
    (folder / "record.json").write_text(json.dumps(record))


def logits(model_folder, adapter_folder, record, out):
    model = transformers.AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32, attn_implementation="eager")
    if adapter_folder != "-":
        model = peft.PeftModel.from_pretrained(model, adapter_folder)
    row = json.loads(pathlib.Path(record).read_text())["rows"][0]
    with torch.no_grad():
        values = [model(torch.tensor([row["ids"][begin:end]]), use_cache=False).logits[0]
                  for begin, end in zip(row["borders"], row["borders"][1:])]
    pathlib.Path(out).write_text(json.dumps(torch.cat(values).tolist()))


def main():
    torch.set_num_threads(1)
    if sys.argv[1] == "logits":
        logits(*sys.argv[2:])
        return
    folder, name = pathlib.Path(sys.argv[2]), sys.argv[3]
    if name == "bf16":
        model_of("qwen2").bfloat16().save_pretrained(folder / name)
    elif name == "f16":
        model_of("llama").half().save_pretrained(folder / name)
    elif name == "sharded":
        model_of("mistral").bfloat16().save_pretrained(folder / name, max_shard_size="100KB")
    else:
        make(folder, name)


if __name__ == "__main__":
    main()
