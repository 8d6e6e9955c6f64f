// The records of a JSONL file that a person named on the command line: a malformed one ends the program with its place, or is
// told and passed over.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/jsonl.h"

namespace mathcoder::cli {

// read: Json -> base::Result<T>; keep: (T, where "file:line"). Returns how many records were passed over (with skip_bad; without it
// the first malformed one throws base::BadInput).
template <typename Read, typename Keep>
std::size_t ReadRecords(const std::string& file, bool skip_bad, Read read, Keep keep) {
  std::size_t bad = 0;
  base::JsonLines lines(file);
  while (auto record = lines.Next()) {
    std::string error;
    if (!record->ok()) {
      error = record->error();
    } else if (auto value = read(**record); value.ok()) {
      keep(std::move(value).value(), lines.Where());
      continue;
    } else {
      error = lines.Where() + ": " + value.error();
    }
    if (!skip_bad) throw base::BadInput(error + " (--skip-bad goes on with the others)");
    std::fprintf(stderr, "mathcoder: skipped: %s\n", error.c_str());
    ++bad;
  }
  return bad;
}

}  // namespace mathcoder::cli
