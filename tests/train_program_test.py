#!/usr/bin/env python3
"""`mathcoder train` as a person uses it: what is printed, what is left behind, what a kill does.

MATHCODER_BIN names the program (ctest sets it). Tests that need ../shared are skipped, loudly, where it is absent.
    MATHCODER_BIN=build/release/bin/mathcoder tests/train_program_test.py Resume
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import train_support as support  # noqa: E402  pylint: disable=wrong-import-position
from train_support import BIN, SHARED, mathcoder  # noqa: E402  pylint: disable=wrong-import-position

KILLS = int(os.environ.get("MATHCODER_KILLS", "200"))


class TrainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mathcoder-train-"))
        cls.tokenizer = support.tokenizer_folder(cls.folder)
        cls.model = support.small_config(cls.folder)
        cls.data = support.transcripts(cls.folder / "sums.jsonl", 400)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def configuration(self, name, **keys):
        settings = {"run": self.folder / name, "model__config": self.model, "model__tokenizer": self.tokenizer,
                    "model__compute": "f32", "data__train": [str(self.data)], "data__length": 256, "batch_rows": 4, "steps": 20,
                    "optimizer__learning_rate": 1e-3, "schedule__warmup_steps": 3, "seed": 7, "data__cache": self.folder / "cache",
                    "parallel__threads": 1, **keys}
        return support.configuration(self.folder / f"{name}.yaml", **settings)

    def train(self, config, *words, code=0, **options):
        result = mathcoder("train", config, *words, **options)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        return result


class Help(TrainTest):
    def test_help_and_keys(self):
        text = mathcoder("train", "--help").stdout
        self.assertIn("--show-mask", text)
        self.assertIn("mpirun", text)
        keys = mathcoder("train", "--keys").stdout
        documented = (support.ROOT / "docs/training.md").read_text(encoding="utf-8")
        missing = [key for key in (line.split()[0] for line in keys.splitlines()) if f"| `{key}` |" not in documented]
        self.assertEqual(missing, [], "docs/training.md lacks keys that `mathcoder train --keys` prints")

    def test_dry_run_spends_nothing(self):
        text = self.train(self.configuration("dry"), "--dry-run").stdout
        for word in ("parameters", "memory", "first batch", "20 steps"):
            self.assertIn(word, text)
        self.assertFalse((self.folder / "dry/checkpoints").exists())

    def test_show_mask_and_exports(self):
        config = self.configuration("mask")
        plain = self.train(config, "--show-mask").stdout
        self.assertRegex(plain, r"(?m)^\+.*The answer is")
        self.assertRegex(plain, r"(?m)^-.*What is")
        for form in ("messages", "torchtune", "axolotl", "axolotl-segments"):
            out = self.folder / f"{form}.jsonl"
            self.train(config, "--export", form, "--to", out)
            first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
            self.assertTrue(first.keys() & {"messages", "labels", "segments"}, first.keys())


class BadInput(TrainTest):
    def fails(self, pattern, config, *words, code=3):
        result = self.train(config, *words, code=code)
        lines = [line for line in result.stderr.splitlines() if line and not line.startswith("tokenise ")]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertRegex(lines[0], pattern)
        return lines[0]

    def test_an_unknown_key_names_the_nearest(self):
        self.fails(r"there is no key 'optimizer.lerning_rate'; did you mean 'optimizer.learning_rate'\?", self.configuration("key"),
                   "optimizer.lerning_rate=1")
        path = self.folder / "typo.yaml"
        path.write_text("run: x\nmodle: {}\n")
        self.fails(r"typo.yaml:2: there is no key 'modle'; did you mean 'model", path)

    def test_missing_and_misshapen_tensors_are_all_named(self):
        from_scratch = self.configuration("for-tensors", steps=1)
        self.train(from_scratch)
        folder = self.folder / "broken"
        shutil.copytree(self.folder / "for-tensors/result", folder)
        # A safetensors file is eight bytes of length, a JSON header, and data: two names are changed, one shape is.
        path = folder / "model.safetensors"
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        header["model.layers.0.self_attn.q_projX.weight"] = header.pop("model.layers.0.self_attn.q_proj.weight")
        header["model.normX.weight"] = header.pop("model.norm.weight")
        down = header["model.layers.1.mlp.down_proj.weight"]
        down["shape"] = list(reversed(down["shape"]))
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size:])
        line = self.fails("broken", self.configuration("tensors", model__config="", model__from=folder))
        for name in ("layers.0.self_attn.q_proj.weight", "model.norm.weight", "layers.1.mlp.down_proj.weight"):
            self.assertIn(name, line)
        self.assertFalse((self.folder / "tensors/checkpoints").exists())

    def test_data_without_an_assistant_token(self):
        path = self.folder / "questions.jsonl"
        path.write_text("".join(json.dumps({"messages": [{"role": "user", "content": f"{i}?"}]}) + "\n" for i in range(3)))
        self.fails("questions.jsonl:1: the record has neither", self.configuration("questions", data__train=[str(path)]))
        self.fails("no token", self.configuration("nothing", data__loss__text=0, data__loss__code=0))

    def test_a_tokenizer_that_does_not_match(self):
        small = self.folder / "small512.json"
        small.write_text(self.model.read_text().replace('"vocab_size": 2048', '"vocab_size": 512'))
        self.fails("512", self.configuration("rows", model__config=small))

    def test_missing_files(self):
        self.fails("nowhere.jsonl", self.configuration("nofile", data__train=[str(self.folder / "nowhere.jsonl")]))
        self.fails("nowhere", self.configuration("nomodel", model__config="", model__from=self.folder / "nowhere"))
        self.fails("nowhere.yaml", self.folder / "nowhere.yaml")

    def test_a_folder_of_another_run_is_refused(self):
        config = self.configuration("other", steps=2)
        self.train(config)
        self.fails("optimizer.learning_rate was 0.001, is now 0.002", config, "optimizer.learning_rate=2e-3", "steps=2")


class Resume(TrainTest):
    def test_a_run_that_is_done_says_so(self):
        config = self.configuration("done", steps=3)
        self.train(config)
        before = support.sha256_of(self.folder / "done/result")
        self.assertIn("is done", self.train(config).stderr)
        self.assertEqual(before, support.sha256_of(self.folder / "done/result"))

    def test_ctrl_c_keeps_what_was_done(self):
        whole = self.configuration("whole", steps=300)
        self.train(whole)
        config = self.configuration("ctrl-c", steps=300)
        program = subprocess.Popen([BIN, "train", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        path = self.folder / "ctrl-c/metrics.jsonl"
        while program.poll() is None and not (path.exists() and len(path.read_text().splitlines()) > 5):
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        _, text = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 130, text)
        self.assertIn("the same command goes on", text)
        self.train(config)
        self.assertEqual(support.sha256_of(self.folder / "whole/result"), support.sha256_of(self.folder / "ctrl-c/result"))
        self.assertEqual(support.losses(self.folder / "whole"), support.losses(self.folder / "ctrl-c"))

    def test_a_disk_that_fills_leaves_the_last_checkpoint_whole(self):
        config = self.configuration("full", steps=30, checkpoints__every_steps=5, checkpoints__asynchronous=False)
        self.train(config, "steps=30", "minutes=0.0001")  # one checkpoint at least
        limited = ["bash", "-c", f"ulimit -f 100; exec {BIN} train {config}"]  # of 1,024 bytes each
        result = subprocess.run(limited, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertIn("checkpoints", result.stderr)
        shutil.rmtree(self.folder / "full/result", ignore_errors=True)
        self.train(config)
        self.train(self.configuration("not-full", steps=30))
        self.assertEqual(support.sha256_of(self.folder / "full/result"), support.sha256_of(self.folder / "not-full/result"))


class Guard(TrainTest):
    def test_a_run_that_diverges_stops_and_the_same_command_goes_on_with_another_policy(self):
        config = self.configuration("diverges", optimizer__learning_rate=1e30, optimizer__clip=0, schedule__warmup_steps=0, steps=12,
                                    checkpoints__every_steps=1)
        stopped = self.train(config, code=1)
        self.assertRegex(stopped.stderr, r"step \d+: .*; stopped, as the policy says.*checkpoints are whole")
        # Every later step is no number either: it is skipped until the limit says that this leads nowhere.
        skipped = self.train(config, "guard.nan=skip", "guard.limit=3", code=1)
        self.assertIn("the step is skipped", skipped.stderr)
        self.assertRegex(skipped.stderr, r"stopped after 3 such steps in a row")
        back = self.configuration("back", optimizer__learning_rate=1e30, optimizer__clip=0, schedule__warmup_steps=0, steps=12,
                                  checkpoints__every_minutes=0, guard__nan="rollback", guard__limit=3)
        result = self.train(back, code=1)
        self.assertIn("back to the last checkpoint", result.stderr)
        notes = [record["text"]["note"] for record in support.metrics(self.folder / "back") if "text" in record]
        self.assertTrue(any("back to the last checkpoint" in note for note in notes), notes)


class Ways(TrainTest):
    def test_what_is_computed_again_changes_no_bit(self):
        results = []
        for kind in ("none", "selective", "full"):
            self.train(self.configuration(f"keep-{kind}", steps=6, model__checkpointing=kind, model__compute="bf16"))
            results.append(support.sha256_of(self.folder / f"keep-{kind}/result"))
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], results[2])

    def test_narrow_moments_follow_the_wide_ones(self):
        last = {}
        for kind in ("f32", "bf16", "int8"):
            self.train(self.configuration(f"moments-{kind}", steps=40, optimizer__moments=kind))
            last[kind] = support.losses(self.folder / f"moments-{kind}")[40]
        print(last)
        for kind in ("bf16", "int8"):
            self.assertLess(abs(last[kind] - last["f32"]), 0.05 * last["f32"])

    def test_held_out_files_frozen_parameters_and_the_type_of_the_result(self):
        held_out = support.transcripts(self.folder / "held-out.jsonl", 30, seed=2)
        self.train(self.configuration("ways", steps=10, data__held_out=[str(held_out)], model__freeze=["mlp"], result__type="bf16",
                                      result__gguf="q8_0", schedule__name="wsd", schedule__decay="linear"))
        found = [record["held_out"] for record in support.metrics(self.folder / "ways") if "held_out" in record]
        self.assertEqual(len(found), 2)
        self.assertLess(found[1]["loss"], found[0]["loss"])
        self.assertEqual({"loss", "text", "code", "execution", "user"}, set(found[0]))
        header = (self.folder / "ways/result/model.safetensors").read_bytes()[:4000].decode("utf-8", "replace")
        self.assertIn('"BF16"', header)
        self.assertGreater((self.folder / "ways/result.gguf").stat().st_size, 1000)

    def test_nothing_to_learn_and_wrong_types_are_refused_before_time_is_spent(self):
        for words, pattern in ((["model.freeze=['.*']"], "nothing to learn"), (["result.gguf=q9_z"], "q9_z"),
                               (["watch.eval_every=1", "watch.eval_problems=/nowhere.jsonl"], "/nowhere.jsonl")):
            result = self.train(self.configuration("refused"), *words, code=3)
            self.assertIn(pattern, result.stderr)
            self.assertFalse((self.folder / "refused/checkpoints").exists())


class Lora(TrainTest):
    def test_adapters_are_learnt_saved_and_merged(self):
        base = self.configuration("base", steps=30)
        self.train(base)
        config = self.configuration("lora", model__config="", model__from=self.folder / "base/result", lora__rank=4, steps=30,
                                    optimizer__learning_rate=5e-3)
        self.train(config)
        losses = support.losses(self.folder / "lora")
        self.assertLess(losses[30], losses[1])
        self.assertTrue((self.folder / "lora/adapter/adapter_model.safetensors").exists())
        self.assertEqual(json.loads((self.folder / "lora/adapter/adapter_config.json").read_text())["r"], 4)
        before, after = (support.sha256_of(self.folder / name / "result") for name in ("base", "lora"))
        self.assertNotEqual(before, after, "adapters are merged into the result")
        # Killed and resumed: frozen weights come from the folder, adapters from the checkpoint.
        again = self.configuration("lora-again", model__config="", model__from=self.folder / "base/result", lora__rank=4, steps=30,
                                   optimizer__learning_rate=5e-3, checkpoints__every_steps=5)
        program = subprocess.Popen([BIN, "train", str(again), "-q"])
        while program.poll() is None and not (self.folder / "lora-again/checkpoints/step-00000010").exists():
            time.sleep(0.01)
        program.kill()
        program.wait()
        self.train(again)
        self.assertEqual(support.sha256_of(self.folder / "lora-again/result"), after)


class Problems(TrainTest):
    def test_problems_are_solved_on_the_way(self):
        problems = self.folder / "problems.jsonl"
        problems.write_text("".join(json.dumps({"question": f"What is {i} + 3?", "answer": str(i + 3)}) + "\n" for i in range(3)))
        config = self.configuration("eval", model__config="", model__from=support.MODEL, model__tokenizer="", steps=2,
                                    optimizer__learning_rate=0, watch__eval_every=1, watch__eval_problems=problems)
        self.train(config)
        transcripts = (self.folder / "eval/eval/step-1.jsonl").read_text().splitlines()
        self.assertEqual(len(transcripts), 3)
        checks = [record["problems"] for record in support.metrics(self.folder / "eval") if "problems" in record]
        self.assertEqual(len(checks), 2)  # after the first step, and at the end
        self.assertEqual(checks[0]["solved"], 3)

    def test_a_model_that_learns_nothing_comes_out_as_it_went_in(self):
        config = self.configuration("same", model__config="", model__from=support.tokenizer_folder(self.folder), model__tokenizer="",
                                    steps=2, optimizer__learning_rate=0, model__compute="bf16")
        self.train(config)
        self.assertEqual(support.sha256_of(self.folder / "same/result"), support.sha256_of(support.tokenizer_folder(self.folder)))


class Kills(TrainTest):
    def test_the_weights_are_those_of_an_undisturbed_run(self):
        seed = int(os.environ.get("MATHCODER_SEED", time.time_ns() % 1_000_000))
        print(f"seed {seed}, {KILLS} kills", flush=True)
        rng = random.Random(seed)
        keys = {"steps": 200, "batch_rows": 2, "checkpoints__every_steps": 5, "model__compute": "bf16", "optimizer__name": "muon"}
        self.train(self.configuration("undisturbed", **keys))
        expected = support.sha256_of(self.folder / "undisturbed/result")
        self.assertTrue(expected)
        kills, runs, in_training = 0, 0, 0
        while kills < KILLS:
            runs += 1
            config = self.configuration("killed", **keys)
            while True:
                program = subprocess.Popen([BIN, "train", str(config), "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                try:
                    _, text = program.communicate(timeout=rng.uniform(0.05, 2.0) if kills < KILLS else 300)
                    self.assertEqual(program.returncode, 0, text)
                    break
                except subprocess.TimeoutExpired:
                    program.kill()
                    program.communicate()
                    kills += 1
                    steps = [int(path.name[5:]) for path in (self.folder / "killed/checkpoints").glob("step-????????")]
                    in_training += 1 if steps and max(steps) > 0 else 0
            self.assertEqual(support.sha256_of(self.folder / "killed/result"), expected, f"seed {seed}, run {runs}, {kills} kills")
            undisturbed = support.losses(self.folder / "undisturbed")
            self.assertEqual(support.losses(self.folder / "killed"), undisturbed)
            shutil.rmtree(self.folder / "killed")
        print(f"{kills} kills in {runs} runs, {in_training} of them after the first checkpoint of a run")
        self.assertGreater(in_training, kills // 4, "the kills came too early to show anything")


@unittest.skipUnless(SHARED.is_dir(), f"SKIPPED: no shared data at {SHARED} (MATHCODER_SHARED)")
class Tiny(unittest.TestCase):
    def test_the_recipe_lowers_the_held_out_loss_and_solve_runs_the_result(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "tiny"
            result = mathcoder("train", "recipes/tiny.yaml", f"run={run}", f"data.train=['{SHARED}/transcripts/*/*-correct.jsonl']",
                               cwd=support.ROOT, timeout=900)
            self.assertEqual(result.returncode, 0, result.stderr)
            held_out = [record["held_out"]["loss"] for record in support.metrics(run) if "held_out" in record]
            print("held-out loss:", held_out)
            self.assertLess(held_out[-1], held_out[0] - 0.5)
            solved = mathcoder("solve", "-m", run / "result.gguf", "--json", "What is 3 + 4?")
            self.assertIn(solved.returncode, (0, 1), solved.stderr)  # 1: it wrote, and stated no answer; it is no good model yet
            self.assertTrue(json.loads(solved.stdout)["mathcoder"]["token_ids"])


@unittest.skipUnless(shutil.which("mpirun"), "SKIPPED: no mpirun here")
class Ranks(TrainTest):
    def mpirun(self, ranks, config, *words):
        environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        result = subprocess.run(["mpirun", "--oversubscribe", "-n", str(ranks), BIN, "train", str(config), "-q", "parallel.threads=1", *words],
                                capture_output=True, text=True, env=environment, timeout=600, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_ranks_and_stages_give_the_same_losses(self):
        self.train(self.configuration("one"))
        expected = support.losses(self.folder / "one")
        for ranks in (2, 4):
            for stage in range(4):
                name = f"ranks-{ranks}-zero-{stage}"
                self.mpirun(ranks, self.configuration(name, parallel__zero=stage))
                found = support.losses(self.folder / name)
                self.assertEqual(found.keys(), expected.keys())
                worst = max(abs(found[step] - expected[step]) for step in expected)
                print(f"{ranks} ranks, ZeRO {stage}: largest difference {worst:.1e}", flush=True)
                self.assertLess(worst, 1e-5)

    def test_adapters_on_two_ranks_from_a_gguf_file(self):
        keys = {"model__config": "", "model__from": support.MODEL, "model__tokenizer": "", "lora__rank": 2, "steps": 5}
        self.train(self.configuration("lora-one", **keys))
        self.mpirun(2, self.configuration("lora-two", parallel__zero=3, **keys))
        one, two = support.losses(self.folder / "lora-one"), support.losses(self.folder / "lora-two")
        self.assertLess(max(abs(one[step] - two[step]) for step in one), 1e-5)

    def test_two_ranks_save_and_four_go_on(self):
        self.train(self.configuration("alone", steps=24))
        expected = support.losses(self.folder / "alone")
        config = self.configuration("resized", steps=24, checkpoints__every_steps=12, parallel__zero=2)
        self.mpirun(2, config, "minutes=0.00001")  # ends after a step, with a checkpoint
        steps = [int(path.name[5:]) for path in (self.folder / "resized/checkpoints").glob("step-????????")]
        self.assertTrue(0 < max(steps) < 24, steps)
        self.mpirun(2, config, "minutes=0.0001")
        self.mpirun(4, config, "parallel.zero=3")
        found = support.losses(self.folder / "resized")
        self.assertEqual(found.keys(), expected.keys())
        self.assertLess(max(abs(found[step] - expected[step]) for step in expected), 1e-5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
