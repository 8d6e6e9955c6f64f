"""Random tiny models as Hugging Face folders, and what Transformers computes with them.

    make_models.py FOLDER          writes NAME/ and NAME.json {"tokens", "logits"} for each model
    make_models.py --check FOLDER...  prints of each {"tokens": {special: id}, "ids", "size", "rows", "logits"} as Transformers loads it
"""

import json
import pathlib
import sys

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

TOKENS = 64
TEXT = "Let x = 12.5; what is 3*x + 7?\nIt's 44.5, isn't it?"


def write_tokenizer(folder, rows):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=rows - 4, special_tokens=["<|pad|>", "<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(["the value of this is what it is, and that is the value of it; let us see what is left when other numbers were written down there"] * 4, trainer)
    assert tokenizer.get_vocab_size() == rows - 4
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>").save_pretrained(folder)


def make(name, model_class, config, folder, dtype=torch.float32, shard="1GB"):
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
    model.to(dtype).save_pretrained(folder / name, max_shard_size=shard)
    write_tokenizer(folder / name, config.vocab_size)
    # Read again: `to` has rounded the rotary frequencies as well.
    model = model_class.from_pretrained(folder / name, dtype=torch.float32, attn_implementation="eager").eval()
    tokens = torch.randint(3, config.vocab_size, (1, TOKENS))
    with torch.no_grad():
        logits = model(tokens).logits[0]
    (folder / f"{name}.json").write_text(json.dumps({"tokens": tokens[0].tolist(), "logits": logits.tolist()}))


def check(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer.encode(TEXT, add_special_tokens=False)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    added = {token.content: id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    return {"tokens": added, "ids": ids, "size": len(tokenizer), "rows": model.get_input_embeddings().weight.shape[0], "logits": logits.tolist()}


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    if sys.argv[1] == "--check":
        return print("CHECKED" + json.dumps([check(folder) for folder in sys.argv[2:]]))
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    shape = dict(
        vocab_size=300, hidden_size=64, intermediate_size=176, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, bos_token_id=None, eos_token_id=1, pad_token_id=0, attn_implementation="eager")
    plain = {"rope_type": "default", "rope_theta": 1e4}
    llama3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
    Llama, LlamaConfig = transformers.LlamaForCausalLM, transformers.LlamaConfig
    make("llama", Llama, LlamaConfig(**shape, rms_norm_eps=1e-5, tie_word_embeddings=False, rope_parameters=plain), folder)
    make("tied_bf16", Llama, LlamaConfig(**shape, tie_word_embeddings=True, rope_parameters=plain), folder, torch.bfloat16)
    make("llama3_rope_f16", Llama, LlamaConfig(**shape, tie_word_embeddings=False, rope_parameters=llama3), folder, torch.float16, shard="100KB")
    make("linear_rope", Llama, LlamaConfig(**shape, tie_word_embeddings=False, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}), folder)
    make("biases", Llama, LlamaConfig(**shape, tie_word_embeddings=False, attention_bias=True, mlp_bias=True, head_dim=24, rope_parameters=plain), folder)
    make("mistral", transformers.MistralForCausalLM, transformers.MistralConfig(**shape, sliding_window=256, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 1e6}), folder)
    make("qwen2", transformers.Qwen2ForCausalLM, transformers.Qwen2Config(**shape, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 1e6}), folder)


if __name__ == "__main__":
    main()
