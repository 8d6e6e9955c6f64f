#!/usr/bin/env python3
"""Several processes that train one model, started by mpirun: build/release/bin/train_ranks_test on 1, 2 and 4 ranks.

train_ranks_test.py [Class[.test]]... ; `train_ranks_test.py --table` prints the table of docs/training-parallel.md.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.environ.get("MATHCODER_RANKS_TEST", os.path.join(os.path.dirname(__file__), "../build/release/bin/train_ranks_test"))
MPIRUN = shutil.which("mpirun")
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def command(ranks, *arguments):
    start = [MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks > 1 else []
    return start + [PROGRAM, *arguments]


def run(ranks, *arguments):
    done = subprocess.run(command(ranks, *arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{ranks} ranks, {arguments}: code {done.returncode}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def train(ranks, **settings):
    lines = run(ranks, "train", *(f"{key}={value}" for key, value in settings.items()))
    return [line["loss"] for line in lines[:-1]], lines[-1]


def furthest(a, b):
    assert len(a) == len(b) > 0, (len(a), len(b))
    return max(abs(x - y) for x, y in zip(a, b))


class Collectives(unittest.TestCase):
    def test_sums_are_right_and_repeat_to_the_bit(self):
        for ranks in (2, 3, 4):
            with self.subTest(ranks=ranks):
                (first,), (second,) = run(ranks, "collectives", "2"), run(ranks, "collectives", "2")
                self.assertEqual(first["wrong"], 0)
                self.assertEqual(first["size"], ranks)
                self.assertRegex(first["name"], r"^MPI \(.+\)$")
                self.assertEqual(first["digests"], second["digests"])


class Stages(unittest.TestCase):
    BOUND = 1e-5

    def test_losses_are_those_of_one_process(self):
        worst = 0
        for muon, model in ((0, "small"), (1, "small"), (0, "toy")):
            alone, _ = train(1, muon=muon, model=model)
            self.assertLess(alone[-1], alone[0] - 0.2)
            self.assertGreaterEqual(len(alone), 24)
            for ranks in (2, 4):
                for stage in (0, 1, 2, 3):
                    with self.subTest(ranks=ranks, stage=stage, muon=muon, model=model):
                        together, _ = train(ranks, stage=stage, muon=muon, model=model)
                        worst = max(worst, furthest(together, alone))
                        self.assertLess(furthest(together, alone), self.BOUND)
        print(f"losses of 24 steps, 2 and 4 ranks, stages 0 to 3, AdamW and Muon: furthest from one process {worst:.1e}")

    def test_saved_on_2_resumed_on_4_and_on_1(self):
        worst = 0
        for muon in (0, 1):
            alone, _ = train(1, muon=muon, steps=24)
            for stage, others in ((0, (3,)), (1, (2,)), (2, (1,)), (3, (3, 0))):
                with tempfile.TemporaryDirectory() as folder:
                    train(2, muon=muon, steps=12, stage=stage, save=folder)
                    for other in others:
                        for ranks in (4, 1):
                            with self.subTest(muon=muon, stage=stage, ranks=ranks, other=other):
                                resumed, _ = train(ranks, muon=muon, first=13, steps=12, stage=other, load=folder)
                                worst = max(worst, furthest(resumed, alone[12:]))
                                self.assertLess(furthest(resumed, alone[12:]), self.BOUND)
        print(f"resumed from 2 ranks on 4 and on 1: furthest from the undisturbed run {worst:.1e}")


class Failures(unittest.TestCase):
    def start(self, *arguments):
        return subprocess.Popen(command(3, "train", "model=toy", "rows=6", *arguments), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ranks_of(self, mpirun):
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(mpirun.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in children.split()]

    def expect_gone(self, ranks):
        for pid in ranks:
            state = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True).stdout
            self.assertTrue("train_ranks" not in state or state.startswith("Z"), state)  # Z: ended, its parent as well

    def test_a_killed_rank_ends_the_run(self):
        for stage in (0, 3):
            run = self.start(f"stage={stage}", "steps=100000", "sleep=5")
            self.assertIn('"step": 1', run.stdout.readline())
            ranks = self.ranks_of(run)
            self.assertEqual(len(ranks), 3)
            start = time.monotonic()
            os.kill(ranks[1], signal.SIGKILL)
            _, errors = run.communicate(timeout=30)
            seconds = time.monotonic() - start
            self.assertNotEqual(run.returncode, 0)
            self.assertLess(seconds, 10)
            self.assertRegex(errors, r"exited on signal 9")
            self.expect_gone(ranks)
            print(f"kill -9 of one of three ranks, stage {stage}: the run ended after {seconds:.1f} s")

    def test_an_error_of_one_rank_ends_the_run_with_its_line(self):
        start = time.monotonic()
        run = self.start("stage=2", "steps=100000", "fail=3")
        _, errors = run.communicate(timeout=60)
        self.assertLess(time.monotonic() - start, 30)
        self.assertEqual(errors.count("train_ranks_test: the disk of rank 1 is full"), 1, errors)
        self.assertNotIn("check failed", errors)
        self.assertEqual(run.returncode, 5, errors)

    def test_all_may_end_with_a_code(self):
        run = self.start("quit=3")
        _, errors = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 5, errors)
        self.assertNotIn("MPI_ABORT", errors)

    def test_a_foreign_mpi_is_named(self):
        done = subprocess.run([PROGRAM, "train"], env=dict(ENVIRONMENT, PMI_SIZE="4"), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, r"started as one of several processes \(PMI_SIZE=4\)")


def measure():
    rows = []
    for ranks in (1, 2, 4):
        for stage in (0, 1, 2, 3) if ranks > 1 else (0,):
            _, found = train(ranks, model="large", stage=stage, steps=3)
            rows.append((ranks, stage, found))
    return rows


class Memory(unittest.TestCase):
    def test_memory_falls_as_the_stage_promises(self):
        whole, sums, resident = {}, {}, {}
        for ranks, stage, found in measure():
            self.assertGreater(found["parameters"], 18e6)
            if ranks == 1:
                whole = found
                continue
            near = lambda key, factor: self.assertAlmostEqual(found[key] / whole[key], factor, delta=0.01, msg=(ranks, stage, key))
            near("weights", 1 / ranks if stage == 3 else 1)
            near("gradients", 1 / ranks if stage >= 2 else 1)
            near("optimizer", 1 / ranks if stage >= 1 else 1)
            sums[ranks, stage] = sum(found[key] for key in ("weights", "gradients", "optimizer", "gathered_peak"))
            resident[ranks, stage] = found["resident"]
        for ranks in (2, 4):
            for stage in (1, 2, 3) if ranks == 4 else (1,):  # on 2 ranks the buffers of so small a model weigh as much as the halves
                self.assertLess(sums[ranks, stage], sums[ranks, stage - 1], (ranks, stage))
                self.assertLess(resident[ranks, stage], resident[ranks, stage - 1] + 2e6, (ranks, stage))


def table():
    print("| processes | stage | weights | gradients | optimizer | buffers | sum | measured |")
    print("|---|---|---|---|---|---|---|---|")
    for ranks, stage, found in measure():
        parts = [found[key] for key in ("weights", "gradients", "optimizer", "gathered_peak")]
        cells = " | ".join(f"{part / 1e6:.0f}" for part in [*parts, sum(parts), found["resident"]])
        print(f"| {ranks} | {stage if ranks > 1 else '-'} | {cells} |")


if __name__ == "__main__":
    if not os.path.exists(PROGRAM):
        sys.exit(f"{PROGRAM}: not built")
    if MPIRUN is None:
        print("SKIPPED: mpirun is not installed (openmpi-bin)", file=sys.stderr)
        sys.exit(77)
    if sys.argv[1:] == ["--table"]:
        table()
    else:
        unittest.main(verbosity=2)
