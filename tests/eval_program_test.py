#!/usr/bin/env python3
"""`mathcoder eval` as a person uses it: solve, resume after a kill, grade given transcripts, compare; PostgreSQL with workers that
are killed; the report in a browser. Environment as in program_test.py. Random tests print their seed (MATHCODER_SEED repeats one).
"""
import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
import unittest
from collections import Counter
from pathlib import Path

import eval_support
from program_test import BIN, ROOT, SHARED, Program, needs_shared, run, wait_until

DATA = SHARED / "corpora/test"
FILES = ("transcripts.jsonl", "verdicts.jsonl", "manifest.json", "summary.json", "report.html")
EVALUATE_TEST = Path(BIN).parent / "evaluate_test"


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def start(*args):
    return subprocess.Popen([BIN, *map(str, args)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def seed():
    value = int(os.environ.get("MATHCODER_SEED", random.SystemRandom().randrange(1 << 30)))
    print(f"seed {value}", flush=True)
    return value


@needs_shared
class Eval(Program):
    def eval(self, *args, code=0, **kwargs):
        result = run("eval", *args, timeout=300, **kwargs)
        self.assertEqual(result.returncode, code, result.stderr.decode())
        return result

    def test_a_run_leaves_what_the_documentation_says(self):
        out = self.dir / "run"
        result = self.eval("--bench", "mathematics,simuleq", "--data", DATA, "--limit", "6", "-o", out)
        self.assertIn("mathematics", result.stdout.decode())
        summary = json.loads((out / "summary.json").read_text())
        self.assertTrue(summary["complete"])
        for name in ("mathematics", "simuleq"):
            entry = summary["benchmarks"][name]
            self.assertEqual(entry["n"], 6)
            self.assertAlmostEqual(entry["accuracy"], entry["correct"] / 6)
            self.assertLessEqual(entry["interval"][0], entry["accuracy"])
            self.assertGreater(entry["seconds"], 0)
            for field in ("no_answer", "truncated", "infrastructure_failures", "unknown", "timed_out", "session_lost"):
                self.assertIsInstance(entry[field], int)
        manifest = json.loads((out / "manifest.json").read_text())
        self.assertRegex(manifest["solve"]["model_sha256"], "^[0-9a-f]{64}$")
        self.assertRegex(manifest["solve"]["prompt_sha256"], "^[0-9a-f]{64}$")
        self.assertRegex(manifest["solve"]["sandbox_tier"], "^[ABC]$")
        self.assertRegex(manifest["benchmarks"][0]["sha256"], "^[0-9a-f]{64}$")
        self.assertIn("sympy", manifest["solve"]["libraries"])
        self.assertEqual(manifest["grade"]["mode"], "strict")
        self.assertEqual(manifest["grade"]["policies"]["mathematics"], "strict,round_to_reference")
        verdicts, transcripts = lines(out / "verdicts.jsonl"), lines(out / "transcripts.jsonl")
        self.assertEqual([(v["benchmark"], v["index"]) for v in verdicts], [(b, i) for b in ("mathematics",
                         "simuleq") for i in range(6)])
        self.assertEqual(Counter(v["outcome"] == "correct" for v in verdicts)[True],
                         sum(e["correct"] for e in summary["benchmarks"].values()))
        self.assertEqual([t["mathcoder"]["evaluation"]["index"] for t in transcripts], [v["index"] for v in verdicts])

        # Our own transcripts, graded as files, give the same verdicts.
        again = self.dir / "again"
        self.eval("--transcripts", out / "transcripts.jsonl", "-o", again)
        self.assertEqual([(v["benchmark"], v["index"], v["outcome"]) for v in lines(again / "verdicts.jsonl")],
                         [(v["benchmark"], v["index"], v["outcome"]) for v in verdicts])

    def test_deterministic_runs_repeat_every_byte(self):
        for name in ("a", "b"):
            self.eval("--bench", "mathematics:2,svamp:2", "--data", DATA, "--limit", "4", "--deterministic", "--temp", "0.8", "-s",
                      "5",
                      "-j", "8" if name == "a" else "3", "-o", self.dir / name)
        for file in FILES:
            # -j changes the batches, and so the engine's details: these alone may differ.
            a, b = ((self.dir / name / file).read_text() for name in ("a", "b"))
            if file in ("transcripts.jsonl", "verdicts.jsonl", "summary.json"):
                self.assertEqual(a, b, file)
        self.eval("--bench", "mathematics:2,svamp:2", "--data", DATA, "--limit", "4", "--deterministic", "--temp", "0.8", "-s",
                  "5", "-j", "8",
                  "-o", self.dir / "c")
        for file in FILES:
            self.assertEqual((self.dir / "a" / file).read_bytes(), (self.dir / "c" / file).read_bytes(), file)

    @staticmethod
    def solved(out):
        try:
            with contextlib.closing(sqlite3.connect(f"file:{out / 'run.sqlite'}?mode=ro", uri=True)) as store:
                return store.execute("SELECT count(*) FROM results").fetchone()[0]
        except sqlite3.Error:  # not made yet
            return 0

    def test_a_run_may_take_in_more_benchmarks_but_no_other_settings(self):
        out = self.dir / "run"
        self.eval("--bench", "mathematics", "--data", DATA, "--limit", "3", "-o", out)
        result = self.eval("--bench", "mathematics,simuleq", "--data", DATA, "--limit", "4", "-o", out)
        self.assertIn("3 of 8 are solved already", result.stderr.decode())
        self.assert_one_line_error(run("eval", "--bench", "mathematics", "--data", DATA, "--limit", "3", "--temp", "0.5", "-o", out), 3,
                                   "sampling.temperature", "then", "now")
        self.assert_one_line_error(run("eval", "--transcripts", out / "transcripts.jsonl", "-o", out), 3, "run.sqlite", "another -o")

    def test_a_killed_run_goes_on_and_ends_alike(self):
        arguments = ("--bench", "mathematics", "--data", DATA, "--limit", "60", "--deterministic", "-j", "4")
        self.eval(*arguments, "-o", self.dir / "whole")
        out = self.dir / "killed"
        rng = random.Random(seed())
        for target in sorted(rng.sample(range(1, 50), 3)):  # each kill comes in the middle, whatever the machine's speed
            process = start("eval", *arguments, "-o", out)
            while process.poll() is None and self.solved(out) < target:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        self.assertLess(self.solved(out), 60)
        result = self.eval(*arguments, "-o", out)
        self.assertRegex(result.stderr.decode(), r"\d+ of 60 are solved already")
        for file in FILES:
            self.assertEqual((out / file).read_bytes(), (self.dir / "whole" / file).read_bytes(), file)
        self.assertEqual(len(lines(out / "transcripts.jsonl")), 60)

    def test_ctrl_c_keeps_what_is_done_and_says_so(self):
        out = self.dir / "run"
        process = start("eval", "--bench", "mathematics", "--data", DATA, "-j", "4", "-o", out)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors.decode())
        self.assertIn("interrupted", errors.decode())
        summary = json.loads((out / "summary.json").read_text())
        self.assertFalse(summary["complete"])
        self.assertGreater(summary["benchmarks"]["mathematics"]["n"], 0)
        self.assertIn("interrupted", (out / "report.html").read_text())

    def test_other_settings_do_not_mix_and_another_mode_grades_again(self):
        out = self.dir / "run"
        common = ("--bench", "mathematics", "--data", DATA, "--limit", "5", "-o", out)
        self.eval(*common)
        self.assert_one_line_error(run("eval", *common, "--temp", "0.5"), 3, "other settings", "-o")
        before = (out / "transcripts.jsonl").read_bytes()
        result = self.eval(*common, "--mode", "mathcoder")
        self.assertIn("5 of 5 are solved already", result.stderr.decode())
        self.assertEqual((out / "transcripts.jsonl").read_bytes(), before)
        self.assertEqual(json.loads((out / "manifest.json").read_text())["grade"]["mode"], "mathcoder")

    def test_a_folder_serves_one_program_at_a_time(self):
        out = self.dir / "run"
        common = ("eval", "--bench", "mathematics", "--data", DATA, "-o", out)
        process = start(*common)
        try:
            self.assertTrue(wait_until(lambda: (out / "run.sqlite").exists()))
            self.assert_one_line_error(run(*common), 5, "another mathcoder works in this folder")
        finally:
            process.kill()
            process.communicate()

    def test_messages_name_what_is_missing(self):
        self.assert_one_line_error(run("eval", "--bench", "math", "--data", self.dir, "-o", self.dir / "x"), 3, "math.jsonl",
                                   "hendrycks/math")
        self.assert_one_line_error(run("eval", "--bench", "meth", "--data", self.dir, "-o", self.dir / "x"), 2,
                                   "'meth' is no benchmark", "gsm8k")
        self.assert_one_line_error(run("eval", "--bench", "math"), 2, "-o is missing")
        self.assert_one_line_error(run("eval", "--bench", "math", "--limit", "-1", "-o", self.dir / "x"), 2, "--limit")
        self.assert_one_line_error(run("eval", "-o", self.dir / "x"), 2, "--bench")
        self.assert_one_line_error(run("eval", "--compare", self.dir, self.dir), 3, "verdicts.jsonl")
        self.assert_one_line_error(run("eval", "--bench", "simuleq", "--data", DATA, "-o", self.dir / "x", "--store", "mysql://x"),
                                   2, "--store")

    def test_a_benchmark_of_ones_own(self):
        definition = self.dir / "own.yaml"
        definition.write_text("name: own\ntitle: Own set\nfile: mine.jsonl\nsource: my desk\npolicy: round_to_reference\n")
        (self.dir / "mine.jsonl").write_text(json.dumps({"question": "What is 2 + 3?", "answer": "5", "subject": "sums"}) + "\n")
        self.eval("--bench-file", definition, "--bench", "own", "--data", self.dir, "-o", self.dir / "run")
        self.assertIn("Own set", (self.dir / "run/report.html").read_text())
        self.assertEqual(json.loads((self.dir / "run/summary.json").read_text())["benchmarks"]["own"]["by_subject"]["sums"]["n"], 1)

    def test_the_published_transcripts_give_the_published_counts(self):
        out = self.dir / "published"
        self.eval("--transcripts", SHARED / "transcripts", "--mode", "mathcoder", "-q", "-o", out)
        files = json.loads((out / "summary.json").read_text())["files"]
        self.assertGreater(len(files), 20)
        wrong = {f["file"]: (f["correct"], f["n"]) for f in files if f["correct"] != (f["n"] if "-correct" in f["file"] else 0)}
        self.assertEqual(wrong, {}, "in mode mathcoder every file counts as it is named")
        report = (out / "report.html").read_text()
        table = report[report.index('<table id="files">'):]
        rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table[:table.index("</table>")].split("<tr>")[2:]]
        self.assertEqual([(row[0], *map(int, row[2:])) for row in rows],
                         [(f["file"], f["n"], f["correct"], f["n"] - f["correct"]) for f in files])

    def test_two_runs_are_compared(self):
        for mode in ("strict", "mathcoder"):
            self.eval("--transcripts", SHARED / "transcripts/MathCoder-L-7b", "--bench", "simuleq,svamp", "--mode", mode, "-o",
                      self.dir / mode)
        text = self.eval("--compare", self.dir / "strict", self.dir / "mathcoder").stdout.decode()
        self.assertIn("simuleq", text)
        compared = json.loads(self.eval("--compare", self.dir / "strict", self.dir / "mathcoder",
                              "--json").stdout)["benchmarks"]["all"]
        self.assertEqual(compared["pairs"],
                         compared["both_correct"] + compared["only_first"] + compared["only_second"] + compared["neither"])
        self.assertEqual(compared["pairs"], 519 + 268)
        low, high = compared["difference_interval"]
        self.assertLessEqual(low, compared["difference"])
        self.assertGreaterEqual(high, compared["difference"])


