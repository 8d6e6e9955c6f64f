"""Random tiny models: Transformers computes their logits, and this writes both the logits and the same weights as GGUF.

    make_reference.py FOLDER

For each model NAME in the folder: NAME.gguf, and NAME.json with {"tokens": [...], "logits": [[...] of each token],
"greedy": [...]} (what generate() says after the tokens). Weights and arithmetic are 32-bit floats. The record of `adapted` is that
of the model with adapter.gguf merged into it; its own file is without.
"""

import json
import pathlib
import struct
import sys

import torch
import transformers

VOCABULARY = 320
TOKENS = 96
GREEDY = 24


class Gguf:
    """The little of the format (version 3) that is needed: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""

    ALIGNMENT = 32

    def __init__(self):
        self.keys = []
        self.tensors = []

    @staticmethod
    def _text(value):
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def key(self, name, value):
        if isinstance(value, bool):
            packed = struct.pack("<IB", 7, value)
        elif isinstance(value, int):
            packed = struct.pack("<II", 4, value)
        elif isinstance(value, float):
            packed = struct.pack("<If", 6, value)
        elif isinstance(value, str):
            packed = struct.pack("<I", 8) + self._text(value)
        elif isinstance(value[0], str):
            packed = struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(self._text, value))
        elif isinstance(value[0], float):
            packed = struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)
        else:
            packed = struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
        self.keys.append(self._text(name) + packed)

    def tensor(self, name, value):
        value = value.detach().to(torch.float32).contiguous()
        self.tensors.append((name, value))

    def write(self, path):
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.keys)) + b"".join(self.keys)
        data = b""
        for name, value in self.tensors:
            shape = list(reversed(value.shape))
            head += self._text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", 0, len(data))
            data += value.numpy().tobytes()
            data += b"\0" * (-len(data) % self.ALIGNMENT)
        path.write_bytes(head + b"\0" * (-len(head) % self.ALIGNMENT) + data)


def interleave_halves(weight, heads):
    """Hugging Face turns element i of a head with element i + half; GGUF's `llama` turns neighbours. Same rotation, other order."""
    rows, width = weight.shape
    return weight.view(heads, 2, rows // heads // 2, width).transpose(1, 2).reshape(rows, width)


def write_gguf(model, config, architecture, path):
    out = Gguf()
    out.key("general.architecture", architecture)
    out.key("general.name", path.stem)
    out.key("general.file_type", 0)
    prefix = architecture + "."
    out.key(prefix + "context_length", config.max_position_embeddings)
    out.key(prefix + "embedding_length", config.hidden_size)
    out.key(prefix + "block_count", config.num_hidden_layers)
    out.key(prefix + "feed_forward_length", config.intermediate_size)
    out.key(prefix + "attention.head_count", config.num_attention_heads)
    out.key(prefix + "attention.head_count_kv", config.num_key_value_heads)
    out.key(prefix + "attention.layer_norm_rms_epsilon", float(config.rms_norm_eps))
    out.key(prefix + "rope.dimension_count", config.hidden_size // config.num_attention_heads)
    out.key(prefix + "rope.freq_base", float(config.rope_parameters["rope_theta"]))
    texts = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    texts += [f"w{i}" for i in range(len(texts), VOCABULARY)]
    out.key("tokenizer.ggml.model", "llama")
    out.key("tokenizer.ggml.tokens", texts)
    out.key("tokenizer.ggml.scores", [-float(i) for i in range(VOCABULARY)])
    out.key("tokenizer.ggml.token_type", [2, 3, 3] + [6] * 256 + [1] * (VOCABULARY - 259))
    out.key("tokenizer.ggml.bos_token_id", 1)
    out.key("tokenizer.ggml.eos_token_id", 2)

    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for name, value in model.state_dict().items():
        if name in names:
            out.tensor(names[name], value)
            continue
        _, _, layer, rest = name.split(".", 3)
        part, kind = rest.rsplit(".", 1)
        if architecture == "llama" and part.endswith("q_proj"):
            value = interleave_halves(value, config.num_attention_heads)
        if architecture == "llama" and part.endswith("k_proj"):
            value = interleave_halves(value, config.num_key_value_heads)
        out.tensor(f"blk.{layer}.{names[part]}.{kind}", value)
    out.write(path)


def write_adapter(model, config, folder, rank=4, alpha=8.0):
    """A LoRA adapter of three matrices, which are merged into the model itself. GGUF keeps A and B apart, with B's rows permuted as
    those of the matrix."""
    out = Gguf()
    out.key("general.architecture", "llama")
    out.key("general.type", "adapter")
    out.key("adapter.type", "lora")
    out.key("adapter.lora.alpha", alpha)
    state = model.state_dict()
    for theirs, name in (("self_attn.q_proj", "attn_q"), ("self_attn.v_proj", "attn_v"), ("mlp.down_proj", "ffn_down")):
        weight = state[f"model.layers.1.{theirs}.weight"]
        a = torch.randn(rank, weight.shape[1]) * 0.1
        b = torch.randn(weight.shape[0], rank)
        weight += (alpha / rank) * (b @ a)
        out.tensor(f"blk.1.{name}.weight.lora_a", a)
        out.tensor(f"blk.1.{name}.weight.lora_b", interleave_halves(b, config.num_attention_heads) if name == "attn_q" else b)
    out.write(folder / "adapter.gguf")


def make(name, architecture, model_class, config, folder, adapted=False):
    torch.manual_seed(20231005)
    model = model_class(config).to(torch.float32).eval()
    with torch.no_grad():
        # The initial weights are so small that every logit is nearly the same; a test of agreement needs differences.
        for key, value in model.state_dict().items():
            if value.dim() == 2:
                value.normal_(0, 1.5 / value.shape[1] ** 0.5)
            elif key.endswith("bias"):
                value.normal_(0, 0.5)
            else:
                value.uniform_(0.5, 1.5)
    tokens = torch.randint(3, VOCABULARY, (1, TOKENS))
    write_gguf(model, config, architecture, folder / f"{name}.gguf")
    if adapted:
        with torch.no_grad():
            write_adapter(model, config, folder)
    with torch.no_grad():
        logits = model(tokens).logits[0]
        longer = tokens
        for _ in range(GREEDY):
            longer = torch.cat([longer, model(longer).logits[:, -1:].argmax(-1)], dim=1)
    record = {"tokens": tokens[0].tolist(), "logits": logits.tolist(), "greedy": longer[0, TOKENS:].tolist()}
    (folder / f"{name}.json").write_text(json.dumps(record))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    shape = dict(
        vocab_size=VOCABULARY, hidden_size=64, intermediate_size=176, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, attn_implementation="eager",
    )
    # Code Llama's base of the rotary embedding is 1e6, Llama 2's 1e4.
    for name, theta in (("llama", 1e4), ("codellama", 1e6)):
        config = transformers.LlamaConfig(**shape, rms_norm_eps=1e-5, tie_word_embeddings=False,
                                          rope_parameters={"rope_type": "default", "rope_theta": theta})
        make(name, "llama", transformers.LlamaForCausalLM, config, folder)
    make("adapted", "llama", transformers.LlamaForCausalLM, config, folder, adapted=True)
    config = transformers.Qwen2Config(**shape, rms_norm_eps=1e-6, tie_word_embeddings=False,
                                      rope_parameters={"rope_type": "default", "rope_theta": 1e6})
    make("qwen2", "qwen2", transformers.Qwen2ForCausalLM, config, folder)


if __name__ == "__main__":
    main()
