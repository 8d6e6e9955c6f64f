// A benchmark is a data file that says which question file it reads, where that comes from, and how its answers are graded
// (docs/evaluation.md). The built-in ones are compiled in from benchmarks/*.yaml; users bring their own with --bench-file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::evaluate {

struct Benchmark {
  std::string name;                  // "gsm8k": of --bench, of the records
  std::string title;                 // "GSM8K": of tables
  std::string file;                  // in --data
  std::string source;                // where the public questions are, in words
  std::string policy;                // flags of grade::PolicyOf, appended to the mode: "round_to_reference"; may be empty
  std::string published_policy;      // flags in mode mathcoder alone: what the published grader did for this set; may be empty
  std::string answer_after;          // the reference follows this mark in the answer field ("####"); empty: it is the whole field
  std::string subject_from_id;       // regular expression whose first group is the subject; empty: fields "subject", "type"
  std::vector<std::string> aliases;  // how files of transcripts call it, besides name and title
};

struct Question {
  chat::Problem problem;
  std::string reference;  // as text
  std::string subject;    // empty where the file gives none
  std::string level;      // "3"; empty where the file gives none
  std::string sha256;     // of the question's text
};

// One problem to be solved once: the unit that a store hands out.
struct Task {
  std::string benchmark;
  std::size_t index = 0;  // of the question in its file, from 0
  std::uint32_t sample = 0;
  auto operator<=>(const Task&) const = default;
};

// In the order of benchmarks.cmake.
const std::vector<Benchmark>& BuiltInBenchmarks();
// One definition from YAML. Throws base::BadInput ("file:line: ...").
Benchmark ReadBenchmark(std::string_view yaml, const std::string& where);
Benchmark LoadBenchmark(const std::filesystem::path& path);

// nullptr where none of `known` has that name.
const Benchmark* FindBenchmark(const std::vector<Benchmark>& known, std::string_view name);

struct Selection {
  Benchmark benchmark;
  std::uint32_t samples = 1;
};
// "gsm8k,math:16": names with a number of samples each. Throws base::Error (kUsage) that lists the known names.
std::vector<Selection> ParseSelection(std::string_view spelled, const std::vector<Benchmark>& known);

struct Dataset {
  Benchmark benchmark;
  std::string sha256;  // of the question file
  std::vector<Question> questions;
};
// Throws base::BadInput: the file is missing (and where its public source is), or a line cannot be used ("file:line: ...").
Dataset ReadDataset(const Benchmark& benchmark, const std::filesystem::path& folder);
// What a benchmark makes of one problem. A problem without a reference has an empty one.
Question QuestionOf(const Benchmark& benchmark, chat::Problem problem);

// The benchmark that a file of transcripts belongs to by its name ("GSM8K-correct.jsonl", "math_run2.jsonl"); nullptr where the
// name says nothing.
const Benchmark* BenchmarkOfFile(const std::vector<Benchmark>& known, const std::filesystem::path& file);

}  // namespace mathcoder::evaluate
