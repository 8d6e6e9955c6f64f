#!/usr/bin/env python3
"""Whole-program tests: what a person types, what they see, and what is left behind.

MATHCODER_BIN names the program (ctest sets it). The default model is the repository's own; problems and transcripts come from
MATHCODER_SHARED (default ../shared), and a test that needs them is skipped, loudly, where it is absent.
Run one by hand: MATHCODER_BIN=build/release/bin/mathcoder tests/program_test.py Solve.test_the_readme_example
"""
import json
import os
import random
import resource
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = os.environ.get("MATHCODER_BIN", str(ROOT / "build/release/bin/mathcoder"))
SHARED = Path(os.environ.get("MATHCODER_SHARED", ROOT.parent / "shared"))
MODEL = ROOT / "models/mathematics-7m-f16.gguf"
EXAMPLE = "Let q = 12 - 7. What is the remainder when 173962 is divided by q*319?"
EXAMPLE_ANSWER = "107"  # 173962 mod 1595


def run(*args, stdin=None, timeout=120, **kwargs):
    return subprocess.run([BIN, *map(str, args)], input=stdin, capture_output=True, timeout=timeout, **kwargs)


def needs_shared(test):
    return unittest.skipUnless(SHARED.is_dir(), f"SKIPPED: no shared data at {SHARED} (MATHCODER_SHARED)")(test)


