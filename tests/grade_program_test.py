#!/usr/bin/env python3
"""Whole-program tests of `mathcoder grade`: what a person types, what they see, exit codes and the summary's fields.

MATHCODER_BIN names the program (ctest sets it). Cases and transcripts come from MATHCODER_SHARED (default ../shared); a test that needs
them is skipped, loudly, where it is absent.
Run one by hand: MATHCODER_BIN=... tests/grade_program_test.py Files.test_summary_file
"""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = os.environ.get("MATHCODER_BIN", str(ROOT / "build/release/bin/mathcoder"))
SHARED = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared"))
PAIRS = [
    {"gold": "1/2", "pred": "0.5", "expected": True},
    {"gold": "x^2-1", "pred": "(x-1)(x+1)", "expected": True},
    {"gold": "3", "pred": "4", "expected": False},
    {"gold": 14.0, "pred": "The answer is 14 because it is.", "expected": True},
    {"gold": "7", "pred": "", "expected": False},
]


def grade(*args, stdin=None):
    return subprocess.run([BIN, "grade", *map(str, args)], input=stdin, capture_output=True, text=True, timeout=300)


def needs_shared(test):
    return unittest.skipUnless(SHARED.is_dir(), f"SKIPPED: no shared data at {SHARED} (MATHCODER_SHARED)")(test)


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, lines):
        path = Path(self.folder.name) / name
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return path


