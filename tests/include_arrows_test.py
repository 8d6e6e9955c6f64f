#!/usr/bin/env python3
"""Fails when a room includes what it may not: an arrow of the house may not point back up.

A room may include itself and the rooms that its row lists. Third-party headers with strong opinions stay behind one file each.
`include_arrows_test.py --self-test` shows that a broken arrow is found.
"""
import re
import sys
from pathlib import Path

MAY_INCLUDE = {
    "base": set(),
    "chat": {"base"},
    "math": {"base"},
    "grade": {"base", "math", "chat"},
    "sandbox": {"base"},
    "engine": {"base", "chat"},
    "solve": {"base", "chat", "engine", "sandbox"},
    "dataset": {"base", "chat", "engine", "sandbox", "solve", "grade", "math"},
    "evaluate": {"base", "chat", "engine", "sandbox", "solve", "grade", "math"},
    "weights": {"base", "chat", "engine"},
    "train": {"base", "chat", "weights"},
    "serve": {"base", "chat", "engine", "sandbox", "solve"},
}
MAY_INCLUDE["cli"] = set(MAY_INCLUDE)
# What the tests of a room may include besides: masks are checked with the vocabulary of a model file.
TESTS_MAY_INCLUDE = {"train": {"engine"}}
# header -> files that may name it
ONLY_IN = {
    r"llama\.h|ggml.*\.h|gguf\.h": r"src/engine/(llama|gguf)[a-z0-9_]*\.(cc|h)$",
    r"curl/curl\.h": r"src/engine/endpoint_[a-z_]+\.(cc|h)$",
    r"yaml-cpp/.*": r"src/chat/[a-z_]+\.cc$|src/evaluate/benchmark_file\.cc$|src/train/run/config\.cc$",
    r"sqlite3\.h": r"src/evaluate/sqlite_store\.cc$",
    r"libpq-fe\.h": r"src/evaluate/postgres_store\.cc$",
    r"nlohmann/.*": r"src/base/json\.h$",
    r"openssl/.*": r"src/base/hash\.cc$|src/engine/endpoint_([a-z_]+_test\.cc|fault_server\.(cc|h))$",
    r"seccomp\.h": r"src/sandbox/daemon/[a-z_]+\.cc$",
    r"(flint|calcium|antic)/.*|(arb|acb|arf|mag|fmpz|fmpq|qqbar|ca)[a-z_]*\.h": r"src/math/exact_flint\.c$",
    r"math/exact_flint\.h": r"src/math/exact(_flint)?\.(h|cc|c)$",
    r"(ATen|c10|torch)/.*": r"src/train/|src/cli/train_main\.cc$",
    r"c10/cuda/.*|ATen/ops/_flash_.*": r"src/train/ops/cuda/(device_cuda|flash_attention)\.cc$",
    r"cuda(_[a-z0-9]+)?\.h": r"src/train/ops/cuda/kernels/language\.h$",
    r"mpi\.h": r"src/train/parallel/mpi_[a-z_]+\.cc$",
    r"CLI/.*": r"src/cli/[a-z_]+\.cc$",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')


def violations(path: str, text: str):
    room = path.split("/")[1]
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        target = header.split("/")[0]
        allowed = MAY_INCLUDE[room] | (TESTS_MAY_INCLUDE.get(room, set()) if path.endswith("_test.cc") else set())
        if "/" in header and target in MAY_INCLUDE and target != room and target not in allowed:
            yield f"{path}:{number}: {room}/ may not include {header} (it may include: {', '.join(sorted(MAY_INCLUDE[room])) or 'nothing'})"
        for pattern, files in ONLY_IN.items():
            if re.fullmatch(pattern, header) and not re.search(files, path):
                yield f"{path}:{number}: <{header}> belongs behind {files}"


def main() -> int:
    if "--self-test" in sys.argv:
        broken = list(violations("src/base/x.h", '#include "chat/dialect.h"\n#include <llama.h>\n#include <vector>\n'))
        assert len(broken) == 2, broken
        assert not list(violations("src/solve/x.h", '#include "chat/dialect.h"\n#include "solve/loop.h"\n'))
    root = Path(__file__).resolve().parent.parent
    found, files = [], 0
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in {".h", ".cc", ".c", ".cu"}:
            continue
        name = path.relative_to(root).as_posix()
        if name.split("/")[1] not in MAY_INCLUDE:
            found.append(f"{name}: the room {name.split('/')[1]}/ is in no row of {__file__}")
            continue
        files += 1
        found += violations(name, path.read_text(encoding="utf-8"))
    print("\n".join(found) or f"{files} files, every arrow holds")
    return 1 if found or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