@needs_shared
class Postgres(Program):
    @classmethod
    def setUpClass(cls):
        binaries = eval_support.find_postgres()
        if binaries is None:
            raise unittest.SkipTest("SKIPPED: no PostgreSQL server here (package postgresql)")
        cls.server = eval_support.Postgres(binaries)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_the_contract_of_stores(self):
        if not EVALUATE_TEST.exists():
            self.skipTest(f"SKIPPED: {EVALUATE_TEST} is not built")
        result = subprocess.run([EVALUATE_TEST, "--gtest_filter=*postgres*"], env={**os.environ,
                                "MATHCODER_TEST_POSTGRES": self.server.url},
                                capture_output=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stdout.decode())
        self.assertNotIn(b"SKIPPED", result.stdout)
        self.assertIn(b"[  PASSED  ] 7 tests", result.stdout)

    def test_workers_killed_at_random(self):
        rng = random.Random(seed())
        limit, workers = 120, 3

        def worker(number):
            return start("eval", "--bench", "mathematics", "--data", DATA, "--limit", limit, "--deterministic", "-j", "4", "-q",
                         "--store",
                         self.server.url, "--run", "shared", "--lease", "2", "-o", self.dir / f"worker{number}")

        processes = [worker(number) for number in range(workers)]
        kills = 0
        end = time.monotonic() + 240
        while time.monotonic() < end and kills < 6:
            time.sleep(rng.uniform(0.7, 2.0))
            victim = rng.randrange(workers)
            if processes[victim].poll() is None:
                processes[victim].send_signal(signal.SIGKILL)
                kills += 1
            processes[victim].communicate()
            processes[victim] = worker(victim)
            done = self.server.query("SELECT count(*) FROM mathcoder.tasks WHERE run = 'shared' AND done")
            if int(done[0][0]) == limit:
                break
        for process in processes:
            _, errors = process.communicate(timeout=240)
            self.assertEqual(process.returncode, 0, errors.decode())
        self.assertGreaterEqual(kills, 1)
        rows = self.server.query("SELECT question, count(*) FROM mathcoder.results WHERE run = 'shared' "
                                 "GROUP BY question ORDER BY question")
        self.assertEqual(rows, [[str(i), "1"] for i in range(limit)])
        solvers = self.server.query("SELECT count(DISTINCT worker) FROM mathcoder.results WHERE run = 'shared'")
        self.assertGreater(int(solvers[0][0]), 1)
        # Every worker that ends writes the whole run, and all write the same; so does one program alone.
        alone = self.dir / "alone"
        result = run("eval", "--bench", "mathematics", "--data", DATA, "--limit", limit, "--deterministic", "-j", "4", "-q", "-o",
                     alone, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        for number in range(workers):
            for file in FILES:
                self.assertEqual((self.dir / f"worker{number}" / file).read_bytes(), (alone / file).read_bytes(), file)

    def test_a_server_that_crashes_and_returns(self):
        process = start("eval", "--bench", "mathematics", "--data", DATA, "--limit", "60", "-j", "4", "-q", "--store", self.server.url,
                        "--run", "crash", "-o", self.dir / "crash")
        done = "SELECT count(*) FROM mathcoder.tasks WHERE run = 'crash' AND done"
        self.assertTrue(wait_until(lambda: self.server.query("SELECT to_regclass('mathcoder.tasks')")
                                   and int(self.server.query(done)[0][0]) > 0))
        self.server.crash()
        time.sleep(1.5)
        self.assertIsNone(process.poll(), "it waits for the server")
        self.server.begin()
        _, errors = process.communicate(timeout=240)
        self.assertEqual((process.returncode, errors.decode()), (0, ""))
        self.assertEqual(self.server.query(done), [["60"]])

    def test_a_server_that_is_not_there(self):
        result = run("eval", "--bench", "simuleq", "--data", DATA, "--limit", "1", "-o", self.dir / "x", "--store",
                     "postgresql://nobody@/none?host=/nowhere")
        self.assert_one_line_error(result, 4, "PostgreSQL cannot be reached")


HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1\">",
    "<svg onload=\"window.hacked = 1\"></svg>",
    "$\\href{javascript:window.hacked=1}{x}$ $\\htmlData{a=1}{x}$ $\\includegraphics{http://127.0.0.1:9/x.png}$",
    "<!--<script>", "\u2028 ]]> ' \" onmouseover=alert(1)",
]


