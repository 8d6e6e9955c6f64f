// One graded transcript, without its text: a line of verdicts.jsonl, and what summaries, comparisons and the report count.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/transcript.h"
#include "evaluate/benchmark.h"
#include "grade/grade.h"

namespace mathcoder::evaluate {

struct Item {
  Task task;
  std::string model;  // empty: the one of the manifest
  std::string file;   // of --transcripts; empty otherwise
  std::string id;     // of the question, as its file gives it
  std::string question_sha256;
  std::string subject;
  std::string level;
  std::string reference;
  std::string answer;       // empty where none was found
  std::string answer_rule;  // how it was found
  grade::Outcome outcome = grade::Outcome::kUnknown;
  std::string equality;  // what was proven of it: "equal", "probably equal", ...
  std::string reason;
  std::string rule;
  chat::Ending ending = chat::Ending::kAnswered;
  bool timed_out = false;  // a block of code did
  std::size_t code_blocks = 0;
  std::size_t generated_tokens = 0;     // 0: unknown
  std::optional<double> seconds;        // of solving; not in the record
  std::chrono::nanoseconds grading{0};  // not in the record

  // The jail or the engine failed, not the model: never scored.
  bool infrastructure_failure() const { return ending == chat::Ending::kSandboxFailure || ending == chat::Ending::kEngineFailure; }
  bool truncated() const {
    return ending == chat::Ending::kBlockLimit || ending == chat::Ending::kTokenLimit || ending == chat::Ending::kContextFull;
  }
  bool correct() const { return !infrastructure_failure() && outcome == grade::Outcome::kCorrect; }
};

// "correct", "wrong", "unknown", "no_answer" or "infrastructure_failure".
std::string OutcomeName(const Item& item);

// Without `seconds` and `grading`: what a deterministic run repeats.
base::Json ToJson(const Item& item);
base::Result<Item> ItemFromJson(const base::Json& record);

// Grades one transcript. `question` gives the reference, subject and level.
Item Judge(const grade::Grader& grader, const Task& task, const Question& question, const chat::Transcript& transcript);

}  // namespace mathcoder::evaluate
