#!/usr/bin/env python3
"""Compiles the trainer's CUDA code where no GPU is: every kernel by nvcc for each architecture, what calls them by the C++ compiler against
libtorch's headers (those of a CPU build do), and looks whether each function of ours that is called is there and no kernel spills registers.

  train_cuda_compiles.py LIBTORCH [CXX]       exit code 77 where nvcc is not installed
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = ["80", "90", "100", "120"]  # A100, H100, B200, RTX 50; what the installed nvcc knows of them
SPILLED = 64  # bytes: the way of a division that is hardly ever taken costs a few
# What looks different in a build with CUDA, besides ops/cuda/ and optim/cuda/.
CALLERS = ["src/train/ops/ops.cc", "src/train/optim/optimizer.cc", "src/train/optim/muon.cc"]
OURS = re.compile(r"mathcoder::train::(ops::cuda|optim_cuda|cuda)::")


def find_nvcc():
    named = os.environ.get("CUDACXX") or shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    return named if shutil.which(named) else None


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def symbols(objects, undefined):
    _, text = run(["nm", "-C", "--undefined-only" if undefined else "--defined-only", *map(str, objects)])
    return {line.split(None, 1 if undefined else 2)[-1] for line in text.splitlines() if OURS.search(line)}


def main() -> int:
    nvcc = find_nvcc()
    if nvcc is None:
        print("SKIPPED: no nvcc here; the trainer's CUDA code is not compiled")
        return 77
    libtorch, cxx = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "c++"
    # Where the headers are: nvcc may be a script somewhere else.
    _, plan = run([nvcc, "--dryrun", "-c", str(next(ROOT.glob("src/train/ops/cuda/kernels/*.cu")))])
    toolkit = re.search(r'INCLUDES="-I([^"]+)"', plan).group(1)
    _, known = run([nvcc, "--list-gpu-arch"])
    architectures = [a for a in ARCHITECTURES if f"compute_{a}\n" in known]
    kernels = sorted(ROOT.glob("src/train/*/cuda/**/*.cu"))
    sources = [p for p in sorted(ROOT.glob("src/train/*/cuda/*.cc")) if not p.name.endswith("_test.cc")] + [ROOT / p for p in CALLERS]
    assert kernels and sources and {"80", "90"} <= set(architectures), (kernels, sources, architectures)

    with tempfile.TemporaryDirectory() as folder:
        def compile_one(source):
            target = Path(folder) / f"{source.stem}.{source.suffix[1:]}.{len(str(source))}.o"
            if source.suffix == ".cu":
                command = [nvcc, "-std=c++20", "-O3", "-Xptxas", "-v", "-Werror", "all-warnings", "-I", str(ROOT / "src")]
                for a in architectures:
                    command += ["-gencode", f"arch=compute_{a},code=sm_{a}"]
            else:
                command = [cxx, "-std=c++20", "-O0", "-fopenmp", "-Wall", "-Wextra", "-Wshadow", "-Wnon-virtual-dtor", "-Werror",
                           "-DMATHCODER_TRAIN_CUDA", "-DC10_CUDA_NO_CMAKE_CONFIGURE_FILE", "-I", str(ROOT / "src"),
                           "-isystem", str(libtorch / "include"), "-isystem", toolkit]
            code, output = run([*command, "-c", str(source), "-o", str(target)])
            name = source.relative_to(ROOT)
            if code != 0:
                return target, f"{name}: does not compile\n{output}"
            spilled = max((int(n) for n in re.findall(r"(\d+) bytes spill", output)), default=0)
            if spilled > SPILLED:
                return target, f"{name}: a kernel spills {spilled} bytes of registers (nvcc -Xptxas -v names it)"
            print(f"ok {name}", flush=True)
            return target, None

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(compile_one, kernels + sources))
        failures = [failure for _, failure in results if failure]
        objects = [target for target, _ in results]
        if not failures:
            called, there = symbols(objects, True), symbols(objects, False)
            assert called, "nothing of ours is called: the pattern of names is wrong"
            failures = [f"{name}: called, and nowhere" for name in sorted(called - there)]
        print("\n".join(failures) or f"{len(kernels)} kernel files for sm_{', sm_'.join(architectures)}; {len(sources)} C++ files; "
              f"{len(called)} functions called across files, all there")
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
