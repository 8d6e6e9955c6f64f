#!/usr/bin/env python3
"""`mathcoder convert` and `mathcoder tokenizer train` as a person uses them. Settings: as in program_test.py."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from program_test import BIN, EXAMPLE, EXAMPLE_ANSWER, MODEL, ROOT, SHARED, needs_shared, run  # noqa: E402

HF = SHARED / "models/mathematics-7m/hf"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Scratch(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mathcoder-weights-")
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)

    def ok(self, *args, **kwargs):
        done = run(*args, **kwargs)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def refused(self, code, *args):
        done = run(*args)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, code, message)
        self.assertEqual(message.count("\n"), 1, message)
        return message


class Convert(Scratch):
    def test_help_names_both_directions(self):
        text = self.ok("convert", "--help")
        for word in ("--outtype", "q4_k_m", "--add-dialect-tokens", "model.gguf model-hf"):
            self.assertIn(word, text)

    @needs_shared
    def test_the_shared_model_there_and_back_and_solving(self):
        said = self.ok("convert", HF, self.path / "m.gguf")
        self.assertIn("74 tensors", said)
        self.assertIn("dialect mathcoder", said)
        self.ok("convert", self.path / "m.gguf", self.path / "back")
        for name in ("model.safetensors", "config.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
            self.assertEqual(digest(self.path / "back" / name), digest(HF / name), name)
        for kind in ("", "q8_0"):
            file = self.path / "m.gguf"
            if kind:
                file = self.path / "q.gguf"
                self.ok("convert", HF, file, "--outtype", kind)
            self.assertIn(f"Answer: {EXAMPLE_ANSWER}", self.ok("solve", "-m", file, EXAMPLE))
        self.ok("convert", HF, self.path / "k.gguf", "--outtype", "Q4_K_M")
        self.assertLess((self.path / "k.gguf").stat().st_size, (self.path / "q.gguf").stat().st_size)
        self.assertIn("Answer:", self.ok("solve", "-m", self.path / "k.gguf", "--max-tokens", "200", EXAMPLE))
        self.assertFalse([p for p in self.path.iterdir() if ".part" in p.name or "unquantised" in p.name])

    def test_wrong_input_is_one_line(self):
        self.assertIn("cannot be read", self.refused(3, "convert", self.path / "none", self.path / "m.gguf"))
        self.assertIn("holds no config.json", self.refused(3, "convert", self.path, self.path / "m.gguf"))
        self.assertIn("both names are GGUF", self.refused(2, "convert", MODEL, self.path / "m.gguf"))
        self.assertIn("exists already", self.refused(5, "convert", MODEL, ROOT / "src"))

    @needs_shared
    def test_an_interrupt_leaves_nothing(self):
        process = subprocess.Popen([BIN, "convert", str(HF), str(self.path / "m.gguf"), "--outtype", "q5_k_m"], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not list(self.path.iterdir()) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        if process.returncode == 0:  # done before the signal came
            self.assertEqual([p.name for p in self.path.iterdir()], ["m.gguf"])
            return
        self.assertEqual(process.returncode, 130)
        self.assertEqual(list(self.path.iterdir()), [])


def tokenizers_python():
    for python in (os.environ.get("MATHCODER_TOKENIZERS_PYTHON"), ROOT / "build/deps/python/tokenizers/bin/python3", ROOT / "build/deps/python-test/bin/python3"):
        if python and Path(python).exists():
            return python
    return None


@unittest.skipUnless(tokenizers_python(), "SKIPPED: no Python with `tokenizers` (scripts/make-tokenizer-python)")
class Tokenizer(Scratch):
    @needs_shared
    def test_learns_the_same_vocabulary_twice(self):
        corpus = [SHARED / "corpora/train/gsm8k.jsonl", SHARED / "transcripts/MathCoder-L-7b/GSM8K-correct.jsonl"]
        said = self.ok("tokenizer", "train", "--corpus", *corpus, "--vocab-size", "2048", "--out", self.path / "one")
        self.assertIn("2048 tokens learnt", said)
        self.assertIn("agree between tokenizers and llama.cpp", said)
        self.ok("tokenizer", "train", "--corpus", *corpus, "--vocab-size", "2048", "--out", self.path / "two", "-q")
        for name in ("tokenizer.json", "tokenizer_config.json"):
            self.assertEqual(digest(self.path / "one" / name), digest(self.path / "two" / name), name)
        content = json.loads((self.path / "one/tokenizer.json").read_text())
        added = {token["content"]: token["id"] for token in content["added_tokens"]}
        self.assertEqual(added["<|pad|>"], 0)
        self.assertEqual(sorted(added.values()), list(range(10)))
        self.assertIn("<|execution|>", added)
        self.assertFalse([token for token in content["model"]["vocab"] if any(c.isdigit() for c in token) and len(token) > 1 and token not in added])

    def test_plain_text_and_wrong_input(self):
        text = self.path / "corpus.txt"
        text.write_text("What is 12 + 30?\n\nIt is 42, and that is what it is.\n" * 50 + "Different words follow in other lines, numbering more than before.\n")
        self.ok("tokenizer", "train", "--corpus", text, "--vocab-size", "300", "--out", self.path / "out", "-q")
        self.assertIn("too small", self.refused(3, "tokenizer", "train", "--corpus", text, "--vocab-size", "100", "--out", self.path / "x"))
        self.assertIn("exists already", self.refused(5, "tokenizer", "train", "--corpus", text, "--vocab-size", "300", "--out", self.path / "out"))
        bad = self.path / "bad.jsonl"
        bad.write_text('{"question": "fine"}\n{"other": 1}\n')
        self.assertIn("bad.jsonl:2: has no text in", self.refused(3, "tokenizer", "train", "--corpus", bad, "--vocab-size", "300", "--out", self.path / "x"))
        self.assertEqual(sorted(p.name for p in self.path.iterdir()), ["bad.jsonl", "corpus.txt", "out"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
