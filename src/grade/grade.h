// Verdicts: is this answer the reference? Built on math/ (reading and equality) and named policies; every verdict carries its
// reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/transcript.h"
#include "math/compare.h"

namespace mathcoder::grade {

enum class Mode : std::uint8_t {
  kStrict,     // mathematics, and the reference's own digits where a benchmark says so
  kLenient,    // also rounding, percent either way, units dropped, a relative tolerance of 1e-3
  kMathCoder,  // the published grader's verdicts, quirks included: for comparison with the paper (docs/grading.md)
};
std::string_view Name(Mode mode);
std::optional<Mode> ModeOf(std::string_view name);

enum class Outcome : std::uint8_t { kCorrect, kWrong, kUnknown, kNoAnswer };
std::string_view Name(Outcome outcome);  // "correct", "wrong", "unknown", "no_answer"

struct Policy {
  Mode mode = Mode::kStrict;
  math::CompareOptions compare;
  bool choice_letters = true;        // C | (C)
  bool percent_sign_as_unit = true;  // 60 | 60%: one side leaves the sign out, above 1 in size (33.5% | 0.335 always holds)
  bool any_of_boxes = false;         // a reference of one value is met by an answer of several that has it: 32 | 32 and 64
  bool drop_letters =
      false;  // mode mathcoder only: ASCII letters of the answer do not count, as the published program did for GSM8K
};
// "strict", "lenient", "mathcoder", each with flags appended: "strict,round_to_reference,units=exact". Throws base::Error (kUsage)
// that names the flag and lists the known ones. docs/grading.md has the table.
Policy PolicyOf(std::string_view spelled);

struct FinalAnswer {
  std::string text;  // as it was written, markup of the box removed
  std::string rule;  // "box", "merged boxes", "json", "cue", "bold", "last line", "last output", "none", "given"
};
// The last box (brace-balanced; several are merged where they list one answer), JSON at the end, cue phrases in the usual wordings
// of several languages, bold, the last line, the last output; thoughts ("<think>") only where nothing follows them. Never a number
// from inside an unread formula, or from a box that does not close. Linear.
FinalAnswer FindAnswer(const std::vector<chat::Block>& blocks);
FinalAnswer FindAnswer(std::string_view message);

struct Verdict {
  Outcome outcome = Outcome::kUnknown;
  math::Equality equality = math::Equality::kUnknown;
  std::string reason;  // one line
  std::string rule;    // of the comparison
  FinalAnswer answer;
  std::chrono::nanoseconds cost{0};
};

// Thread-safe.
class Grader {
 public:
  struct Options {
    Policy policy;
    std::chrono::milliseconds deadline{100};
    int workers = 2;
  };
  Grader();
  explicit Grader(Options options);
  ~Grader();

  // `prediction` is an answer, or a message that states one (a box, a cue): FindAnswer decides.
  Verdict Grade(std::string_view reference, std::string_view prediction) const;
  Verdict Grade(std::string_view reference, const std::vector<chat::Block>& blocks) const;
  // As by its blocks; but in mode mathcoder a record of the published program is graded by the answer which that program had
  // appended.
  Verdict Grade(std::string_view reference, const chat::Transcript& transcript) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "mathcoder-grader 3 (FLINT 2.9.0, ...)": stands in a run's manifest; changes whenever verdicts may.
std::string GraderVersion();

}  // namespace mathcoder::grade