def descendants(pid):
    """Processes whose ancestor is pid, by /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(fields[1])
            except (OSError, IndexError):
                pass
    found, frontier = set(), {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def alive(pids):
    living = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z":
                living.add(pid)
        except OSError:
            pass
    return living


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mathcoder-program-")
        self.dir = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def assert_one_line_error(self, result, code, *words):
        text = result.stderr.decode()
        errors = [line for line in text.splitlines() if line.startswith("mathcoder: error: ")]
        self.assertEqual(result.returncode, code, text)
        self.assertEqual(len(errors), 1, text)
        for word in words:
            self.assertIn(word, errors[0])

    def problems(self, name, count):
        lines = (SHARED / "corpora/test" / f"{name}.jsonl").read_text().splitlines()[:count]
        path = self.dir / f"{name}.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return path


class Help(Program):
    def test_every_verb_shows_an_example(self):
        for verb in ([], ["solve"], ["replay"], ["doctor"], ["eval"]):
            result = run(*verb, "--help")
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stdout.decode(), r"Examples?:\n +(echo|mathcoder) ")
        self.assertIn("Exit codes", run("--help").stdout.decode())

    def test_version_names_the_parts(self):
        text = run("--version").stdout.decode()
        self.assertRegex(text, r"^mathcoder \d+\.\d+\.\d+\n")
        self.assertIn("llama.cpp", text)
        self.assertIn("Python", text)

    def test_a_wrong_command_line_exits_with_2(self):
        for args in (["solv"], ["solve", "--no-such-flag", "x"], ["solve", "--in", "x"], ["solve", "-k", "0", "x"], ["replay"]):
            self.assert_one_line_error(run(*args, stdin=b""), 2)
        self.assertEqual(run().returncode, 2)
        self.assert_one_line_error(run("solve", stdin=b""), 2, "no problem given")


class Solve(Program):
    def test_the_readme_example(self):
        result = run("solve", EXAMPLE)
        text = result.stdout.decode()
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertIn("```python\n", text)
        self.assertIn("```output\n", text)
        self.assertEqual(text.splitlines()[-1], f"Answer: {EXAMPLE_ANSWER}")

    def test_standard_input_and_json(self):
        result = run("solve", "--json", stdin=(EXAMPLE + "\n").encode())
        record = json.loads(result.stdout)
        self.assertEqual(record["completion"], EXAMPLE_ANSWER)
        trace = record["mathcoder"]
        self.assertEqual(trace["ending"], "answered")
        roles = [role for role, count in trace["token_roles"] for _ in range(count)]
        self.assertEqual(len(trace["token_ids"]), len(roles))
        self.assertEqual(set(roles), {"template", "system", "user", "text", "code", "execution"})
        self.assertRegex(trace["provenance"]["sandbox_tier"], "^[ABC]$")
        self.assertRegex(trace["provenance"]["model_sha256"], "^[0-9a-f]{64}$")
        for execution in trace["executions"]:
            self.assertEqual(execution["verdict"], "ok")

    def test_samples_vote(self):
        result = run("solve", "-k", "5", "--temp", "0.3", EXAMPLE)
        self.assertRegex(result.stdout.decode().splitlines()[-1], rf"^Answer: {EXAMPLE_ANSWER} \([345] of 5\)$")

    def test_the_same_seed_gives_the_same_tokens_in_deterministic_mode(self):
        def tokens(*more):
            result = run("solve", "--deterministic", "--temp", "3", "--seed", "7", "--json", EXAMPLE, *more)
            return [(r["mathcoder"]["sample"], r["mathcoder"]["token_ids"])
                    for r in sorted(map(json.loads, result.stdout.splitlines()), key=lambda r: r["mathcoder"]["sample"])]
        alone = tokens()
        beside_others = tokens("-k", "6", "-j", "6")
        self.assertEqual(alone[0], beside_others[0])
        self.assertGreater(len({tuple(ids) for _, ids in beside_others}), 1)

    def test_a_file_is_solved_and_a_second_run_does_nothing_twice(self):
        problems = self.dir / "in.jsonl"
        problems.write_text("".join(json.dumps({"id": i, "question": f"What is the remainder when {100 + i} is divided by 7?"}) + "\n"
                                    for i in range(12)))
        out = self.dir / "out.jsonl"
        first = run("solve", "--in", problems, "--out", out, "-j", "4")
        self.assertEqual(first.returncode, 0, first.stderr.decode())
        content = out.read_bytes()
        records = [json.loads(line) for line in content.splitlines()]
        self.assertEqual(sorted(int(r["id"]) for r in records), list(range(12)))
        self.assertGreaterEqual(sum(r["completion"] == str((100 + int(r["id"])) % 7) for r in records), 11)
        second = run("solve", "--in", problems, "--out", out, "-j", "4")
        self.assertEqual(second.returncode, 0)
        self.assertIn("12 of 12 are in", second.stderr.decode())
        self.assertEqual(out.read_bytes(), content)

    def test_runs_with_different_settings_do_not_mix_in_one_file(self):
        problems = self.dir / "in.jsonl"
        problems.write_text(json.dumps({"question": EXAMPLE}) + "\n")
        self.assertEqual(run("solve", "--in", problems, "--out", self.dir / "out.jsonl").returncode, 0)
        result = run("solve", "--in", problems, "--out", self.dir / "out.jsonl", "--temp", "0.5")
        self.assert_one_line_error(result, 3, "out.jsonl:1", "sampling")

    @needs_shared
    def test_kill_9_loses_at_most_what_was_in_flight(self):
        seed = random.randrange(1 << 30)
        print(f"seed {seed}")
        rng = random.Random(seed)
        problems = self.problems("mathematics", 60)
        out = self.dir / "out.jsonl"
        command = [BIN, "solve", "--in", problems, "--out", out, "-j", "6", "-q"]
        kills = 0
        for _ in range(25):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=rng.uniform(0.3, 1.6))
                self.assertIn(process.returncode, (0, 1))
                break
            except subprocess.TimeoutExpired:
                children = descendants(process.pid)
                process.kill()
                process.wait()
                kills += 1
                self.assertTrue(wait_until(lambda: not alive(children)), f"left behind: {alive(children)}")
        self.assertGreater(kills, 0)
        final = run("solve", "--in", problems, "--out", out, "-j", "6", "-q")
        self.assertIn(final.returncode, (0, 1), final.stderr.decode())
        questions = [json.loads(line)["messages"][1]["content"][0]["content"] for line in problems.read_text().splitlines()]
        done = [json.loads(line)["messages"][1]["content"][0]["content"] for line in out.read_text().splitlines()]
        self.assertEqual(sorted(done), sorted(questions))

    @needs_shared
    def test_ctrl_c_keeps_what_is_done_and_leaves_no_process(self):
        problems = self.problems("mathematics", 400)
        out = self.dir / "out.jsonl"
        process = subprocess.Popen([BIN, "solve", "--in", problems, "--out", out, "-j", "8"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        self.assertTrue(wait_until(lambda: out.exists() and out.stat().st_size > 0))
        children = descendants(process.pid)
        self.assertTrue(children)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        _, errors = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertIn("goes on from there", errors.decode())
        self.assertTrue(wait_until(lambda: not alive(children)), f"left behind: {alive(children)}")
        for line in out.read_text().splitlines():
            json.loads(line)


class BadInput(Program):
    def test_models_that_cannot_be_used(self):
        truncated = self.dir / "truncated.gguf"
        truncated.write_bytes(MODEL.read_bytes()[:3_000_000])
        text = self.dir / "text.gguf"
        text.write_text("not a model")
        for path, word in ((self.dir / "missing.gguf", "missing.gguf"), (truncated, "truncated.gguf"), (text, "text.gguf"),
                           (self.dir, str(self.dir))):
            self.assert_one_line_error(run("solve", "-m", path, "x"), 3, word)

    def test_a_vocabulary_without_the_dialects_tokens(self):
        self.assert_one_line_error(run("solve", "--dialect", "llama3", "x"), 3, "llama3", "<|python_tag|>")

    def test_an_unknown_dialect_names_the_known_ones(self):
        self.assert_one_line_error(run("solve", "--dialect", "mathcodr", "x"), 3, "mathcodr", "mathcoder")

    def test_a_context_too_small_for_the_prompt(self):
        self.assert_one_line_error(run("solve", "-c", "32", EXAMPLE), 3, "32")

    def test_a_problem_of_one_megabyte(self):
        result = run("solve", stdin=b"What is 1 + 1? " * 70_000, timeout=60)
        self.assert_one_line_error(result, 3, "tokens")

    def test_invalid_utf8(self):
        self.assert_one_line_error(run("solve", stdin=b"What is \xff?"), 3, "UTF-8", "byte 9")

    def test_malformed_jsonl_names_file_and_line(self):
        problems = self.dir / "in.jsonl"
        problems.write_text(json.dumps({"question": EXAMPLE}) + "\n{\"question\": \n" + json.dumps({"no": "question"}) + "\n")
        out = self.dir / "out.jsonl"
        self.assert_one_line_error(run("solve", "--in", problems, "--out", out), 3, "in.jsonl:2", "--skip-bad")
        self.assertFalse(out.exists())
        result = run("solve", "--in", problems, "--out", out, "--skip-bad")
        self.assertEqual(result.returncode, 1)
        self.assertIn("in.jsonl:2", result.stderr.decode())
        self.assertIn("in.jsonl:3", result.stderr.decode())
        self.assertEqual(json.loads(out.read_text())["completion"], EXAMPLE_ANSWER)

    def test_a_full_disk_keeps_whole_records(self):
        problems = self.dir / "in.jsonl"
        problems.write_text("".join(json.dumps({"question": f"What is the remainder when {500 + i} is divided by 9?"}) + "\n" for i in range(20)))
        out = self.dir / "out.jsonl"

        process = subprocess.Popen([BIN, "solve", "--in", problems, "--out", out, "-j", "1", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(wait_until(lambda: out.exists() and out.stat().st_size > 0))
        limit = out.stat().st_size * 3 + 100  # room for a few records and a part of one
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        stdout, stderr = process.communicate(timeout=60)
        self.assert_one_line_error(subprocess.CompletedProcess([], process.returncode, stdout, stderr), 5, "out.jsonl")
        content = out.read_text()
        self.assertTrue(content.endswith("\n"))
        kept = len([json.loads(line) for line in content.splitlines()])
        self.assertGreater(kept, 0)
        again = run("solve", "--in", problems, "--out", out, "-q")
        self.assertEqual(again.returncode, 0, again.stderr.decode())
        self.assertIn(f"{kept} of 20 are in", again.stderr.decode())
        self.assertEqual(len(out.read_text().splitlines()), 20)

    def test_standard_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([BIN, "solve", EXAMPLE], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assert_one_line_error(result, 5, "standard output")

    def test_an_unreachable_endpoint(self):
        self.assert_one_line_error(run("solve", "--backend", "http://127.0.0.1:9/v1", "x"), 4, "127.0.0.1:9")

    def test_a_library_set_that_is_not_there(self):
        self.assert_one_line_error(run("solve", "--library-set", "nowhere", EXAMPLE), 4, "nowhere")


class Replay(Program):
    @needs_shared
    def test_published_transcripts_agree(self):
        files = sorted((SHARED / "transcripts").glob("*/simuleq-correct.jsonl"))
        summary = self.dir / "summary.json"
        result = run("replay", *files, "--summary", summary, "-q", "-j", "4", timeout=600)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        report = json.loads(summary.read_text())
        self.assertEqual(sorted(report), ["agreed", "blocks", "infrastructure_failures", "problems", "seconds"])
        self.assertEqual(report["problems"], sum(len(f.read_text().splitlines()) for f in files))
        self.assertEqual(report["infrastructure_failures"], 0)
        self.assertGreaterEqual(report["agreed"] / report["blocks"], 0.998, result.stdout.decode()[-3000:])

    def test_a_disagreement_is_shown(self):
        record = {"messages": [{"role": "user", "content": [{"type": "text", "content": "q"}]}],
                  "debug_result": [{"role": "user", "content": "q"}, {"role": "code", "content": "print(6 * 7)"},
                                   {"role": "execution", "content": "43"}, {"role": "text", "content": "43"}], "completion": "43"}
        path = self.dir / "t.jsonl"
        path.write_text(json.dumps(record) + "\n")
        result = run("replay", path, "--diff", "--at-least", "0.9")
        text = result.stdout.decode()
        self.assertEqual(result.returncode, 1, text + result.stderr.decode())
        self.assertIn("t.jsonl:1 code block 1", text)
        self.assertIn("- 43", text)
        self.assertIn("+ 42", text)


class Doctor(Program):
    def test_says_what_will_be_used(self):
        result = run("doctor")
        text = result.stdout.decode()
        self.assertEqual(result.returncode, 0, text)
        for word in ("llama.cpp", "tier", "seccomp", "mathematics-7m", "dialect", "sympy", "ready:"):
            self.assertIn(word, text)

    def test_an_unusable_model_is_not_ready(self):
        result = run("doctor", "-m", self.dir / "missing.gguf")
        self.assertEqual(result.returncode, 4)
        self.assertIn("NOT USABLE", result.stdout.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
