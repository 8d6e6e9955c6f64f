"""What the tests of `mathcoder train` share: the program, a folder of a tiny model and its tokenizer, transcripts made here."""
import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = os.environ.get("MATHCODER_BIN", str(ROOT / "build/release/bin/mathcoder"))
SHARED = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared"))
MODEL = ROOT / "models/mathematics-7m-f16.gguf"


def mathcoder(*words, timeout=600, **options):
    return subprocess.run([BIN, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False, **options)


def small_config(folder, **changes):
    """A Llama of some 200,000 parameters over the default model's vocabulary."""
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 160,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "hidden_act": "silu",
              "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True,
              "vocab_size": 2048, "torch_dtype": "float32", **changes}
    path = folder / "small.config.json"
    path.write_text(json.dumps(config))
    return path


def tokenizer_folder(folder):
    """The default model as a Hugging Face folder, made once by our converter."""
    target = folder / "mathematics-7m"
    if not target.exists():
        result = mathcoder("convert", MODEL, target)
        assert result.returncode == 0, result.stderr
    return target


def transcripts(path, count, seed=1):
    """Sums and products, solved in blocks."""
    rng = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        for i in range(count):
            a, b = rng.randrange(2, 99), rng.randrange(2, 99)
            sign, value = rng.choice([("+", a + b), ("*", a * b)])
            blocks = [("text", "Let's solve this problem with Python."), ("code", f"print({a} {sign} {b})"),
                      ("execution", str(value)), ("text", f"The answer is $\\boxed{{{value}}}$.")]
            file.write(json.dumps({"id": i, "messages": [
                {"role": "user", "content": f"What is {a} {sign} {b}?"},
                {"role": "assistant", "content": [{"type": kind, "content": text} for kind, text in blocks]}],
                "ground_truth": {"answer": str(value)}}) + "\n")
    return path


def configuration(path, **keys):
    """Dots in a key are written as __."""
    tree = {}
    for key, value in keys.items():
        at = tree
        *groups, last = key.split("__")
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = str(value) if isinstance(value, Path) else value
    path.write_text(json.dumps(tree))  # JSON is YAML
    return path


def sha256_of(folder):
    """Of a result's weights."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(Path(folder).glob("*.safetensors"))}


def metrics(run):
    with open(Path(run) / "metrics.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def losses(run):
    return {record["step"]: record["loss"] for record in metrics(run) if "loss" in record}
