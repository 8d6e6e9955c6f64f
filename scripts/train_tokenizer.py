#!/usr/bin/env python3
"""Learns a byte-level BPE with Hugging Face's `tokenizers`; `mathcoder tokenizer train` starts it (src/weights/train_tokenizer.cc).

    train_tokenizer.py FOLDER

FOLDER holds settings.json {"vocab_size", "specials", "sample", "progress"} and corpus.jsonl (a JSON string a line). Written are
tokenizer/tokenizer.json, and sample.jsonl with {"text", "ids"} of texts spread evenly over the corpus.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers


def main():
    folder = pathlib.Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text())
    tokenizer = Tokenizer(models.BPE())
    # llama.cpp knows this rule as `smollm`: every digit alone, then GPT-2's words.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings["vocab_size"], special_tokens=settings["specials"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=settings["progress"])

    def texts():
        with open(folder / "corpus.jsonl", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    tokenizer.train_from_iterator(texts(), trainer)
    size = tokenizer.get_vocab_size()
    if size < settings["vocab_size"]:
        sys.exit(f"the corpus has only {size} tokens to learn, {settings['vocab_size']} were asked for; give more text or a smaller --vocab-size")
    tokenizer.save(str(folder / "tokenizer/tokenizer.json"))

    count = sum(1 for _ in texts())
    step = max(1, count // settings["sample"])
    tokenizer.encode_special_tokens = True  # what a text spells is text
    with open(folder / "sample.jsonl", "w", encoding="utf-8") as out:
        for i, text in enumerate(texts()):
            if i % step == 0:
                out.write(json.dumps({"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}) + "\n")


if __name__ == "__main__":
    main()