class One(unittest.TestCase):
    def test_correct(self):
        done = grade("--gold", "\\frac{1}{2}", "--pred", "so \\boxed{0.5}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("correct "), done.stdout)
        self.assertIn(" us)", done.stdout)

    def test_wrong_has_another_exit_code(self):
        done = grade("--gold", "2", "--pred", "3")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith("wrong "), done.stdout)

    def test_why_says_how_the_answer_was_found(self):
        done = grade("--gold", "42", "--pred", "The answer is 42 because geometry proves it", "--why")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"answer\s+42\s+\(cue\)")
        self.assertIn("mode      strict", done.stdout)

    def test_two_modes(self):
        done = grade("--gold", "0", "--pred", "0.001", "--mode", "strict,mathcoder")
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["wrong", "correct"])

    def test_flags(self):
        for mode, code in (("strict", 1), ("strict,round_to_reference", 0), ("lenient", 0)):
            self.assertEqual(grade("--gold", "3.1416", "--pred", "3.14159", "--mode", mode).returncode, code, mode)

    def test_unknown_flag(self):
        done = grade("--gold", "1", "--pred", "1", "--mode", "strict,rounding")
        self.assertEqual(done.returncode, 2)
        self.assertIn("known are round_to_reference", done.stderr)

    def test_half_a_pair(self):
        for args in (("--gold", "1"), ("--pred", "1"), ()):
            done = grade(*args)
            self.assertEqual(done.returncode, 2, done.stderr)

    def test_json(self):
        verdict = json.loads(grade("--gold", "2", "--pred", "2.0", "--json").stdout)
        self.assertEqual(verdict["verdict"], "correct")
        self.assertTrue({"reason", "rule", "us", "found_by", "answer"} <= verdict.keys())

    def test_no_answer(self):
        done = grade("--gold", "2", "--pred", "[]")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith("no_answer"), done.stdout)

    def test_help_has_an_example(self):
        done = grade("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("mathcoder grade --gold", done.stdout)


class Files(WithFolder):
    def test_a_line_each_and_the_table(self):
        done = grade(self.write("pairs.jsonl", PAIRS))
        self.assertEqual(done.returncode, 0, done.stderr)
        for number, word in enumerate(("correct", "correct", "wrong", "correct", "no_answer"), 1):
            self.assertRegex(done.stdout, rf"pairs.jsonl:{number} {word}\s.* us ")
        self.assertIn("5 of 5 agree with what was expected (100.00%); 0 false positives, 0 false negatives", done.stdout)
        self.assertRegex(done.stdout, r"expected correct\s+3\s+0\s+0\s+0\n")
        self.assertRegex(done.stdout, r"expected wrong\s+0\s+1\s+0\s+1\n")

    def test_a_disagreement_is_marked_and_counted(self):
        path = self.write("pairs.jsonl", [*PAIRS, {"gold": "3", "pred": "4", "expected": True},
                                          {"gold": "3", "pred": "3.0", "expected": False}])
        done = grade(path, "--at-least", "0.9")
        self.assertEqual(done.returncode, 1)
        self.assertIn("5 of 7 agree", done.stdout)
        self.assertIn("1 false positives, 1 false negatives", done.stdout)
        only = grade(path, "--disagreements")
        self.assertEqual(only.returncode, 0)
        self.assertEqual(sum(line.startswith("!") for line in only.stdout.splitlines()), 2)
        self.assertNotIn("pairs.jsonl:1 ", only.stdout)

    def test_summary_file(self):
        summary = Path(self.folder.name) / "summary.json"
        grade(self.write("pairs.jsonl", PAIRS), "--summary", summary)
        counts = json.loads(summary.read_text())
        self.assertEqual({key: counts[key] for key in ("n", "agreed", "false_positive", "false_negative", "unknown")},
                         {"n": 5, "agreed": 5, "false_positive": 0, "false_negative": 0, "unknown": 0})
        self.assertTrue(0 < counts["mean_us"] <= counts["max_us"] and counts["p99_us"] <= counts["max_us"])
        self.assertIn("mathcoder-grader", counts["grader"])

    def test_without_expected_there_is_no_table(self):
        done = grade(self.write("pairs.jsonl", [{"gold": "1", "pred": "1"}]))
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("agree", done.stdout)

    def test_two_modes_side_by_side(self):
        done = grade(self.write("pairs.jsonl", [{"gold": "0", "pred": "0.001"}, {"gold": "1", "pred": "1"}]),
                     "--mode", "strict,mathcoder")
        self.assertIn("pairs.jsonl:1  reference 0", done.stdout)
        self.assertNotIn("pairs.jsonl:2", done.stdout)
        self.assertRegex(done.stdout, r"strict\s+wrong")
        self.assertRegex(done.stdout, r"mathcoder\s+correct")

    def test_malformed_lines(self):
        path = self.write("pairs.jsonl", [PAIRS[0], "{not json", {"gold": "1"}, {"gold": ["1"], "pred": "1"},
                                          {"gold": "1", "pred": "1", "expected": "yes"}, PAIRS[2]])
        done = grade(path)
        self.assertEqual(done.returncode, 3)
        self.assertIn("pairs.jsonl:2: ", done.stderr)
        self.assertIn("--skip-bad", done.stderr)
        done = grade(path, "--skip-bad")
        self.assertEqual(done.returncode, 1)
        for line in (2, 3, 4, 5):
            self.assertIn(f"pairs.jsonl:{line}: ", done.stderr)
        self.assertIn("2 of 2 agree", done.stdout)

    def test_missing_file(self):
        done = grade("/nowhere/pairs.jsonl")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nowhere/pairs.jsonl", done.stderr)

    def test_standard_input_and_json(self):
        done = grade("-", "--json", stdin=json.dumps(PAIRS[0]) + "\n")
        self.assertEqual(json.loads(done.stdout)["verdict"], "correct")

    def test_control_characters_stay_out_of_the_terminal(self):
        done = grade(self.write("pairs.jsonl", [{"gold": "1", "pred": "\u001b[31m1"}]))
        self.assertNotIn("\u001b", done.stdout)


@needs_shared
class Shared(WithFolder):
    def summary(self, *args):
        path = Path(self.folder.name) / "summary.json"
        done = grade(*args, "--summary", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(path.read_text())

    def test_published_labels_in_mode_mathcoder(self):
        files = sorted((SHARED / "transcripts").glob("*/*.jsonl"))
        counts = self.summary(*files, "--mode", "mathcoder")
        self.assertEqual(counts["n"], counts["labelled"])
        self.assertGreaterEqual(counts["agreed"] / counts["n"], 0.998)

    def test_published_counts_of_whole_files(self):
        """Where a model's two files carry every question that is here, the number of correct ones is exact."""
        exact = 0
        for correct in sorted((SHARED / "transcripts").glob("*/*-correct.jsonl")):
            wrong = correct.with_name(correct.name.replace("-correct", "-wrong"))
            questions = SHARED / "corpora/test" / (correct.name.split("-")[0].lower() + ".jsonl")
            if not wrong.is_file() or not questions.is_file():
                continue
            lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in (correct, wrong, questions)]
            if lines[0] + lines[1] != lines[2]:
                continue
            self.assertEqual(self.summary(correct, wrong, "--mode", "mathcoder")["correct"], lines[0], correct)
            exact += 1
        self.assertGreater(exact, 0)

    def test_cases(self):
        """Wanted shares of agreement, and no false positive anywhere."""
        for name, least in (("curated_tricky", 0.96), ("doenet_equality_ascii", 0.95), ("latex2sympy_parse", 0.97),
                            ("latex_malformed_must_not_parse", 1.0)):
            with self.subTest(name):
                counts = self.summary(SHARED / "grader" / f"{name}.jsonl")
                self.assertGreaterEqual(counts["agreed"] / counts["n"], least, counts)
                self.assertEqual(counts["false_positive"], 0, counts)

    def test_curated_cases_that_strict_refuses_are_policy(self):
        """docs/grading.md names them; mode lenient has their policies on."""
        done = grade(SHARED / "grader/curated_tricky.jsonl", "--json")
        for verdict in map(json.loads, done.stdout.splitlines()):
            if verdict["expected"] and verdict["verdict"] != "correct":
                lenient = grade("--gold", verdict["gold"], "--pred", verdict["answer"], "--mode", "lenient")
                self.assertEqual(lenient.returncode, 0, verdict)


if __name__ == "__main__":
    unittest.main(verbosity=2)
