"""Tokenizers of every kind, and what Hugging Face's `tokenizers` and `sentencepiece` make of a large corpus.

    make_tokenizers.py FOLDER SHARED

texts.bin: the texts, each a 32-bit length and its bytes. For each tokenizer NAME: the folder NAME/ in Hugging Face's form, and
NAME.ids: for each text a 32-bit count and the ids. NAME.space: the tokenizer puts a space before a text, "always" or "unless there is one".

    make_tokenizers.py --again FOLDER

Loads FOLDER/again/NAME/tokenizer.json of each NAME there and fails where it gives other ids than NAME.ids, on every 37th text.
"""

import array
import json
import pathlib
import shutil
import struct
import sys
import unicodedata

import sentencepiece
import tokenizers
import transformers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPECIALS = ["<|begin|>", "<|end|>", "<|code|>"]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)


def corpus(shared):
    """Every string of the training sets and of the transcripts, once, and some that nobody would ask."""
    seen = {}
    for path in sorted((shared / "corpora/train").glob("*.jsonl")) + sorted((shared / "transcripts").glob("*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                for text in strings(json.loads(line)):
                    seen[text] = True
    texts = [text for text in seen if text]
    odd = ["\n", "\n\n\n", " ", "   ", "\t\tx\t", "a  b   c    d", " lead", "trail   ", "line\r\nline\r\n\r\n", "x\n  y\n\n    z\n", "1234567890",
           "½ ² ٣ Ⅳ 〇 १२३", "naïve café Ω≈ç√", "你好，世界 123", "日本語のテキスト", "مرحبا 123", "हिन्दी", "🙂🧮👩‍👩‍👧‍👦", "I'll we'Re DON'T it's", "ünïcödé\u00a0nbsp\u2003em",
           "\\frac{1}{2}\\cdot\\sqrt{3}", "def f(x):\n\treturn x**2\n", "<s> </s> <unk> <0x0A>", "a\u0301e\u0308", "\u200b\u200d\ufeff", "!!!???...", "''''", "_____", "x" * 2000, "= " * 500]
    texts += [text for text in odd if text not in seen]
    return texts


def byte_level(name, folder, words, texts, normalizer=None, ignore_merges=False):
    tokenizer = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = words
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=3000, special_tokens=SPECIALS[:1], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts[::7], trainer)
    # As in the published models: some special tokens stand behind the vocabulary.
    tokenizer.add_special_tokens(SPECIALS[1:])
    (folder / name).mkdir()
    tokenizer.save(str(folder / name / "tokenizer.json"))
    if name == "gpt2":  # merges as strings, as older files have them
        path = folder / name / "tokenizer.json"
        content = json.loads(path.read_text())
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        path.write_text(json.dumps(content))
    (folder / name / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>", "add_bos_token": False}))
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def write_ids(path, ids):
    flat = array.array("i")
    for one in ids:
        flat.append(len(one))
        flat.extend(one)
    path.write_bytes(flat.tobytes())


def batches(tokenizer, texts):
    tokenizer.encode_special_tokens = True  # "</s>" in a text is text: ours never makes a control token of it
    for at in range(0, len(texts), 4096):
        for encoding in tokenizer.encode_batch_fast(texts[at : at + 4096], add_special_tokens=False):
            yield encoding.ids


def again(folder):
    content, texts, at = (folder / "texts.bin").read_bytes(), [], 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at)
        texts.append(content[at + 4 : at + 4 + length].decode())
        at += 4 + length
    for path in sorted((folder / "again").iterdir()):
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json")).backend_tokenizer
        tokenizer.encode_special_tokens = True
        flat, ids, at = array.array("i", (folder / f"{path.name}.ids").read_bytes()), [], 0
        while at < len(flat):
            ids.append(flat[at + 1 : at + 1 + flat[at]].tolist())
            at += 1 + flat[at]
        chosen = [i for i in range(0, len(texts), 37) if path.name != "spm_json" or not texts[i].startswith(" ")]
        encodings = tokenizer.encode_batch_fast([texts[i] for i in chosen], add_special_tokens=False)
        wrong = [i for i, encoding in zip(chosen, encodings) if encoding.ids != ids[i]]
        print(f"{path.name}: {len(chosen)} texts, {len(wrong)} differ", wrong[:10])
        if wrong:
            sys.exit(f"{path.name}: text {wrong[0]} {texts[wrong[0]][:200]!r} has other ids")


def main():
    if sys.argv[1] == "--again":
        return again(pathlib.Path(sys.argv[2]))
    folder, shared = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    texts = corpus(shared)
    with open(folder / "texts.bin", "wb") as out:
        for text in texts:
            data = text.encode()
            out.write(struct.pack("<I", len(data)) + data)

    made = {
        "llama3": byte_level("llama3", folder, split(LLAMA3), texts, ignore_merges=True),
        "qwen2": byte_level("qwen2", folder, split(QWEN2), texts, normalizer=normalizers.NFC()),
        "smollm": byte_level("smollm", folder, pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]), texts),
        "gpt2": byte_level("gpt2", folder, pre_tokenizers.ByteLevel(add_prefix_space=False), texts),
    }
    ours = shared / "models/mathematics-7m/hf"
    if ours.exists():
        (folder / "mathematics").mkdir()
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(ours / name, folder / "mathematics" / name)
        made["mathematics"] = tokenizers.Tokenizer.from_file(str(ours / "tokenizer.json"))
    for name, tokenizer in made.items():
        write_ids(folder / f"{name}.ids", batches(tokenizer, texts))

    # Llama 2's settings. The model file alone, with sentencepiece as the judge; and the tokenizer.json that Transformers makes of it.
    lines = folder / "lines.txt"
    lines.write_text("\n".join(line for text in texts[::7] for line in text.split("\n") if 0 < len(line) < 1000))
    (folder / "spm_model").mkdir()
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(folder / "spm_model/tokenizer"), model_type="bpe", vocab_size=3000, byte_fallback=True, split_digits=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, character_coverage=0.9999,
        num_threads=2, minloglevel=2)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm_model/tokenizer.model"))
    write_ids(folder / "spm_model.ids", processor.encode(texts))
    (folder / "spm_model.space").write_text("always")
    lines.unlink()

    converted = transformers.LlamaTokenizer.from_pretrained(folder / "spm_model")
    converted.save_pretrained(folder / "spm_json")
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "spm_json/tokenizer.json"))
    write_ids(folder / "spm_json.ids", batches(tokenizer, texts))
    (folder / "spm_json.space").write_text("unless there is one")
    # What a normaliser changes cannot agree: those texts are named, not dropped.
    (folder / "not_nfc.json").write_text(json.dumps([i for i, text in enumerate(texts) if not unicodedata.is_normalized("NFC", text)]))


if __name__ == "__main__":
    main()