class Report(Program):
    @classmethod
    def setUpClass(cls):
        path = eval_support.find_chromium()
        if path is None:
            raise unittest.SkipTest("SKIPPED: no Chromium that starts here (package chromium on Debian; a snap on Ubuntu)")
        cls.browser = eval_support.Browser(path)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def record(self, question, answer, blocks, ending="answered", reference="1"):
        debug = [{"role": "user", "content": question}] + [{"role": kind, "content": text} for kind, text in blocks]
        if ending == "cut":
            debug += [{"role": kind, "content": "x"} for _ in range(16) for kind in ("code", "text")]
        return json.dumps({"messages": [{"role": "user", "content": question}], "ground_truth": {"answer": reference,
                          "solution": ""},
                           "debug_result": debug, "completion": answer})

    def open(self, records):
        file = self.dir / "gsm8k.jsonl"
        file.write_text("\n".join(records) + "\n")
        result = run("eval", "--transcripts", file, "-o", self.dir / "run")
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.browser.open(self.dir / "run/report.html")
        return self.browser

    def choose(self, name, value):
        self.browser.evaluate(f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input')); }})"
                              f"(document.getElementById('{name}'))")
        return self.browser.evaluate("document.querySelectorAll('#list button').length")

    def test_it_shows_filters_and_renders(self):
        code = "from sympy import *\n# a comment\nprint('text', 12)"
        records = [self.record(f"What is $\\frac{{{i}}}{{2}}$?", "1", [("text", "Since \\[x^2 = 1\\]"), ("code", code),
                   ("execution", "1"), ("text", "so $\\boxed{1}$")])
                   for i in range(4)]
        records += [self.record("wrong one", "2", [("text", "so $\\boxed{2}$")]), self.record("no answer", "", [("text", " ")]),
                    self.record("cut one", "", [], ending="cut")]
        browser = self.open(records)
        self.assertEqual(browser.complaints(), [])
        self.assertEqual(browser.requests(), [], "it loads nothing")
        self.assertEqual(self.choose("filter-outcome", ""), 7)
        self.assertEqual(self.choose("filter-outcome", "correct"), 4)
        self.assertEqual(self.choose("filter-outcome", "wrong"), 2, "the truncated one is wrong as well")
        self.assertEqual(self.choose("filter-outcome", "no_answer"), 1)
        self.assertEqual(self.choose("filter-outcome", "truncated"), 1)
        self.assertEqual(self.choose("filter-outcome", "unknown"), 0)
        self.choose("filter-outcome", "")
        self.assertEqual(self.choose("filter-text", "wrong ONE"), 1)
        self.choose("filter-text", "")
        browser.evaluate("document.querySelector('#list button').click()")
        self.assertEqual(browser.evaluate("document.querySelector('#transcript .keyword').textContent"), "from")
        self.assertEqual(browser.evaluate("document.querySelector('#transcript .comment').textContent"), "# a comment")
        self.assertEqual(browser.evaluate("document.querySelector('#transcript .string').textContent"), "'text'")
        self.assertEqual(browser.evaluate("document.querySelector('#transcript pre.execution').textContent"), "1")
        if browser.evaluate("document.getElementById('no-katex') === null"):
            self.assertGreaterEqual(browser.evaluate("document.querySelectorAll('#transcript math').length"), 3)
            self.assertEqual(browser.evaluate("document.querySelectorAll('#transcript mfrac').length"), 1)
            self.assertGreater(browser.evaluate("document.querySelector('#transcript math').getBoundingClientRect().height"), 5)
        else:
            print("SKIPPED: rendered mathematics; the program was built without KaTeX", flush=True)
        self.assertGreaterEqual(browser.evaluate("document.querySelectorAll('svg.plot').length"), 3)
        self.assertGreater(browser.evaluate("document.querySelectorAll('#results tbody tr').length"), 9)
        self.assertEqual(browser.complaints(), [])

    def test_hostile_transcripts_do_nothing(self):
        records = [self.record(text, text, [("text", text), ("code", text), ("execution", text)],
                   reference=text) for text in HOSTILE]
        browser = self.open(records)
        for position in range(len(HOSTILE)):
            browser.evaluate(f"document.querySelectorAll('#list button')[{position}].click()")
            shown = browser.evaluate("document.querySelector('#transcript pre.execution').textContent")
            self.assertEqual(shown, HOSTILE[position], "shown as it was written")
        self.assertIsNone(browser.evaluate("window.hacked"))
        self.assertEqual(browser.evaluate("document.querySelectorAll('img, iframe, object, embed, a[href], "
                                          "#transcript svg, #transcript script').length"), 0)
        self.assertEqual(browser.requests(), [])
        self.assertEqual(browser.complaints(), [])

    @needs_shared
    def test_thousands_of_transcripts_open(self):
        result = run("eval", "--transcripts", SHARED / "transcripts", "--mode", "mathcoder", "-q", "-o", self.dir / "run",
                     timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.browser.open(self.dir / "run/report.html")
        self.assertEqual(self.browser.complaints(), [])
        total = self.browser.evaluate("document.getElementById('shown').textContent")
        self.assertEqual(total, f"{len(lines(self.dir / 'run/verdicts.jsonl'))} of {len(lines(self.dir / 'run/verdicts.jsonl'))}")
        self.assertGreater(self.choose("filter-outcome", "wrong"), 0)
        self.assertGreater(self.choose("filter-outcome", "truncated"), 0)
        # Every transcript can be opened.
        failed = self.browser.evaluate("""(() => { const failed = []; for (let i = 0; i < 400; ++i) { try {
            JSON.parse(document.getElementById('t' + i).textContent) } catch (e) { failed.push(i) } } return failed.length })()""")
        self.assertEqual(failed, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
